#include "query/traceql/vocabulary.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace meshflow::query::traceql {
namespace {

constexpr std::array kIntrinsicNames = {
    IntrinsicName{"span:duration", Intrinsic::duration, false},
    IntrinsicName{"span:name", Intrinsic::name, false},
    IntrinsicName{"span:kind", Intrinsic::kind, false},
    IntrinsicName{"span:status", Intrinsic::status, false},
    IntrinsicName{"span:statusMessage", Intrinsic::status_message, false},
    IntrinsicName{"span:id", Intrinsic::span_id, true},
    IntrinsicName{"span:parentID", Intrinsic::parent_id, true},
    IntrinsicName{"span:childCount", Intrinsic::child_count, true},
    IntrinsicName{"trace:duration", Intrinsic::trace_duration, false},
    IntrinsicName{"trace:rootName", Intrinsic::root_name, false},
    IntrinsicName{"trace:rootService", Intrinsic::root_service, false},
    IntrinsicName{"trace:id", Intrinsic::trace_id, true},
    IntrinsicName{"event:name", Intrinsic::event_name, true},
    IntrinsicName{"event:timeSinceStart", Intrinsic::event_time_since_start, true},
    IntrinsicName{"link:spanID", Intrinsic::link_span_id, true},
    IntrinsicName{"link:traceID", Intrinsic::link_trace_id, true},
    IntrinsicName{"instrumentation:name", Intrinsic::instrumentation_name, true},
    IntrinsicName{"instrumentation:version", Intrinsic::instrumentation_version, true},
    IntrinsicName{"duration", Intrinsic::duration, true},
    IntrinsicName{"name", Intrinsic::name, true},
    IntrinsicName{"kind", Intrinsic::kind, true},
    IntrinsicName{"status", Intrinsic::status, true},
    IntrinsicName{"statusMessage", Intrinsic::status_message, true},
    IntrinsicName{"traceDuration", Intrinsic::trace_duration, true},
    IntrinsicName{"rootName", Intrinsic::root_name, true},
    IntrinsicName{"rootServiceName", Intrinsic::root_service, true},
    IntrinsicName{"nestedSetLeft", Intrinsic::nested_set_left, true},
    IntrinsicName{"nestedSetRight", Intrinsic::nested_set_right, true},
    IntrinsicName{"nestedSetParent", Intrinsic::nested_set_parent, true},
};

constexpr std::array<std::string_view, 13> kValueWords = {"true",        "false",  "ok",       "error",    "unset",
                                                          "server",      "client", "producer", "consumer", "internal",
                                                          "unspecified", "minInt", "maxInt"};

// The place of a text in a table whose order is the enum's.
template <typename Enum, std::size_t size>
std::optional<Enum> find_in(const std::array<std::string_view, size>& texts, std::string_view text) {
  const auto found = std::find(texts.begin(), texts.end(), text);
  if (found == texts.end()) return std::nullopt;
  return static_cast<Enum>(found - texts.begin());
}
template <typename Enum, std::size_t size>
constexpr std::string_view at(const std::array<std::string_view, size>& texts, Enum value) {
  return texts.at(static_cast<std::size_t>(value));
}

constexpr std::array<std::string_view, 3> kStatuses = {"error", "ok", "unset"};
constexpr std::array<std::string_view, 6> kKinds = {"unspecified", "internal", "server",
                                                    "client",      "producer", "consumer"};
constexpr std::array<std::string_view, 6> kScopes = {"", "span", "resource", "event", "link", "instrumentation"};
constexpr std::array<std::string_view, 6> kArithmetic = {"+", "-", "*", "/", "%", "^"};
constexpr std::array<std::string_view, 8> kComparisons = {"=", "!=", "<", "<=", ">", ">=", "=~", "!~"};
constexpr std::array<std::string_view, 17> kSpansetOperators = {
    "&&", "||", ">", "<", ">>", "<<", "~", "!>", "!<", "!>>", "!<<", "!~", "&>", "&<", "&>>", "&<<", "&~"};
constexpr std::array<std::string_view, 5> kAggregates = {"count", "avg", "max", "min", "sum"};
constexpr std::array<std::string_view, 15> kMetricsFunctions = {"rate",
                                                                "count_over_time",
                                                                "min_over_time",
                                                                "max_over_time",
                                                                "avg_over_time",
                                                                "sum_over_time",
                                                                "quantile_over_time",
                                                                "histogram_over_time",
                                                                "compare",
                                                                "count",
                                                                "min",
                                                                "max",
                                                                "avg",
                                                                "sum",
                                                                "quantile"};
constexpr std::array<std::string_view, 7> kOtherStages = {"by", "coalesce", "select", "topk", "bottomk", "with", "{"};
constexpr auto kStageWords = [] {
  std::array<std::string_view, kMetricsFunctions.size() + kOtherStages.size()> all;
  std::copy(kOtherStages.begin(), kOtherStages.end(),
            std::copy(kMetricsFunctions.begin(), kMetricsFunctions.end(), all.begin()));
  return all;
}();

}  // namespace

std::span<const std::string_view> stage_words() { return kStageWords; }

std::span<const IntrinsicName> intrinsic_names() { return kIntrinsicNames; }

std::optional<Intrinsic> intrinsic_of(std::string_view text) {
  for (const IntrinsicName& each : kIntrinsicNames) {
    if (each.text == text) return each.intrinsic;
  }
  return std::nullopt;
}

std::string_view text_of(Intrinsic intrinsic) {
  for (const IntrinsicName& each : kIntrinsicNames) {
    if (each.intrinsic == intrinsic && each.is_printed) return each.text;
  }
  return "";
}

Type type_of(Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::duration:
    case Intrinsic::trace_duration:
    case Intrinsic::event_time_since_start: return Type::duration;
    case Intrinsic::status: return Type::status;
    case Intrinsic::kind: return Type::kind;
    case Intrinsic::child_count:
    case Intrinsic::nested_set_left:
    case Intrinsic::nested_set_right:
    case Intrinsic::nested_set_parent: return Type::integer;
    default: return Type::text;
  }
}

std::string_view text_of(Status status) { return at(kStatuses, status); }
std::string_view text_of(Kind kind) { return at(kKinds, kind); }
std::string_view text_of(Scope scope) { return at(kScopes, scope); }
std::optional<Scope> scope_of(std::string_view text) {
  return text.empty() ? std::nullopt : find_in<Scope>(kScopes, text);
}
std::string_view text_of(ArithmeticOperator op) { return at(kArithmetic, op); }
std::string_view text_of(ComparisonOperator op) { return at(kComparisons, op); }
std::string_view text_of(LogicalOperator op) { return op == LogicalOperator::all ? "&&" : "||"; }
std::string_view text_of(UnaryOperator op) { return op == UnaryOperator::negate ? "-" : "!"; }
std::string_view text_of(SpansetOperator op) { return at(kSpansetOperators, op); }
std::string_view text_of(AggregateFunction function) { return at(kAggregates, function); }
std::string_view text_of(MetricsFunction function) { return at(kMetricsFunctions, function); }
std::optional<AggregateFunction> aggregate_of(std::string_view word) {
  return find_in<AggregateFunction>(kAggregates, word);
}
std::optional<MetricsFunction> metrics_function_of(std::string_view word) {
  return aggregate_of(word) ? std::nullopt : find_in<MetricsFunction>(kMetricsFunctions, word);
}

MetricsFunction whole_result_of(AggregateFunction function) {
  switch (function) {
    case AggregateFunction::count: return MetricsFunction::count;
    case AggregateFunction::avg: return MetricsFunction::avg;
    case AggregateFunction::max: return MetricsFunction::max;
    case AggregateFunction::min: return MetricsFunction::min;
    case AggregateFunction::sum: return MetricsFunction::sum;
  }
  return MetricsFunction::count;
}

bool takes_argument(MetricsFunction function) {
  switch (function) {
    case MetricsFunction::rate:
    case MetricsFunction::count_over_time:
    case MetricsFunction::compare:
    case MetricsFunction::count: return false;
    default: return true;
  }
}
bool takes_quantiles(MetricsFunction function) {
  return function == MetricsFunction::quantile_over_time || function == MetricsFunction::quantile;
}

Type type_of(const Value& value) {
  constexpr std::array kTypes = {Type::text,    Type::integer, Type::real, Type::duration,
                                 Type::boolean, Type::status,  Type::kind};
  static_assert(kTypes.size() == std::variant_size_v<Value>);
  return kTypes.at(value.index());
}

std::string_view words_for(Type type) {
  switch (type) {
    case Type::any: return "an attribute";
    case Type::text: return "text";
    case Type::integer: return "an integer";
    case Type::real: return "a number";
    case Type::duration: return "a duration";
    case Type::boolean: return "true or false";
    case Type::status: return "a status";
    case Type::kind: return "a kind";
  }
  return "";
}

std::optional<Value> value_of(std::string_view word) {
  if (word == "true" || word == "false") return Value(word == "true");
  if (const auto status = find_in<Status>(kStatuses, word)) return Value(*status);
  if (const auto kind = find_in<Kind>(kKinds, word)) return Value(*kind);
  if (word == "minInt") return Value(std::numeric_limits<std::int64_t>::min());
  if (word == "maxInt") return Value(std::numeric_limits<std::int64_t>::max());
  return std::nullopt;
}
std::span<const std::string_view> value_words() { return kValueWords; }

bool ends_attribute(char32_t character) {
  switch (character) {
    case U'{':
    case U'}':
    case U'(':
    case U')':
    case U'=':
    case U'~':
    case U'!':
    case U'<':
    case U'>':
    case U'&':
    case U'|':
    case U'^':
    case U',':
    // White space, of Unicode 15's property.
    case U' ':
    case U'\u0085':
    case U'\u00a0':
    case U'\u1680':
    case U'\u2028':
    case U'\u2029':
    case U'\u202f':
    case U'\u205f':
    case U'\u3000': return true;
    default: return (character >= U'\t' && character <= U'\r') || (character >= U'\u2000' && character <= U'\u200a');
  }
}

Power power_of(ArithmeticOperator op) {
  switch (op) {
    case ArithmeticOperator::add:
    case ArithmeticOperator::subtract: return Power::sum;
    case ArithmeticOperator::power: return Power::power;
    default: return Power::product;
  }
}
Power power_of(SpansetOperator op) {
  return op == SpansetOperator::all || op == SpansetOperator::any ? Power::logical : Power::comparison;
}

}  // namespace meshflow::query::traceql
