#include "query/traceql/printer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

// ---- values ----

std::string real_text(double value) {
  std::string out = fmt::format("{}", value);  // the shortest that reads back
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string integer_text(std::int64_t value) {
  return value == std::numeric_limits<std::int64_t>::min() ? "minInt" : fmt::format("{}", value);
}

// The number of `unit`s with as many decimals as are not 0.
std::string decimal_text(std::uint64_t nanos, std::uint64_t unit) {
  std::string out = fmt::format("{}", nanos / unit);
  std::uint64_t rest = nanos % unit;
  if (rest > 0) out += '.';
  while (rest > 0) {
    unit /= 10;
    out += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
  return out;
}

// "1h30m", "2.5s", "100us".
std::string duration_text(Duration duration) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  if (duration.nanos == 0) return "0s";
  std::string out = duration.nanos < 0 ? "-" : "";
  std::uint64_t rest = static_cast<std::uint64_t>(duration.nanos);
  if (duration.nanos < 0) rest = 0 - rest;
  if (rest >= 3'600 * kSecond) out += fmt::format("{}h", rest / (3'600 * kSecond));
  rest %= 3'600 * kSecond;
  if (rest >= 60 * kSecond) out += fmt::format("{}m", rest / (60 * kSecond));
  rest %= 60 * kSecond;
  if (rest >= kSecond) return out + decimal_text(rest, kSecond) + "s";
  if (rest >= 1'000'000) return out + decimal_text(rest, 1'000'000) + "ms";
  if (rest >= 1'000) return out + decimal_text(rest, 1'000) + "us";
  return rest > 0 ? fmt::format("{}{}ns", out, rest) : out;
}

// ---- fields ----

// The size of the UTF-8 character at the front of `text`, and the character; 0 where there is none.
std::pair<std::size_t, char32_t> character_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {1, byte(0)};
  for (std::size_t size = 2; size <= 4 && size <= text.size(); ++size) {
    if (!is_valid_utf8(text.substr(0, size))) continue;
    char32_t code = byte(0) & (0xff >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) code = (code << 6) | (byte(i) & 0x3f);
    return {size, code};
  }
  return {0, 0};
}

bool needs_quotes(const Attribute& attribute) {
  const std::string_view name = attribute.name;
  const bool is_number =
      attribute.scope == Scope::any && !attribute.of_parent && name.front() >= '0' && name.front() <= '9';
  const bool has_scope = attribute.scope == Scope::any && attribute.of_parent &&
                         (name.starts_with("span.") || name.starts_with("resource."));
  if (is_number || has_scope) return true;
  for (std::size_t at = 0; at < name.size();) {
    const auto [size, character] = character_of(name.substr(at));
    if (size == 0 || character == U'"' || character < 0x20 || ends_attribute(character)) return true;
    at += size;
  }
  return false;
}

std::string attribute_text(const Attribute& attribute) {
  std::string out = attribute.of_parent ? "parent." : "";
  if (attribute.scope != Scope::any) {
    out += text_of(attribute.scope);
    out += '.';
  } else if (!attribute.of_parent) {
    out += '.';
  }
  if (!needs_quotes(attribute)) return out + attribute.name;
  out += '"';
  for (const char c : attribute.name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// ---- expressions ----

// What an expression binds with when it is written down.
Power power_of(const Expression& expression) {
  struct Visitor {
    Power operator()(const Literal& literal) const {
      const auto* integer = std::get_if<std::int64_t>(&literal.value);
      if (integer != nullptr && *integer == std::numeric_limits<std::int64_t>::min()) return Power::atom;
      return print(literal.value).starts_with('-') ? Power::sum : Power::atom;
    }
    Power operator()(const Field&) const { return Power::atom; }
    Power operator()(const Unary& unary) const {
      return unary.op == UnaryOperator::negate ? Power::sum : Power::negation;
    }
    Power operator()(const Arithmetic& arithmetic) const { return traceql::power_of(arithmetic.op); }
    Power operator()(const Compare&) const { return Power::comparison; }
    Power operator()(const NilTest&) const { return Power::comparison; }
    Power operator()(const Logical&) const { return Power::logical; }
  };
  return std::visit(Visitor{}, expression.of);
}

// An operand of an operator that needs at least `power` of it.
std::string operand_text(const Expression& operand, Power power) {
  return power_of(operand) < power ? fmt::format("({})", print(operand)) : print(operand);
}
Power above(Power power) { return static_cast<Power>(static_cast<int>(power) + 1); }

std::string binary_text(const Expression& left, std::string_view op, Power power, const Expression& right) {
  const bool is_right = power == Power::power;  // a ^ (b ^ c)
  return fmt::format("{} {} {}", operand_text(left, is_right ? above(power) : power), op,
                     operand_text(right, is_right ? power : above(power)));
}

struct ExpressionText {
  std::string operator()(const Literal& literal) const { return print(literal.value); }
  std::string operator()(const Field& field) const { return print(field); }
  std::string operator()(const Unary& unary) const {
    // -a ^ b would do for -(a ^ b), but nobody reads it so.
    const bool is_unary = std::holds_alternative<Unary>(unary.operand->of);
    return fmt::format("{}{}", text_of(unary.op), operand_text(*unary.operand, is_unary ? Power::none : Power::atom));
  }
  std::string operator()(const Arithmetic& arithmetic) const {
    return binary_text(*arithmetic.left, text_of(arithmetic.op), traceql::power_of(arithmetic.op), *arithmetic.right);
  }
  std::string operator()(const Compare& compare) const {
    // a = b = c would do for (a = b) = c, but nobody reads it so.
    return fmt::format("{} {} {}", operand_text(*compare.left, Power::sum), text_of(compare.op),
                       operand_text(*compare.right, Power::sum));
  }
  std::string operator()(const NilTest& test) const {
    return fmt::format("{} {} nil", operand_text(*test.operand, Power::sum), test.is_nil ? "=" : "!=");
  }
  std::string operator()(const Logical& logical) const {
    std::string out;
    for (const Expression& each : logical.operands) {
      if (!out.empty()) out += fmt::format(" {} ", text_of(logical.op));
      out += operand_text(each, Power::comparison);
    }
    return out;
  }
};

// ---- sets of spans and stages ----

std::string filter_text(const SpansetFilter& filter) {
  const auto* literal = std::get_if<Literal>(&filter.condition.of);
  if (literal != nullptr && literal->value == Value(true)) return "{ }";
  return fmt::format("{{ {} }}", print(filter.condition));
}

std::string spanset_text(const Spanset& spanset);

// Operands of && and || are read most easily when all other operators among them stand in parentheses.
std::string spanset_operand_text(const Spanset& operand, SpansetOperator op, bool is_left) {
  const auto* inner = std::get_if<SpansetOperation>(&operand.of);
  if (inner == nullptr) return spanset_text(operand);
  const bool is_same_chain = is_left && inner->op == op;
  return is_same_chain ? spanset_text(operand) : fmt::format("({})", spanset_text(operand));
}

std::string spanset_text(const Spanset& spanset) {
  if (const auto* filter = std::get_if<SpansetFilter>(&spanset.of)) return filter_text(*filter);
  if (const auto* pipeline = std::get_if<Box<Pipeline>>(&spanset.of)) return fmt::format("({})", print(**pipeline));
  const auto& operation = std::get<SpansetOperation>(spanset.of);
  return fmt::format("{} {} {}", spanset_operand_text(*operation.left, operation.op, true), text_of(operation.op),
                     spanset_operand_text(*operation.right, operation.op, false));
}

std::string aggregate_text(const Aggregate& aggregate) {
  return fmt::format("{}({})", text_of(aggregate.function), aggregate.argument ? print(*aggregate.argument) : "");
}

std::string scalar_text(const Scalar& scalar);

std::string scalar_operand_text(const Scalar& operand, Power power) {
  const auto* inner = std::get_if<ScalarOperation>(&operand.of);
  const bool needs_parentheses = inner != nullptr && traceql::power_of(inner->op) < power;
  return needs_parentheses ? fmt::format("({})", scalar_text(operand)) : scalar_text(operand);
}

std::string scalar_text(const Scalar& scalar) {
  if (const auto* literal = std::get_if<Literal>(&scalar.of)) return print(literal->value);
  if (const auto* aggregate = std::get_if<Aggregate>(&scalar.of)) return aggregate_text(*aggregate);
  const auto& operation = std::get<ScalarOperation>(scalar.of);
  const Power power = traceql::power_of(operation.op);
  const bool is_right = power == Power::power;
  return fmt::format("{} {} {}", scalar_operand_text(*operation.left, is_right ? above(power) : power),
                     text_of(operation.op), scalar_operand_text(*operation.right, is_right ? power : above(power)));
}

std::string list_text(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) out += (out.empty() ? "" : ", ") + print(field);
  return out;
}

struct StageText {
  std::string operator()(const Spanset& spanset) const { return spanset_text(spanset); }
  std::string operator()(const ScalarFilter& filter) const {
    return fmt::format("{} {} {}", scalar_text(filter.left), text_of(filter.op), scalar_text(filter.right));
  }
  std::string operator()(const GroupBy& group) const { return fmt::format("by({})", print(group.by)); }
  std::string operator()(const Coalesce&) const { return "coalesce()"; }
  std::string operator()(const Select& select) const { return fmt::format("select({})", list_text(select.fields)); }
};

// ---- metrics ----

std::string metrics_stage_text(const MetricsStage& stage) {
  std::string arguments;
  if (stage.compare) {
    arguments = filter_text(stage.compare->selection);
    const bool has_range = stage.compare->start != 0 || stage.compare->end != 0;
    if (has_range || stage.compare->top != CompareArguments{{}}.top)
      arguments += fmt::format(", {}", stage.compare->top);
    if (has_range) arguments += fmt::format(", {}, {}", stage.compare->start, stage.compare->end);
  }
  if (stage.argument) arguments += print(*stage.argument);
  for (const double quantile : stage.quantiles) arguments += ", " + real_text(quantile);
  std::string out = fmt::format("{}({})", text_of(stage.function), arguments);
  if (!stage.by.empty()) out += fmt::format(" by ({})", list_text(stage.by));
  return out;
}

std::string second_stage_text(const SecondStage& stage) {
  if (const auto* top = std::get_if<TopK>(&stage)) {
    return fmt::format(" | {}({})", top->is_bottom ? "bottomk" : "topk", top->k);
  }
  const auto& filter = std::get<MetricsFilter>(stage);
  return fmt::format(" {} {}", text_of(filter.op), print(filter.value.value));
}

// A whole result's aggregate without by() would be one of each trace if a comparison followed it directly.
bool reads_as_scalar(const Metrics& metrics) {
  const auto* query = std::get_if<MetricsQuery>(&metrics.of);
  if (query == nullptr || metrics.then.empty() || !query->stage.by.empty()) return false;
  if (!std::holds_alternative<MetricsFilter>(metrics.then.front())) return false;
  return aggregate_of(text_of(query->stage.function)).has_value();
}

std::string metrics_operand_text(const MetricsOperand& operand, Power power) {
  if (const auto* literal = std::get_if<Literal>(&operand)) return print(literal->value);
  const Metrics& metrics = *std::get<Box<Metrics>>(operand);
  const auto* inner = std::get_if<MetricsOperation>(&metrics.of);
  const bool needs_none = inner != nullptr && metrics.then.empty() && traceql::power_of(inner->op) >= power;
  return needs_none ? print(metrics) : fmt::format("({})", print(metrics));
}

std::string metrics_body_text(const Metrics& metrics) {
  if (const auto* query = std::get_if<MetricsQuery>(&metrics.of)) {
    return fmt::format("{} | {}", print(query->pipeline), metrics_stage_text(query->stage));
  }
  const auto& operation = std::get<MetricsOperation>(metrics.of);
  const Power power = traceql::power_of(operation.op);
  return fmt::format("{} {} {}", metrics_operand_text(operation.left, power), text_of(operation.op),
                     metrics_operand_text(operation.right, above(power)));
}

}  // namespace

std::string print(const Value& value) {
  struct Visitor {
    std::string operator()(const std::string& text) const { return quoted(text); }
    std::string operator()(std::int64_t integer) const { return integer_text(integer); }
    std::string operator()(double real) const { return real_text(real); }
    std::string operator()(Duration duration) const { return duration_text(duration); }
    std::string operator()(bool boolean) const { return boolean ? "true" : "false"; }
    std::string operator()(Status status) const { return std::string(text_of(status)); }
    std::string operator()(Kind kind) const { return std::string(text_of(kind)); }
  };
  return std::visit(Visitor{}, value);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto [size, character] = character_of(text.substr(at));
    if (size == 0 || (character < 0x20 && character != '\n' && character != '\r' && character != '\t') ||
        character == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
      ++at;
      continue;
    }
    switch (character) {
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      default: out += text.substr(at, size);
    }
    at += size;
  }
  return out + '"';
}

std::string print(const Field& field) {
  if (const auto* intrinsic = std::get_if<Intrinsic>(&field.of)) return std::string(text_of(*intrinsic));
  return attribute_text(std::get<Attribute>(field.of));
}

std::string print(const Expression& expression) { return std::visit(ExpressionText{}, expression.of); }

std::string print(const Pipeline& pipeline) {
  std::string out;
  for (const Stage& stage : pipeline.stages) {
    if (!out.empty()) out += " | ";
    out += std::visit(StageText{}, stage);
  }
  return out;
}

std::string print(const Metrics& metrics) {
  std::string out =
      reads_as_scalar(metrics) ? fmt::format("({})", metrics_body_text(metrics)) : metrics_body_text(metrics);
  for (const SecondStage& stage : metrics.then) out += second_stage_text(stage);
  return out;
}

std::string print(const Query& query) {
  std::string out = std::visit([](const auto& each) { return print(each); }, query.of);
  std::string hints;
  for (const Hint& hint : query.hints) {
    hints += fmt::format("{}{} = {}", hints.empty() ? "" : ", ", hint.name, print(hint.value.value));
  }
  return hints.empty() ? out : fmt::format("{} with ({})", out, hints);
}

}  // namespace meshflow::query::traceql
