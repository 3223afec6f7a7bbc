#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "query/promql/ast.hpp"

namespace meshflow::query::promql {
namespace {

constexpr int kUnaryPrecedence = 6;  // operand of a sign: binds like ^
constexpr int kPostfixPrecedence = 8;

constexpr std::array<std::string_view, 15> kOperators{"or", "and", "unless", "==", "!=", "<", "<=", ">",
                                                      ">=", "+",   "-",      "*",  "/",  "%", "^"};

int precedence_of(const Expr& expr) {
  if (expr.kind == ExprKind::negate) return 5;  // as an operand of ^ or of a range it needs parentheses
  if (expr.kind == ExprKind::number && (std::signbit(expr.number) && !std::isnan(expr.number))) return 5;
  if (expr.kind != ExprKind::binary) return kPostfixPrecedence;
  if (expr.op == Operator::logical_or) return 1;
  if (is_set_operation(expr.op)) return 2;
  if (is_comparison(expr.op)) return 3;
  if (expr.op == Operator::add || expr.op == Operator::subtract) return 4;
  return expr.op == Operator::power ? 6 : 5;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Inf" : "-Inf";
  return fmt::format("{}", number);
}

std::string list(std::string_view word, const LabelList& labels) {
  return fmt::format("{} ({})", word, fmt::join(labels.labels, ", "));
}

// With parentheses where it binds less tightly than `precedence`.
std::string within(const Expr& expr, int precedence) {
  return precedence_of(expr) < precedence ? "(" + print(expr) + ")" : print(expr);
}

std::string print_selector(const Expr& expr) {
  constexpr std::array<std::string_view, 4> kMatches{"=", "!=", "=~", "!~"};
  std::string out = expr.name;
  std::string matchers;
  // A name that is no word, or that would be taken for something else, can only be said in braces.
  static constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
  static constexpr std::array<std::string_view, 7> kTaken{"inf",      "nan",        "bool",       "on",
                                                          "ignoring", "group_left", "group_right"};
  std::string lower = out;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool is_plain = !out.empty() && kFirst.find(out.front()) != std::string_view::npos &&
                        out.find_first_not_of(std::string(kFirst) + "0123456789") == std::string::npos &&
                        std::find(kTaken.begin(), kTaken.end(), lower) == kTaken.end();
  if (!out.empty() && !is_plain) {
    matchers = "__name__=" + quoted(out);
    out.clear();
  }
  for (const Matcher& each : expr.matchers) {
    matchers += fmt::format("{}{}{}{}", matchers.empty() ? "" : ",", each.label,
                            kMatches.at(static_cast<std::size_t>(each.kind)), quoted(each.value));
  }
  if (!matchers.empty() || out.empty()) out += "{" + matchers + "}";
  if (expr.range_ms != 0) out += "[" + print_duration(expr.range_ms) + "]";
  if (expr.offset_ms != 0) {
    out += fmt::format(" offset {}{}", expr.offset_ms < 0 ? "-" : "", print_duration(std::abs(expr.offset_ms)));
  }
  return out;
}

std::string print_binary(const Expr& expr) {
  const int precedence = precedence_of(expr);
  const bool groups_right = expr.op == Operator::power;
  std::string op(text_of(expr.op));
  if (expr.returns_bool) op += " bool";
  if (expr.labels) op += " " + list(expr.labels->is_inclusive ? "on" : "ignoring", *expr.labels);
  return fmt::format("{} {} {}", within(expr.children[0], groups_right ? precedence + 1 : precedence), op,
                     within(expr.children[1], groups_right ? precedence : precedence + 1));
}

std::string print_arguments(const Expr& expr) {
  std::string out;
  for (const Expr& each : expr.children) out += (out.empty() ? "" : ", ") + print(each);
  return "(" + out + ")";
}

}  // namespace

std::string_view name_of(ValueType type) noexcept {
  switch (type) {
    case ValueType::scalar: return "number";
    case ValueType::vector: return "vector";
    case ValueType::matrix: return "range of samples";
    case ValueType::text: return "text";
  }
  return "value";
}

std::string_view text_of(Operator op) noexcept { return kOperators.at(static_cast<std::size_t>(op)); }
bool is_comparison(Operator op) noexcept { return op >= Operator::equal && op <= Operator::greater_equal; }
bool is_set_operation(Operator op) noexcept { return op <= Operator::logical_unless; }

std::string print_duration(std::int64_t milliseconds) {
  struct Unit {
    std::int64_t milliseconds;
    const char* name;
  };
  static constexpr std::array<Unit, 5> kUnits{
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}}};
  std::string out;
  for (const Unit& unit : kUnits) {
    if (milliseconds / unit.milliseconds > 0) out += fmt::format("{}{}", milliseconds / unit.milliseconds, unit.name);
    milliseconds %= unit.milliseconds;
  }
  return out.empty() ? "0s" : out;
}

std::string print(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::number: return number_text(expr.number);
    case ExprKind::text: return quoted(expr.name);
    case ExprKind::selector: return print_selector(expr);
    case ExprKind::window: {
      const Expr& of = expr.children[0];
      // A range directly behind a metric would be another thing.
      const bool is_bare = of.kind == ExprKind::selector;
      return fmt::format("{}[{}]", is_bare ? "(" + print(of) + ")" : within(of, kPostfixPrecedence),
                         print_duration(expr.range_ms));
    }
    case ExprKind::negate: {
      // The sign of a number would become a part of it.
      const Expr& of = expr.children[0];
      const bool is_signed = of.kind == ExprKind::number || of.kind == ExprKind::negate;
      return "-" + (is_signed ? "(" + print(of) + ")" : within(of, kUnaryPrecedence));
    }
    case ExprKind::binary: return print_binary(expr);
    case ExprKind::aggregate: {
      const std::string labels =
          expr.labels ? " " + list(expr.labels->is_inclusive ? "by" : "without", *expr.labels) + " " : "";
      return expr.name + labels + print_arguments(expr);
    }
    case ExprKind::call: return expr.name + print_arguments(expr);
  }
  return {};
}

}  // namespace meshflow::query::promql
