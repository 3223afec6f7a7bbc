#include "query/traceql_oracle_trace.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "query/traceql_answer.hpp"

namespace meshflow::query::traceql::test {
namespace {

const otlp::AnyValue* find(const otlp::KeyValueList& list, std::string_view key) {
  for (const otlp::KeyValue& each : list) {
    if (each.key == key && !std::holds_alternative<std::monostate>(each.value.value)) return &each.value;
  }
  return nullptr;
}

OracleValue value_or_missing(const otlp::AnyValue* value) {
  return value == nullptr ? OracleValue{} : oracle_value(*value);
}

// The lesson's names without their prefix, which stand for the attribute with it.
std::string long_name(std::string_view key) {
  constexpr std::string_view kNames[] = {"agent_id", "block_reason", "blocked",       "carbon_g",        "compliance",
                                         "cost_usd", "gate_result",  "gate.name",     "iteration",       "node_id",
                                         "role",     "route",        "rule_id",       "run_id",          "status",
                                         "tokens",   "trace_id",     "uncertainty",   "variant",         "verdict",
                                         "attempt",  "confidence",   "workflow.name", "workflow.version"};
  for (const std::string_view each : kNames) {
    if (each == key) return "meshflow." + std::string(key);
  }
  return {};
}
bool is_run_cost(std::string_view key) { return key == "run_cost_usd" || key == "meshflow.run_cost_usd"; }

const otlp::AnyValue* find_in(const OracleSpan& span, Scope scope, std::string_view key) {
  const otlp::AnyValue* const own = scope == Scope::resource ? nullptr : find(span.span->attributes, key);
  return own != nullptr || scope == Scope::span ? own : find(span.resource->attributes, key);
}

OracleValue attribute(const OracleSpan& span, const Attribute& attribute) {
  OracleSeveral several;
  switch (attribute.scope) {
    case Scope::instrumentation: return value_or_missing(find(span.scope->attributes, attribute.name));
    case Scope::event:
      for (const otlp::Event& each : span.span->events) {
        if (const auto* value = find(each.attributes, attribute.name)) several.each.push_back(oracle_value(*value));
      }
      return {std::move(several)};
    case Scope::link:
      for (const otlp::Link& each : span.span->links) {
        if (const auto* value = find(each.attributes, attribute.name)) several.each.push_back(oracle_value(*value));
      }
      return {std::move(several)};
    default: break;
  }
  if (const auto* value = find_in(span, attribute.scope, attribute.name)) return oracle_value(*value);
  if (is_run_cost(attribute.name) && attribute.scope != Scope::resource) {
    return span.span->name == "meshflow.run" ? value_or_missing(find(span.span->attributes, "meshflow.cost_usd"))
                                             : OracleValue{};
  }
  const std::string meant = long_name(attribute.name);
  return meant.empty() ? OracleValue{} : value_or_missing(find_in(span, attribute.scope, meant));
}

std::string span_id_text(const otlp::SpanId& id) { return otlp::is_set(id) ? hex(id.data(), id.size()) : ""; }

std::string trace_id_text(const otlp::TraceId& id) { return hex(id.data(), id.size()); }

std::string without_zeros(const std::string& digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string::npos ? "" : digits.substr(first);
}

template <typename List, typename Make>
OracleValue each_of(const List& list, Make make) {
  OracleSeveral several;
  for (const auto& each : list) several.each.push_back({make(each)});
  return {std::move(several)};
}

OracleValue of_events_and_links(const otlp::Span& span, Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::event_name: return each_of(span.events, [](const otlp::Event& each) { return each.name; });
    case Intrinsic::event_time_since_start:
      return each_of(span.events, [&](const otlp::Event& each) {
        return Duration{static_cast<std::int64_t>(each.time_unix_nano - span.start_time_unix_nano)};
      });
    case Intrinsic::link_span_id:
      return each_of(span.links, [](const otlp::Link& each) { return span_id_text(each.span_id); });
    default: return each_of(span.links, [](const otlp::Link& each) { return trace_id_text(each.trace_id); });
  }
}

OracleValue intrinsic(const OracleTrace& trace, const OracleSpan& of, Intrinsic intrinsic) {
  const otlp::Span& span = *of.span;
  switch (intrinsic) {
    case Intrinsic::duration:
      return {Duration{static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano)}};
    case Intrinsic::name: return {span.name};
    case Intrinsic::status:
      return {span.status.code == otlp::StatusCode::error ? Status::error
              : span.status.code == otlp::StatusCode::ok  ? Status::ok
                                                          : Status::unset};
    case Intrinsic::status_message: return {span.status.message};
    case Intrinsic::kind: return {static_cast<Kind>(static_cast<int>(span.kind))};
    case Intrinsic::child_count: return {static_cast<std::int64_t>(of.children.size())};
    case Intrinsic::span_id: return {span_id_text(span.span_id)};
    case Intrinsic::parent_id: return {span_id_text(span.parent_span_id)};
    case Intrinsic::trace_id: return {trace_id_text(trace.id)};
    case Intrinsic::trace_duration: return {Duration{trace.duration}};
    case Intrinsic::root_name: return {trace.root_name};
    case Intrinsic::root_service: return {trace.root_service};
    case Intrinsic::nested_set_left: return {of.nested_left};
    case Intrinsic::nested_set_right: return {of.nested_right};
    case Intrinsic::nested_set_parent: return {of.nested_parent};
    case Intrinsic::instrumentation_name: return {of.scope->name};
    case Intrinsic::instrumentation_version: return {of.scope->version};
    default: return of_events_and_links(span, intrinsic);
  }
}

void number_nested(OracleTrace& trace, int at, std::int64_t parent, std::int64_t& next) {
  OracleSpan& span = trace.spans[static_cast<std::size_t>(at)];
  span.nested_parent = parent;
  span.nested_left = next++;
  for (const int child : span.children) number_nested(trace, child, span.nested_left, next);
  span.nested_right = next++;
}

void connect(OracleTrace& trace) {
  std::map<otlp::SpanId, int> places;
  for (std::size_t i = 0; i < trace.spans.size(); ++i) places[trace.spans[i].span->span_id] = static_cast<int>(i);
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < trace.spans.size(); ++i) {
    OracleSpan& each = trace.spans[i];
    first = std::min(first, each.span->start_time_unix_nano);
    last = std::max(last, each.span->end_time_unix_nano);
    const auto parent = places.find(each.span->parent_span_id);
    if (parent == places.end() || parent->second == static_cast<int>(i)) continue;
    each.parent = parent->second;
    trace.spans[static_cast<std::size_t>(each.parent)].children.push_back(static_cast<int>(i));
  }
  trace.duration = static_cast<std::int64_t>(last - first);
  std::int64_t next = 1;
  for (std::size_t i = 0; i < trace.spans.size(); ++i) {
    if (otlp::is_set(trace.spans[i].span->parent_span_id)) continue;
    if (next == 1) {
      trace.root_name = trace.spans[i].span->name;
      const auto* service = find(trace.spans[i].resource->attributes, "service.name");
      if (service != nullptr && std::holds_alternative<std::string>(service->value)) {
        trace.root_service = std::get<std::string>(service->value);
      }
    }
    number_nested(trace, static_cast<int>(i), -1, next);
  }
}

bool is_trace_id(const Expression& expression) {
  const auto* field = std::get_if<Field>(&expression.of);
  const auto* intrinsic = field == nullptr ? nullptr : std::get_if<Intrinsic>(&field->of);
  return intrinsic != nullptr && (*intrinsic == Intrinsic::trace_id || *intrinsic == Intrinsic::link_trace_id);
}

// Zeros before a trace id do not matter, on neither side.
OracleValue trimmed(OracleValue value) {
  if (auto* text = std::get_if<std::string>(&value.of)) *text = without_zeros(*text);
  if (auto* several = std::get_if<OracleSeveral>(&value.of)) {
    for (OracleValue& each : several->each) each = trimmed(std::move(each));
  }
  return value;
}

struct Evaluate {
  const OracleTrace& trace;
  int span;

  OracleValue operator()(const Literal& literal) const { return oracle_value(literal.value); }
  OracleValue operator()(const Field& field) const { return oracle_field(trace, span, field); }
  OracleValue operator()(const Unary& unary) const {
    const OracleValue value = of(*unary.operand);
    if (unary.op == UnaryOperator::negate) return oracle_negate(value);
    const auto* flag = std::get_if<bool>(&value.of);
    return flag == nullptr ? OracleValue{} : OracleValue{!*flag};
  }
  OracleValue operator()(const Arithmetic& operation) const {
    return oracle_calculate(of(*operation.left), operation.op, of(*operation.right));
  }
  OracleValue operator()(const Compare& compare) const {
    OracleValue left = of(*compare.left);
    OracleValue right = of(*compare.right);
    if (compare.op == ComparisonOperator::matches || compare.op == ComparisonOperator::matches_not) {
      const auto* pattern = std::get_if<std::string>(&right.of);
      return {pattern != nullptr && oracle_match(left, *pattern, compare.op == ComparisonOperator::matches)};
    }
    if (is_trace_id(*compare.left) || is_trace_id(*compare.right)) {
      left = trimmed(std::move(left));
      right = trimmed(std::move(right));
    }
    return {oracle_compare(left, compare.op, right)};
  }
  OracleValue operator()(const NilTest& test) const { return {of(*test.operand).is_missing() == test.is_nil}; }
  OracleValue operator()(const Logical& logical) const {
    const bool is_all = logical.op == LogicalOperator::all;
    for (const Expression& each : logical.operands) {
      if (of(each).is_true() != is_all) return {!is_all};
    }
    return {is_all};
  }
  [[nodiscard]] OracleValue of(const Expression& expression) const { return oracle_evaluate(trace, span, expression); }
};

constexpr const char* kIntrinsicNames[] = {"duration",
                                           "name",
                                           "status",
                                           "statusMessage",
                                           "kind",
                                           "span:childCount",
                                           "span:id",
                                           "span:parentID",
                                           "trace:id",
                                           "traceDuration",
                                           "rootName",
                                           "rootServiceName",
                                           "nestedSetLeft",
                                           "nestedSetRight",
                                           "nestedSetParent",
                                           "event:name",
                                           "event:timeSinceStart",
                                           "link:spanID",
                                           "link:traceID",
                                           "instrumentation:name",
                                           "instrumentation:version"};
constexpr const char* kComparisons[] = {" = ", " != ", " < ", " <= ", " > ", " >= ", " =~ ", " !~ "};
constexpr const char* kArithmetic[] = {" + ", " - ", " * ", " / ", " % ", " ^ "};

}  // namespace

std::vector<OracleTrace> oracle_traces(const otlp::TracesData& data) {
  std::map<otlp::TraceId, OracleTrace> traces;
  for (const otlp::ResourceSpans& resource : data.resource_spans) {
    for (const otlp::ScopeSpans& scope : resource.scope_spans) {
      for (const otlp::Span& span : scope.spans) {
        OracleTrace& trace = traces[span.trace_id];
        trace.id = span.trace_id;
        const bool is_twin = std::any_of(trace.spans.begin(), trace.spans.end(),
                                         [&](const OracleSpan& each) { return each.span->span_id == span.span_id; });
        if (!is_twin) trace.spans.push_back({&span, &resource.resource, &scope.scope});
      }
    }
  }
  std::vector<OracleTrace> out;
  for (auto& [id, trace] : traces) {
    std::sort(trace.spans.begin(), trace.spans.end(), [](const OracleSpan& a, const OracleSpan& b) {
      return std::tie(a.span->start_time_unix_nano, a.span->span_id) <
             std::tie(b.span->start_time_unix_nano, b.span->span_id);
    });
    connect(trace);
    out.push_back(std::move(trace));
  }
  return out;
}

OracleValue oracle_field(const OracleTrace& trace, int span, const Field& field) {
  const OracleSpan& of = trace.spans[static_cast<std::size_t>(span)];
  if (const auto* which = std::get_if<Intrinsic>(&field.of)) return intrinsic(trace, of, *which);
  const auto& which = std::get<Attribute>(field.of);
  if (!which.of_parent) return attribute(of, which);
  return of.parent < 0 ? OracleValue{} : attribute(trace.spans[static_cast<std::size_t>(of.parent)], which);
}

OracleValue oracle_evaluate(const OracleTrace& trace, int span, const Expression& expression) {
  return std::visit(Evaluate{trace, span}, expression.of);
}

std::string oracle_name(const Field& field) {
  if (const auto* which = std::get_if<Intrinsic>(&field.of)) return kIntrinsicNames[static_cast<int>(*which)];
  const auto& which = std::get<Attribute>(field.of);
  constexpr const char* kScopes[] = {"", "span", "resource", "event", "link", "instrumentation"};
  std::string out = which.of_parent ? "parent" : "";
  if (which.scope != Scope::any) out += (out.empty() ? "" : ".") + std::string(kScopes[static_cast<int>(which.scope)]);
  return out + "." + which.name;
}

std::string oracle_name(const Expression& expression) {
  if (const auto* literal = std::get_if<Literal>(&expression.of)) return oracle_text(oracle_value(literal->value));
  if (const auto* field = std::get_if<Field>(&expression.of)) return oracle_name(*field);
  if (const auto* compare = std::get_if<Compare>(&expression.of)) {
    return oracle_name(*compare->left) + kComparisons[static_cast<int>(compare->op)] + oracle_name(*compare->right);
  }
  if (const auto* operation = std::get_if<Arithmetic>(&expression.of)) {
    return oracle_name(*operation->left) + kArithmetic[static_cast<int>(operation->op)] +
           oracle_name(*operation->right);
  }
  return "…";
}

}  // namespace meshflow::query::traceql::test
