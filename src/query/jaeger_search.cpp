#include "query/jaeger_search.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"

namespace meshflow::query {
namespace {

Condition all_of(std::vector<Condition> conditions) { return {AllOf{std::move(conditions)}}; }
Condition any_of(std::vector<Condition> conditions) { return {AnyOf{std::move(conditions)}}; }
Condition status_is(otlp::StatusCode code) {
  return {CompareIntrinsic{Intrinsic::status, Comparison::equal, number_of(static_cast<std::int64_t>(code))}};
}
Condition kind_is(otlp::SpanKind kind) {
  return {CompareIntrinsic{Intrinsic::kind, Comparison::equal, number_of(static_cast<std::int64_t>(kind))}};
}
Condition text_is(Intrinsic intrinsic, const std::string& text) {
  return {CompareIntrinsic{intrinsic, Comparison::equal, text}};
}

constexpr std::array<std::pair<std::string_view, otlp::SpanKind>, 5> kKinds{{
    {"internal", otlp::SpanKind::internal},
    {"server", otlp::SpanKind::server},
    {"client", otlp::SpanKind::client},
    {"producer", otlp::SpanKind::producer},
    {"consumer", otlp::SpanKind::consumer},
}};

// What Jaeger's own tags say of a span's fields (see jaeger_trace.hpp), added to `alternatives`.
void add_own_tag(const JaegerTag& tag, std::vector<Condition>& alternatives) {
  if (tag.key == "error") {
    if (tag.text == "true") alternatives.push_back(status_is(otlp::StatusCode::error));
    if (tag.text == "false") alternatives.push_back(status_is(otlp::StatusCode::ok));
  } else if (tag.key == "otel.status_code") {
    if (tag.text == "ERROR") alternatives.push_back(status_is(otlp::StatusCode::error));
    if (tag.text == "OK") alternatives.push_back(status_is(otlp::StatusCode::ok));
  } else if (tag.key == "otel.status_description") {
    if (!tag.text.empty()) alternatives.push_back(text_is(Intrinsic::status_message, tag.text));
  } else if (tag.key == "span.kind") {
    for (const auto& [name, kind] : kKinds) {
      if (tag.text == name) alternatives.push_back(kind_is(kind));
    }
  }
}

// The tag under `key`, which may be another than its own.
Condition tag_as(const JaegerTag& tag, const std::string& key) {
  if (tag.comparison) return {CompareAttribute{{AttributeScope::any, key}, *tag.comparison, tag.number}};
  if (key == kRunIdKey) {
    return {CompareAttribute{{AttributeScope::span, key}, Comparison::equal, tag.text}};
  }
  std::vector<Condition> alternatives;
  add_own_tag(tag, alternatives);
  alternatives.push_back({ReadsAs{{AttributeScope::any, key}, tag.text}});
  // "resource.name" asks for the resource alone, as in Jaeger 2.
  constexpr std::string_view kResource = "resource.";
  if (key.starts_with(kResource) && key.size() > kResource.size()) {
    alternatives.push_back({ReadsAs{{AttributeScope::resource, key.substr(kResource.size())}, tag.text}});
  }
  alternatives.push_back({EventReadsAs{key, tag.text}});
  return any_of(std::move(alternatives));
}

// The tag, with what its short name stands for.
Condition condition_of(const JaegerTag& tag) {
  const std::optional<LongName> long_name = long_name_of(tag.key);
  if (!long_name) return tag_as(tag, tag.key);
  std::vector<Condition> in_full;
  if (long_name->is_of_run_spans) in_full.push_back(text_is(Intrinsic::name, std::string(kRunSpanName)));
  in_full.push_back(tag_as(tag, long_name->key));
  in_full.push_back({NoneOf{{{HasAttribute{{AttributeScope::span, tag.key}}}}}});
  return any_of({all_of(std::move(in_full)), tag_as(tag, tag.key)});
}

// The id of a trace as a tag: MeshFlow's spans carry it too.
std::optional<store::U128> trace_id_in(const JaegerTag& tag) {
  constexpr std::size_t kDigits = 32;
  if (tag.comparison || (tag.key != "meshflow.trace_id" && tag.key != "trace_id") || tag.text.size() != kDigits)
    return {};
  const auto id = parse_jaeger_trace_id(tag.text);
  if (!id || tag.text.find_first_of("ABCDEF") != std::string::npos) return {};
  return number_of(*id);
}

// A tag that an index of the store can answer though its name or value might also mean something else.
bool has_index(const JaegerTag& tag) {
  return (tag.key == "run_id" && !tag.comparison) || trace_id_in(tag).has_value();
}

Condition by_index(const JaegerTag& tag) {
  if (const auto id = trace_id_in(tag)) return {CompareIntrinsic{Intrinsic::trace_id, Comparison::equal, *id}};
  return tag_as(tag, std::string(kRunIdKey));
}

TraceSearch search_of(const JaegerQuery& query, bool uses_index) {
  std::vector<Condition> conditions;
  if (!query.service.empty()) conditions.push_back(text_is(Intrinsic::service, query.service));
  if (!query.operation.empty()) conditions.push_back(text_is(Intrinsic::name, query.operation));
  if (query.duration_min) {
    conditions.push_back(
        {CompareIntrinsic{Intrinsic::duration, Comparison::greater_equal, number_of(*query.duration_min)}});
  }
  if (query.duration_max) {
    conditions.push_back(
        {CompareIntrinsic{Intrinsic::duration, Comparison::less_equal, number_of(*query.duration_max)}});
  }
  for (const JaegerTag& tag : query.tags) {
    conditions.push_back(uses_index && has_index(tag) ? by_index(tag) : condition_of(tag));
  }
  return {all_of(std::move(conditions)), query.range, query.traces_max};
}

}  // namespace

std::vector<TraceSearch> searches_of(const JaegerQuery& query) {
  std::vector<TraceSearch> searches;
  // Such an id is the run's or the trace's alone: where the index knows it there is nothing else to be found.
  if (std::any_of(query.tags.begin(), query.tags.end(), has_index)) searches.push_back(search_of(query, true));
  searches.push_back(search_of(query, false));
  return searches;
}

Result<std::vector<FoundTrace>> find_jaeger_traces(store::Snapshot& snapshot, const JaegerQuery& query,
                                                   const store::QueryLimits& limits) {
  for (const TraceSearch& search : searches_of(query)) {
    MESHFLOW_TRY(auto found, find_traces(snapshot, search, limits));
    if (!found.empty()) return found;
  }
  return std::vector<FoundTrace>{};
}

}  // namespace meshflow::query
