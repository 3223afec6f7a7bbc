#include "query/traceql/cell.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "query/json_writer.hpp"
#include "query/number.hpp"
#include "query/resources.hpp"

namespace meshflow::query::traceql {
namespace {

template <typename T>
bool ordered(const T& left, ComparisonOperator op, const T& right) {
  switch (op) {
    case ComparisonOperator::equal: return left == right;
    case ComparisonOperator::not_equal: return left != right;
    case ComparisonOperator::less: return left < right;
    case ComparisonOperator::less_equal: return left <= right;
    case ComparisonOperator::greater: return left > right;
    case ComparisonOperator::greater_equal: return left >= right;
    default: return false;
  }
}

bool is_equality(ComparisonOperator op) {
  return op == ComparisonOperator::equal || op == ComparisonOperator::not_equal;
}

// Integers and durations as they are; nothing for doubles and all else.
std::optional<std::int64_t> whole_number(const Cell& cell) {
  if (const auto* const integer = std::get_if<std::int64_t>(&cell.value)) return *integer;
  if (const auto* const duration = std::get_if<Duration>(&cell.value)) return duration->nanos;
  return std::nullopt;
}

bool compare_numbers(const Cell& left, ComparisonOperator op, const Cell& right) {
  const auto left_whole = whole_number(left);
  const auto right_whole = whole_number(right);
  if (left_whole && right_whole) return ordered(*left_whole, op, *right_whole);
  return ordered(number_in(left), op, number_in(right));
}

template <typename T>
bool compare_equality(const Cell& left, ComparisonOperator op, const Cell& right) {
  return is_equality(op) && ordered(std::get<T>(left.value), op, std::get<T>(right.value));
}

bool compare_array(const Array& array, ComparisonOperator op, const Cell& other) {
  if (std::holds_alternative<Array>(other.value)) return false;
  const bool of_all = op == ComparisonOperator::not_equal;
  for (const Cell& each : array.of) {
    if (compare(each, op, other) != of_all) return !of_all;
  }
  return of_all;
}

std::int64_t wrapped(std::uint64_t number) { return static_cast<std::int64_t>(number); }

Cell calculate_integers(std::int64_t left, ArithmeticOperator op, std::int64_t right) {
  const auto a = static_cast<std::uint64_t>(left);
  const auto b = static_cast<std::uint64_t>(right);
  switch (op) {
    case ArithmeticOperator::add: return {wrapped(a + b)};
    case ArithmeticOperator::subtract: return {wrapped(a - b)};
    case ArithmeticOperator::multiply: return {wrapped(a * b)};
    case ArithmeticOperator::divide:
      if (right == 0) return {};
      return {right == -1 ? wrapped(0 - a) : left / right};
    case ArithmeticOperator::modulo:
      if (right == 0) return {};
      return {right == -1 ? std::int64_t{0} : left % right};
    case ArithmeticOperator::power: {
      const double power = std::pow(static_cast<double>(left), static_cast<double>(right));
      if (!(std::abs(power) < 0x1p63)) return {power};
      return {static_cast<std::int64_t>(power)};
    }
  }
  return {};
}

Cell calculate_doubles(double left, ArithmeticOperator op, double right) {
  switch (op) {
    case ArithmeticOperator::add: return {left + right};
    case ArithmeticOperator::subtract: return {left - right};
    case ArithmeticOperator::multiply: return {left * right};
    case ArithmeticOperator::divide: return {left / right};
    case ArithmeticOperator::modulo: return {std::fmod(left, right)};
    case ArithmeticOperator::power: return {std::pow(left, right)};
  }
  return {};
}

template <typename Work>
Cell for_each_of(const Several& several, Work work) {
  Several made;
  for (const Cell& each : several.of) made.of.push_back(work(each));
  return {std::move(made)};
}

struct Text {
  std::string operator()(std::monostate) const { return "nil"; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
  std::string operator()(double number) const {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", number);
  }
  std::string operator()(Duration duration) const { return go_duration(duration.nanos); }
  std::string operator()(Status status) const {
    return status == Status::error ? "error" : status == Status::ok ? "ok" : "unset";
  }
  std::string operator()(Kind kind) const {
    switch (kind) {
      case Kind::internal: return "internal";
      case Kind::server: return "server";
      case Kind::client: return "client";
      case Kind::producer: return "producer";
      case Kind::consumer: return "consumer";
      default: return "unspecified";
    }
  }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(const Array& array) const { return list(array.of); }
  std::string operator()(const Several& several) const { return list(several.of); }
  std::string operator()(const Opaque& opaque) const { return opaque.json; }

  static std::string list(const std::vector<Cell>& cells) {
    std::string out = "[";
    for (const Cell& each : cells) {
      if (out.size() > 1) out += ",";
      if (const auto* const text = std::get_if<std::string>(&each.value)) {
        append_json_string(out, *text, true);
      } else {
        out += text_of(each);
      }
    }
    return out + "]";
  }
};

}  // namespace

Cell cell_of(const Value& literal) {
  return std::visit([](const auto& value) { return Cell{value}; }, literal);
}

Cell cell_of(const otlp::AnyValue& value) {
  struct Convert {
    Cell operator()(std::monostate) const { return {}; }
    Cell operator()(const std::string& text) const { return {text}; }
    Cell operator()(bool flag) const { return {flag}; }
    Cell operator()(std::int64_t number) const { return {number}; }
    Cell operator()(double number) const { return {number}; }
    Cell operator()(const otlp::ArrayValue& array) const {
      Array made;
      for (const otlp::AnyValue& each : array) made.of.push_back(cell_of(each));
      return {std::move(made)};
    }
    Cell operator()(const otlp::KeyValueList&) const { return {Opaque{query::text_of(whole)}}; }
    Cell operator()(const otlp::Bytes&) const { return {Opaque{query::text_of(whole)}}; }
    const otlp::AnyValue& whole;
  };
  return std::visit(Convert{value}, value.value);
}

Cell status_cell(std::int32_t otlp_status) {
  switch (static_cast<otlp::StatusCode>(otlp_status)) {
    case otlp::StatusCode::ok: return {Status::ok};
    case otlp::StatusCode::error: return {Status::error};
    default: return {Status::unset};
  }
}

Cell kind_cell(std::int32_t otlp_kind) {
  switch (static_cast<otlp::SpanKind>(otlp_kind)) {
    case otlp::SpanKind::internal: return {Kind::internal};
    case otlp::SpanKind::server: return {Kind::server};
    case otlp::SpanKind::client: return {Kind::client};
    case otlp::SpanKind::producer: return {Kind::producer};
    case otlp::SpanKind::consumer: return {Kind::consumer};
    default: return {Kind::unspecified};
  }
}

bool is_number(const Cell& cell) {
  return std::holds_alternative<std::int64_t>(cell.value) || std::holds_alternative<double>(cell.value) ||
         std::holds_alternative<Duration>(cell.value);
}

double number_in(const Cell& cell) {
  if (const double* const number = std::get_if<double>(&cell.value)) return *number;
  const auto whole = whole_number(cell);
  return whole ? static_cast<double>(*whole) : std::numeric_limits<double>::quiet_NaN();
}

ComparisonOperator flipped(ComparisonOperator op) {
  switch (op) {
    case ComparisonOperator::less: return ComparisonOperator::greater;
    case ComparisonOperator::less_equal: return ComparisonOperator::greater_equal;
    case ComparisonOperator::greater: return ComparisonOperator::less;
    case ComparisonOperator::greater_equal: return ComparisonOperator::less_equal;
    default: return op;
  }
}

bool compare(const Cell& left, ComparisonOperator op, const Cell& right) {
  if (const auto* const several = std::get_if<Several>(&left.value)) {
    return std::any_of(several->of.begin(), several->of.end(),
                       [&](const Cell& each) { return compare(each, op, right); });
  }
  if (const auto* const several = std::get_if<Several>(&right.value)) {
    return std::any_of(several->of.begin(), several->of.end(),
                       [&](const Cell& each) { return compare(left, op, each); });
  }
  if (left.is_nil() || right.is_nil()) return false;  // an array of nothing, too, is not unequal to what is missing
  if (const auto* const array = std::get_if<Array>(&left.value)) return compare_array(*array, op, right);
  if (const auto* const array = std::get_if<Array>(&right.value)) return compare_array(*array, flipped(op), left);
  if (is_number(left) && is_number(right)) return compare_numbers(left, op, right);
  if (left.value.index() != right.value.index()) return false;
  if (std::holds_alternative<std::string>(left.value)) {
    return ordered(std::get<std::string>(left.value), op, std::get<std::string>(right.value));
  }
  if (std::holds_alternative<bool>(left.value)) return compare_equality<bool>(left, op, right);
  if (std::holds_alternative<Status>(left.value)) return compare_equality<Status>(left, op, right);
  if (std::holds_alternative<Kind>(left.value)) return compare_equality<Kind>(left, op, right);
  return false;
}

Cell calculate(const Cell& left, ArithmeticOperator op, const Cell& right) {
  if (const auto* const several = std::get_if<Several>(&left.value)) {
    return for_each_of(*several, [&](const Cell& each) { return calculate(each, op, right); });
  }
  if (const auto* const several = std::get_if<Several>(&right.value)) {
    return for_each_of(*several, [&](const Cell& each) { return calculate(left, op, each); });
  }
  const auto* const left_integer = std::get_if<std::int64_t>(&left.value);
  const auto* const right_integer = std::get_if<std::int64_t>(&right.value);
  if (left_integer != nullptr && right_integer != nullptr) return calculate_integers(*left_integer, op, *right_integer);
  if (!is_number(left) || !is_number(right)) return {};
  return calculate_doubles(number_in(left), op, number_in(right));
}

Cell negate(const Cell& operand) {
  if (const auto* const several = std::get_if<Several>(&operand.value)) {
    return for_each_of(*several, [](const Cell& each) { return negate(each); });
  }
  if (const auto* const integer = std::get_if<std::int64_t>(&operand.value)) {
    return {wrapped(0 - static_cast<std::uint64_t>(*integer))};
  }
  if (const auto* const duration = std::get_if<Duration>(&operand.value)) {
    return {Duration{wrapped(0 - static_cast<std::uint64_t>(duration->nanos))}};
  }
  if (const double* const number = std::get_if<double>(&operand.value)) return {-*number};
  return {};
}

std::string key_of(const Cell& cell) { return static_cast<char>('a' + cell.value.index()) + text_of(cell); }

std::string text_of(const Cell& cell) { return std::visit(Text{}, cell.value); }

}  // namespace meshflow::query::traceql
