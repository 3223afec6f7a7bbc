#include "server/tempo_answers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/trace_row.hpp"
#include "query/traceql/metrics.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/search.hpp"
#include "query/traceql/tags.hpp"
#include "query/traceql/vocabulary.hpp"
#include "server/tempo_message.hpp"

namespace meshflow::server {
namespace {

namespace traceql = query::traceql;
using traceql::Cell;

constexpr std::uint64_t kMillisecond = 1'000'000;
// Tempo's words for a trace whose root has not come, or will not.
constexpr std::string_view kNoRoot = "<root span not yet received>";
constexpr std::uint32_t kPartial = 1;

std::uint32_t uint32_of(std::uint64_t number) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number, std::numeric_limits<std::uint32_t>::max()));
}

// The message that `describe` describes.
template <typename Describe>
std::string written(TempoEncoding encoding, Describe describe) {
  if (encoding == TempoEncoding::protobuf) {
    std::string bytes;
    ProtobufMessage message(bytes);
    describe(message);
    return bytes;
  }
  query::JsonWriter out;
  out.begin_object();
  JsonMessage message(out);
  describe(message);
  out.end_object();
  return out.take();
}

// ---- parts of messages ----------------------------------------------------------------------------------------------

struct KeyCell {
  std::string key;
  Cell value;
};

template <typename Message>
void describe_attributes(Message& message, std::uint32_t number, std::string_view name,
                         const std::vector<KeyCell>& attributes, WhenEmpty when_empty = WhenEmpty::left_out) {
  message.each(
      number, name, attributes,
      [](Message& made, const KeyCell& each) {
        made.text(1, "key", each.key);
        made.value(2, "value", each.value);
      },
      when_empty);
}

// What Tempo gives beside the attributes is none of them.
bool is_attribute(const traceql::Field& field) {
  const auto* const intrinsic = std::get_if<traceql::Intrinsic>(&field.of);
  if (intrinsic == nullptr) return true;
  switch (*intrinsic) {
    case traceql::Intrinsic::name:
    case traceql::Intrinsic::duration:
    case traceql::Intrinsic::trace_duration:
    case traceql::Intrinsic::root_service:
    case traceql::Intrinsic::root_name:
    case traceql::Intrinsic::trace_id:
    case traceql::Intrinsic::span_id: return false;
    default: return true;
  }
}

// An attribute's name has no scope in Tempo's answers.
std::string key_of(const traceql::Field& field) {
  const auto* const attribute = std::get_if<traceql::Attribute>(&field.of);
  return attribute == nullptr ? print(field) : attribute->name;
}

template <typename Message>
void describe_span(Message& message, const traceql::FoundSpan& span) {
  message.text(1, "spanID", query::hex_of(span.span_id));
  message.text(2, "name", span.name);
  message.uint64(3, "startTimeUnixNano", span.start);
  message.uint64(4, "durationNanos", span.duration_nanos);
  std::vector<KeyCell> attributes;
  for (const traceql::FoundAttribute& each : span.attributes) {
    if (is_attribute(each.field)) attributes.push_back({key_of(each.field), each.value});
  }
  describe_attributes(message, 5, "attributes", attributes);
}

template <typename Message>
void describe_set(Message& message, const traceql::FoundSet& set) {
  message.each(1, "spans", set.spans, [](Message& made, const traceql::FoundSpan& each) { describe_span(made, each); });
  message.uint32(2, "matched", uint32_of(set.matched));
  std::vector<KeyCell> attributes;
  attributes.reserve(set.attributes.size());
  for (const auto& [name, value] : set.attributes) attributes.push_back({name, value});
  describe_attributes(message, 3, "attributes", attributes);
}

template <typename Message>
void describe_trace(Message& message, const traceql::FoundTrace& trace) {
  message.text(1, "traceID", query::hex_of(trace.trace_id));
  message.text(2, "rootServiceName", trace.has_root ? std::string_view(trace.root_service) : kNoRoot);
  message.text(3, "rootTraceName", trace.root_name);
  message.uint64(4, "startTimeUnixNano", trace.start);
  message.uint32(5, "durationMs", uint32_of(trace.duration_nanos / kMillisecond));
  // Older clients read the first set alone.
  if (!trace.sets.empty()) {
    message.message(6, "spanSet", [&](Message& made) { describe_set(made, trace.sets.front()); });
  }
  message.each(7, "spanSets", trace.sets,
               [](Message& made, const traceql::FoundSet& each) { describe_set(made, each); });
  message.map(
      8, "serviceStats", trace.services, [](const traceql::ServiceSpans& each) { return each.service; },
      [](Message& made, const traceql::ServiceSpans& each) {
        made.uint32(1, "spanCount", uint32_of(each.spans));
        made.uint32(2, "errorCount", uint32_of(each.errors));
      });
}

// Of tempopb.SearchMetrics what there is here.
struct Inspected {
  std::uint64_t traces = 0;
  std::uint64_t bytes = 0;
  std::uint64_t spans = 0;
  bool is_complete = true;
};
template <typename Message>
void describe_metrics(Message& message, const Inspected& inspected) {
  message.message(2, "metrics", [&](Message& made) {
    made.uint32(1, "inspectedTraces", uint32_of(inspected.traces));
    made.uint64(2, "inspectedBytes", inspected.bytes);
    made.uint32(4, "completedJobs", inspected.is_complete ? 1 : 0);
    made.uint32(5, "totalJobs", 1);
    made.uint64(7, "inspectedSpans", inspected.spans);
  });
}
template <typename Message>
void describe_partial(Message& message, std::string_view why) {
  if (why.empty()) return;
  message.word(3, "status", kPartial, "PARTIAL");
  message.text(4, "message", why);
}

// ---- tags -----------------------------------------------------------------------------------------------------------

// Those that people search by; those of the nested set are Tempo's own.
std::vector<std::string_view> intrinsics_for_people() {
  std::vector<std::string_view> names;
  for (const traceql::IntrinsicName& each : traceql::intrinsic_names()) {
    const bool is_of_nested_set = each.intrinsic == traceql::Intrinsic::nested_set_left ||
                                  each.intrinsic == traceql::Intrinsic::nested_set_right ||
                                  each.intrinsic == traceql::Intrinsic::nested_set_parent;
    if (!is_of_nested_set) names.push_back(each.text);
  }
  return names;
}

// tempopb.MetadataMetrics.
template <typename Message>
void describe_tag_metrics(Message& message, bool is_cut) {
  message.message(2, "metrics", [&](Message& made) {
    made.uint32(2, "totalJobs", 1);
    made.uint32(3, "completedJobs", is_cut ? 0 : 1);
  });
}

Result<traceql::TagNames> names_of(const TempoAsking& asking, const query::TempoTags& tags) {
  if (tags.scopes.empty()) return traceql::TagNames{};
  const auto filter = query::narrowing_filter(tags.query);
  MESHFLOW_TRY(store::Snapshot snapshot, asking.store.snapshot());
  return tag_names(snapshot, tags.scopes,
                   {.range = tags.range,
                    .filter = filter ? &*filter : nullptr,
                    .count_max = tags.count_max,
                    .limits = asking.limits});
}

Result<traceql::TagValues> values_of(const TempoAsking& asking, const query::TempoTagValues& values) {
  const auto filter = query::narrowing_filter(values.query);
  MESHFLOW_TRY(store::Snapshot snapshot, asking.store.snapshot());
  return tag_values(snapshot, values.field,
                    {.range = values.range,
                     .filter = filter ? &*filter : nullptr,
                     .count_max = values.count_max,
                     .limits = asking.limits});
}

std::string_view type_of(const Cell& cell) {
  if (std::holds_alternative<bool>(cell.value)) return "bool";
  if (std::holds_alternative<std::int64_t>(cell.value)) return "int";
  if (std::holds_alternative<double>(cell.value)) return "float";
  if (std::holds_alternative<traceql::Duration>(cell.value)) return "duration";
  if (std::holds_alternative<std::string>(cell.value)) return "string";
  return "keyword";
}

// ---- metrics --------------------------------------------------------------------------------------------------------

struct Metrics {
  traceql::MetricsResult result;
  std::string cut_by;  // a sentence, where series were left out
};

TempoResult<Metrics> metrics_of(const TempoAsking& asking, const query::TempoMetrics& request) {
  const auto query = metric_of(request);
  if (!query) return tl::unexpected(refusal_of(query.error(), request.query));
  auto snapshot = asking.store.snapshot();
  if (!snapshot) return tl::unexpected(refusal_of(std::move(snapshot).error()));
  const std::size_t exemplars_max = request.step > 0 ? query::exemplars_of(*query, request) : 0;
  auto result = traceql::metrics(
      *snapshot, std::get<traceql::Metrics>(query->of),
      {.range = request.range, .step = request.step, .exemplars_max = exemplars_max, .limits = asking.limits});
  if (!result) return tl::unexpected(refusal_of(std::move(result).error()));
  Metrics made{std::move(*result), {}};
  std::vector<traceql::Series>& series = made.result.series;
  if (series.size() > request.series_max) {
    made.cut_by = fmt::format(
        "only the first {} of {} series are given: ask with maxSeries, group by less, or keep "
        "some with topk()",
        request.series_max, series.size());
    series.resize(request.series_max);
  }
  // Those of the request are for the whole answer.
  const std::size_t of_each = series.empty() ? 0 : std::max<std::size_t>(1, exemplars_max / series.size());
  for (traceql::Series& each : series) {
    if (each.exemplars.size() > of_each) each.exemplars.resize(of_each);
  }
  return made;
}

template <typename Message>
void describe_labels(Message& message, const std::vector<traceql::Label>& labels) {
  std::vector<KeyCell> pairs;
  pairs.reserve(labels.size());
  for (const traceql::Label& each : labels) pairs.push_back({each.name, each.value});
  describe_attributes(message, 1, "labels", pairs, WhenEmpty::written);
}

struct Sample {
  std::uint64_t time = 0;  // nanoseconds
  double value = 0;
};
std::vector<Sample> samples_of(const traceql::Series& series, const std::vector<std::uint64_t>& times) {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < times.size() && i < series.values.size(); ++i) {
    if (!std::isnan(series.values[i])) samples.push_back({times[i], series.values[i]});
  }
  return samples;
}

std::int64_t milliseconds(std::uint64_t nanos) { return static_cast<std::int64_t>(nanos / kMillisecond); }

// Of an exemplar that only counts: what the series has at its time. Nothing where it has nothing.
std::optional<double> value_of(const traceql::Exemplar& exemplar, const traceql::Series& series,
                               const std::vector<std::uint64_t>& times) {
  if (!std::isnan(exemplar.value)) return exemplar.value;
  const auto at = static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), exemplar.time) - times.begin());
  if (at >= series.values.size() || std::isnan(series.values[at])) return std::nullopt;
  return series.values[at];
}

template <typename Message>
void describe_series(Message& message, const traceql::Series& series, const std::vector<std::uint64_t>& times) {
  describe_labels(message, series.labels);
  message.each(2, "samples", samples_of(series, times), [](Message& made, const Sample& each) {
    made.int64(2, "timestampMs", milliseconds(each.time));
    made.real(1, "value", each.value);
  });
  std::vector<traceql::Exemplar> exemplars;
  for (traceql::Exemplar each : series.exemplars) {
    const auto value = value_of(each, series, times);
    if (!value) continue;
    each.value = *value;
    exemplars.push_back(each);
  }
  std::sort(exemplars.begin(), exemplars.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  message.each(4, "exemplars", exemplars, [](Message& made, const traceql::Exemplar& each) {
    describe_labels(made, {{"trace:id", {query::hex_of(each.trace_id)}}, {"span:id", {query::hex_of(each.span_id)}}});
    made.real(2, "value", each.value);
    made.int64(3, "timestampMs", milliseconds(each.time));
  });
}

}  // namespace

TempoRefusal refusal_of(Error error) { return {std::move(error)}; }

// A problem of tags has no place in a query.
TempoRefusal refusal_of(const traceql::Problem& problem, std::string_view query) {
  if (problem.line == 0) return {to_error(problem)};
  return {to_error(problem), problem, std::string(query)};
}

std::string text_of(const TempoRefusal& refusal) {
  return sanitize_utf8((refusal.problem ? "invalid TraceQL query: " : "") + refusal.error.text());
}

TempoResult<std::string> answer_search(const TempoAsking& asking, const query::TempoSearch& search,
                                       const std::function<void(std::string)>& on_part) {
  const auto pipeline = pipeline_of(search);
  if (!pipeline) return tl::unexpected(refusal_of(pipeline.error(), search.query));
  auto snapshot = asking.store.snapshot();
  if (!snapshot) return tl::unexpected(refusal_of(std::move(snapshot).error()));
  traceql::SearchOptions options{.range = search.range,
                                 .traces_max = search.traces_max,
                                 .spans_per_set_max = search.spans_per_set_max,
                                 .with_services = true,
                                 .limits = asking.limits,
                                 .on_found = {}};
  if (on_part) {
    options.on_found = [&](const traceql::FoundTrace& trace) {
      on_part(written(asking.encoding, [&](auto& message) {
        using Message = std::remove_reference_t<decltype(message)>;
        message.message(1, "traces", [&](Message& made) { describe_trace(made, trace); });
      }));
    };
  }
  const auto found = traceql::search(*snapshot, *pipeline, options);
  if (!found) return tl::unexpected(refusal_of(found.error()));
  const Inspected inspected{found->traces_read, found->bytes_read, found->spans_read, !found->cut_by};
  return written(asking.encoding, [&](auto& message) {
    using Message = std::remove_reference_t<decltype(message)>;
    message.each(
        1, "traces", found->traces, [](Message& made, const traceql::FoundTrace& each) { describe_trace(made, each); },
        WhenEmpty::written);
    describe_metrics(message, inspected);
    describe_partial(message, found->cut_by ? std::string_view(found->cut_by->message) : std::string_view());
  });
}

TempoResult<std::string> answer_tags(const TempoAsking& asking, const query::TempoTags& tags) {
  const auto names = names_of(asking, tags);
  if (!names) return tl::unexpected(refusal_of(names.error()));
  std::set<std::string> all;
  for (const traceql::ScopeNames& scope : names->scopes) all.insert(scope.names.begin(), scope.names.end());
  if (tags.with_intrinsics) {
    for (const std::string_view name : intrinsics_for_people()) all.emplace(name);
  }
  return written(asking.encoding, [&](auto& message) {
    message.texts(1, "tagNames", all);
    describe_tag_metrics(message, names->is_cut);
  });
}

TempoResult<std::string> answer_tags_v2(const TempoAsking& asking, const query::TempoTags& tags) {
  const auto names = names_of(asking, tags);
  if (!names) return tl::unexpected(refusal_of(names.error()));
  struct Named {
    std::string_view name;
    std::vector<std::string_view> tags;
  };
  std::vector<Named> scopes;
  for (const traceql::ScopeNames& scope : names->scopes) {
    scopes.push_back({traceql::text_of(scope.scope), {scope.names.begin(), scope.names.end()}});
  }
  if (tags.with_intrinsics) scopes.push_back({"intrinsic", intrinsics_for_people()});
  return written(asking.encoding, [&](auto& message) {
    using Message = std::remove_reference_t<decltype(message)>;
    message.each(
        1, "scopes", scopes,
        [](Message& made, const Named& each) {
          made.text(1, "name", each.name);
          made.texts(2, "tags", each.tags);
        },
        WhenEmpty::written);
    describe_tag_metrics(message, names->is_cut);
  });
}

TempoResult<std::string> answer_tag_values(const TempoAsking& asking, const query::TempoTagValues& values) {
  const auto found = values_of(asking, values);
  if (!found) return tl::unexpected(refusal_of(found.error()));
  std::vector<std::string> texts;
  for (const Cell& each : found->values) texts.push_back(text_of(each));
  return written(asking.encoding, [&](auto& message) {
    message.texts(1, "tagValues", texts);
    describe_tag_metrics(message, found->is_cut);
  });
}

TempoResult<std::string> answer_tag_values_v2(const TempoAsking& asking, const query::TempoTagValues& values) {
  const auto found = values_of(asking, values);
  if (!found) return tl::unexpected(refusal_of(found.error()));
  return written(asking.encoding, [&](auto& message) {
    using Message = std::remove_reference_t<decltype(message)>;
    message.each(
        1, "tagValues", found->values,
        [](Message& made, const Cell& each) {
          made.text(1, "type", type_of(each));
          made.text(2, "value", text_of(each));
        },
        WhenEmpty::written);
    describe_tag_metrics(message, found->is_cut);
  });
}

TempoResult<std::string> answer_query_range(const TempoAsking& asking, const query::TempoMetrics& metrics) {
  const auto made = metrics_of(asking, metrics);
  if (!made) return tl::unexpected(made.error());
  const Inspected inspected{.spans = made->result.spans_read, .is_complete = made->cut_by.empty()};
  return written(asking.encoding, [&](auto& message) {
    using Message = std::remove_reference_t<decltype(message)>;
    message.each(
        1, "series", made->result.series,
        [&](Message& of_series, const traceql::Series& each) { describe_series(of_series, each, made->result.times); },
        WhenEmpty::written);
    describe_metrics(message, inspected);
    describe_partial(message, made->cut_by);
  });
}

TempoResult<std::string> answer_query_instant(const TempoAsking& asking, const query::TempoMetrics& metrics) {
  query::TempoMetrics whole = metrics;
  whole.step = 0;
  const auto made = metrics_of(asking, whole);
  if (!made) return tl::unexpected(made.error());
  const Inspected inspected{.spans = made->result.spans_read, .is_complete = made->cut_by.empty()};
  return written(asking.encoding, [&](auto& message) {
    using Message = std::remove_reference_t<decltype(message)>;
    message.each(
        1, "series", made->result.series,
        [](Message& of_series, const traceql::Series& each) {
          describe_labels(of_series, each.labels);
          of_series.real(2, "value", each.values.front());
        },
        WhenEmpty::written);
    describe_metrics(message, inspected);
    describe_partial(message, made->cut_by);
  });
}

}  // namespace meshflow::server
