#include "query/traceql/honeycomb.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/nearest.hpp"
#include "base/try.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

namespace json = boost::json;

constexpr std::size_t kFiltersMax = 100;  // Honeycomb takes as many

struct Column {
  Field field;
  bool is_milliseconds = false;
};

Column column_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Intrinsic>, 8> kIntrinsics = {
      {{"name", Intrinsic::name},
       {"trace.trace_id", Intrinsic::trace_id},
       {"trace.span_id", Intrinsic::span_id},
       {"trace.parent_id", Intrinsic::parent_id},
       {"status_message", Intrinsic::status_message},
       {"library.name", Intrinsic::instrumentation_name},
       {"library.version", Intrinsic::instrumentation_version},
       {"duration_ms", Intrinsic::duration}}};
  for (const auto& [each, intrinsic] : kIntrinsics) {
    if (each == name) return {{intrinsic}, intrinsic == Intrinsic::duration};
  }
  if (name == "service.name" || name == "service_name") return {{Attribute{Scope::resource, "service.name"}}};
  const std::size_t dot = name.find('.');
  const auto scope = dot == std::string_view::npos ? std::nullopt : scope_of(name.substr(0, dot));
  if (scope && dot + 1 < name.size()) return {{Attribute{*scope, std::string(name.substr(dot + 1))}}};
  return {{Attribute{Scope::any, std::string(name)}}};
}

tl::unexpected<Error> not_understood(std::string message, std::string hint = {}) {
  return fail(ErrorCode::invalid_input, "Honeycomb query: " + std::move(message), std::move(hint));
}

Result<Literal> literal_of(const json::value& value, const Column& column) {
  if (column.is_milliseconds) {
    if (!value.is_number()) return not_understood("duration_ms is compared with a number");
    const double nanos = std::round(value.to_number<double>() * 1e6);
    if (!(std::abs(nanos) < 9.2e18)) return not_understood("this duration is longer than 292 years");
    return Literal{Duration{static_cast<std::int64_t>(nanos)}};
  }
  if (value.is_string()) return Literal{sanitize_utf8(value.as_string())};
  if (value.is_bool()) return Literal{value.as_bool()};
  if (value.is_int64()) return Literal{value.as_int64()};
  if (value.is_number() && std::isfinite(value.to_number<double>())) return Literal{value.to_number<double>()};
  return not_understood("a value is text, a number, true or false", "lists go with the operators in and not-in");
}

// A text for RE2 that matches it and nothing else.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

Expression compared(const Column& column, ComparisonOperator op, Literal literal) {
  return {Compare{op, Expression{column.field}, Expression{std::move(literal)}}};
}

struct TextOperator {
  std::string_view name;
  std::string_view before;
  std::string_view behind;
  bool is_negative;
};
constexpr std::array kTextOperators = {
    TextOperator{"starts-with", "", ".*", false}, TextOperator{"does-not-start-with", "", ".*", true},
    TextOperator{"ends-with", ".*", "", false},   TextOperator{"does-not-end-with", ".*", "", true},
    TextOperator{"contains", ".*", ".*", false},  TextOperator{"does-not-contain", ".*", ".*", true},
};
constexpr std::array<std::string_view, 16> kOperators = {"=",           "!=",
                                                         ">",           ">=",
                                                         "<",           "<=",
                                                         "starts-with", "does-not-start-with",
                                                         "ends-with",   "does-not-end-with",
                                                         "contains",    "does-not-contain",
                                                         "exists",      "does-not-exist",
                                                         "in",          "not-in"};

Result<Expression> text_condition(const Column& column, const TextOperator& op, const json::value& value) {
  if (!value.is_string()) return not_understood(fmt::format("{} takes text", op.name));
  std::string pattern = fmt::format("(?s:{}{}{})", op.before, escaped(sanitize_utf8(value.as_string())), op.behind);
  return compared(column, op.is_negative ? ComparisonOperator::matches_not : ComparisonOperator::matches,
                  {std::move(pattern)});
}

Result<Expression> list_condition(const Column& column, bool is_negative, const json::value& value) {
  if (!value.is_array() || value.as_array().empty() || value.as_array().size() > kFiltersMax) {
    return not_understood(fmt::format("in and not-in take a list of 1 to {} values", kFiltersMax));
  }
  Logical out{is_negative ? LogicalOperator::all : LogicalOperator::any, {}};
  const auto op = is_negative ? ComparisonOperator::not_equal : ComparisonOperator::equal;
  for (const json::value& each : value.as_array()) {
    MESHFLOW_TRY(Literal literal, literal_of(each, column));
    out.operands.push_back(compared(column, op, std::move(literal)));
  }
  if (out.operands.size() == 1) return std::move(out.operands.front());
  return Expression{std::move(out)};
}

// `error = true` is a status here.
std::optional<Expression> error_condition(std::string_view column, std::string_view op, const json::value* value) {
  if (column != "error") return std::nullopt;
  const bool is_asked = op == "exists" || ((op == "=" || op == "!=") && value != nullptr && value->is_bool());
  if (!is_asked) return std::nullopt;
  const bool is_error = op == "exists" || ((op == "=") == value->as_bool());
  return compared({{Intrinsic::status}}, is_error ? ComparisonOperator::equal : ComparisonOperator::not_equal,
                  {Status::error});
}

Result<Expression> condition_of(const json::value& filter) {
  if (!filter.is_object())
    return not_understood("a filter is an object", R"(for example {"column": "cost_usd", "op": ">", "value": 0.01})");
  const json::object& object = filter.as_object();
  const json::value* name = object.if_contains("column");
  const json::value* op_value = object.if_contains("op");
  const json::value* value = object.if_contains("value");
  if (name == nullptr || !name->is_string() || name->as_string().empty())
    return not_understood("a filter has no \"column\"");
  if (op_value == nullptr || !op_value->is_string()) return not_understood("a filter has no \"op\"");
  const std::string column_name = sanitize_utf8(name->as_string());
  const std::string op = sanitize_utf8(op_value->as_string());
  if (auto error = error_condition(column_name, op, value)) return std::move(*error);
  const Column column = column_of(column_name);
  if (op == "exists" || op == "does-not-exist") return Expression{NilTest{op != "exists", Expression{column.field}}};
  if (std::find(kOperators.begin(), kOperators.end(), op) == kOperators.end()) {
    return not_understood(fmt::format("unknown op \"{}\"", op), name_hint(op, kOperators));
  }
  if (value == nullptr) return not_understood(fmt::format("the filter of {} has no \"value\"", column_name));
  for (const TextOperator& each : kTextOperators) {
    if (each.name == op) return text_condition(column, each, *value);
  }
  if (op == "in" || op == "not-in") return list_condition(column, op == "not-in", *value);
  MESHFLOW_TRY(Literal literal, literal_of(*value, column));
  for (int i = 0; i <= static_cast<int>(ComparisonOperator::greater_equal); ++i) {
    const auto comparison = static_cast<ComparisonOperator>(i);
    if (text_of(comparison) == op) return compared(column, comparison, std::move(literal));
  }
  return not_understood(fmt::format("unknown op \"{}\"", op));
}

Result<Expression> conditions_of(const json::array& filters, LogicalOperator op) {
  if (filters.size() > kFiltersMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("Honeycomb query: more than {} filters", kFiltersMax));
  }
  Logical out{op, {}};
  for (const json::value& each : filters) {
    MESHFLOW_TRY(Expression condition, condition_of(each));
    out.operands.push_back(std::move(condition));
  }
  if (out.operands.empty()) return Expression{Literal{true}};
  if (out.operands.size() == 1) return std::move(out.operands.front());
  return Expression{std::move(out)};
}

Pipeline pipeline_of(Expression condition) {
  Pipeline out;
  out.stages.emplace_back(Spanset{SpansetFilter{std::move(condition)}});
  return out;
}

// "P95" → 0.95, "P999" → 0.999, as Honeycomb names them.
std::optional<double> quantile_of(std::string_view op) {
  constexpr std::array<std::pair<std::string_view, double>, 10> kQuantiles = {{{"P001", 0.001},
                                                                               {"P01", 0.01},
                                                                               {"P05", 0.05},
                                                                               {"P10", 0.1},
                                                                               {"P25", 0.25},
                                                                               {"P50", 0.5},
                                                                               {"P75", 0.75},
                                                                               {"P90", 0.9},
                                                                               {"P95", 0.95},
                                                                               {"P99", 0.99}}};
  if (op == "P999") return 0.999;
  for (const auto& [name, quantile] : kQuantiles) {
    if (name == op) return quantile;
  }
  return std::nullopt;
}

Result<MetricsStage> stage_of(const json::value& calculation) {
  const json::object* object = calculation.if_object();
  const json::value* op_value = object == nullptr ? nullptr : object->if_contains("op");
  if (op_value == nullptr || !op_value->is_string()) return not_understood("a calculation has no \"op\"");
  const std::string op = sanitize_utf8(op_value->as_string());
  MetricsStage out{.function = MetricsFunction::count};
  if (op == "COUNT") return out;
  constexpr std::array<std::pair<std::string_view, MetricsFunction>, 4> kFunctions = {{{"SUM", MetricsFunction::sum},
                                                                                       {"AVG", MetricsFunction::avg},
                                                                                       {"MIN", MetricsFunction::min},
                                                                                       {"MAX", MetricsFunction::max}}};
  for (const auto& [name, function] : kFunctions) {
    if (name == op) out.function = function;
  }
  if (const auto quantile = quantile_of(op)) {
    out.function = MetricsFunction::quantile;
    out.quantiles = {*quantile};
  }
  if (out.function == MetricsFunction::count) {
    return fail(ErrorCode::unsupported, fmt::format("Honeycomb query: TraceQL has no calculation like {}", op),
                "there are COUNT, SUM, AVG, MIN, MAX and P001 to P999");
  }
  const json::value* column = object->if_contains("column");
  if (column == nullptr || !column->is_string() || column->as_string().empty()) {
    return not_understood(fmt::format("{} has no \"column\"", op));
  }
  out.argument = Expression{column_of(sanitize_utf8(column->as_string())).field};
  return out;
}

Result<std::vector<Field>> breakdowns_of(const json::value& list) {
  std::vector<Field> out;
  if (!list.is_array() || list.as_array().size() > kListMax)
    return not_understood("\"breakdowns\" is a list of columns");
  for (const json::value& each : list.as_array()) {
    if (!each.is_string() || each.as_string().empty()) return not_understood("\"breakdowns\" is a list of columns");
    out.push_back(column_of(sanitize_utf8(each.as_string())).field);
  }
  return out;
}

Result<Query> query_of_specification(const json::object& object) {
  LogicalOperator op = LogicalOperator::all;
  if (const json::value* combination = object.if_contains("filter_combination")) {
    if (*combination == "OR") {
      op = LogicalOperator::any;
    } else if (*combination != "AND") {
      return not_understood("\"filter_combination\" is \"AND\" or \"OR\"");
    }
  }
  Expression condition{Literal{true}};
  if (const json::value* filters = object.if_contains("filters")) {
    if (!filters->is_array()) return not_understood("\"filters\" is a list");
    MESHFLOW_TRY(condition, conditions_of(filters->as_array(), op));
  }
  std::vector<Field> by;
  if (const json::value* breakdowns = object.if_contains("breakdowns")) {
    MESHFLOW_TRY(by, breakdowns_of(*breakdowns));
  }
  const json::value* calculations = object.if_contains("calculations");
  if (calculations == nullptr && by.empty()) return Query{pipeline_of(std::move(condition))};
  MetricsStage stage{.function = MetricsFunction::count};  // what Honeycomb counts where nothing is said
  if (calculations != nullptr) {
    if (!calculations->is_array() || calculations->as_array().size() != 1) {
      return fail(ErrorCode::unsupported, "Honeycomb query: TraceQL calculates one thing at a time",
                  "give one of the \"calculations\"");
    }
    MESHFLOW_TRY(stage, stage_of(calculations->as_array().front()));
  }
  stage.by = std::move(by);
  Metrics metrics{MetricsQuery{pipeline_of(std::move(condition)), std::move(stage)}};
  if (const json::value* limit = object.if_contains("limit")) {
    if (!limit->is_int64() || limit->as_int64() < 1) return not_understood("\"limit\" is a number from 1");
    metrics.then.emplace_back(TopK{false, limit->as_int64()});
  }
  return Query{std::move(metrics)};
}

}  // namespace

Result<Query> query_of_honeycomb(std::string_view text) {
  if (text.size() > kHoneycombBytesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Honeycomb query: it has {} bytes, more than kHoneycombBytesMax ({})", text.size(),
                            kHoneycombBytesMax));
  }
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  const json::value value = json::parse(text, error, {}, options);
  if (error) return not_understood(fmt::format("it is no JSON: {}", error.message()));
  if (value.is_array()) {
    MESHFLOW_TRY(Expression condition, conditions_of(value.as_array(), LogicalOperator::all));
    return Query{pipeline_of(std::move(condition))};
  }
  if (!value.is_object())
    return not_understood("it is no object", R"(for example {"column": "cost_usd", "op": ">", "value": 0.01})");
  if (!value.as_object().contains("column")) return query_of_specification(value.as_object());
  MESHFLOW_TRY(Expression condition, condition_of(value));
  return Query{pipeline_of(std::move(condition))};
}

}  // namespace meshflow::query::traceql
