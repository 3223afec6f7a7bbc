// Searches of Jaeger's HTTP API, from query parameters to what find_traces runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/jaeger_tags.hpp"
#include "query/parameters.hpp"
#include "query/trace_search.hpp"

namespace meshflow::query {

// What Jaeger's clients ask for. Times in nanoseconds since 1970, durations in nanoseconds.
struct JaegerQuery {
  std::string service = {};    // empty: any
  std::string operation = {};  // empty: any
  std::vector<JaegerTag> tags = {};
  store::TimeRange range = {};
  std::optional<std::int64_t> duration_min = {};
  std::optional<std::int64_t> duration_max = {};
  std::size_t traces_max = 100;
  std::vector<otlp::TraceId> trace_ids = {};  // where there are any, the rest does not count
  bool is_raw = false;  // traces as they were sent, without Jaeger's adjustments
};

// Traces of one answer. Jaeger's own UI asks for 1,500 at most.
inline constexpr std::size_t kTracesMax = 10'000;
inline constexpr std::size_t kTraceIdsMax = 1'000;

// Parameters of /api/traces: service, operation, tags, tag, start, end (µs), lookback (where start is not given),
// limit, minDuration, maxDuration, traceID, raw. `now` in nanoseconds: without `end` up to now, without `start` and
// lookback the two days before. The errors (invalid_input) are worded as Jaeger 1.48 words them. Pure.
[[nodiscard]] Result<JaegerQuery> parse_jaeger_query(const Parameters& parameters, std::int64_t now);

// Parameters of /api/v3/traces and /api/v3/trace-summaries: query.serviceName, query.operationName, query.attributes,
// query.startTimeMin, query.startTimeMax, query.searchDepth, query.durationMin, query.durationMax, query.rawTraces, in
// snake case too; worded as Jaeger 2.20 words it. Pure.
[[nodiscard]] Result<JaegerQuery> parse_jaeger_v3_query(const Parameters& parameters);

// 1 to 32 hex digits in either case, shorter ones with zeros before them; the error as Jaeger words it. With
// `or_base64` also the 16 bytes in base64. Pure.
[[nodiscard]] Result<otlp::TraceId> parse_jaeger_trace_id(std::string_view text, bool or_base64 = false);
// As Jaeger prints it: 32 lower-case digits, 16 where the first eight bytes are zero.
[[nodiscard]] std::string jaeger_trace_id(const otlp::TraceId& trace_id);

// RFC 3339 with up to nine decimals; nanoseconds since 1970. Nothing for all else and outside of 1970 to 2262. Pure.
[[nodiscard]] std::optional<std::int64_t> parse_rfc3339(std::string_view text);

// Searches to be tried in order until one finds something. Pure.
//
// A tag fits where the span, its resource or one of its events has it, as in Jaeger; `error`, `span.kind`,
// `otel.status_code` and `otel.status_description` are also what Jaeger makes of a span's own fields. meshflow.run_id
// is looked up in the store's index, and so in spans alone. Short names (names.hpp) stand for the lesson's attributes
// where a span has none of that very name.
[[nodiscard]] std::vector<TraceSearch> searches_of(const JaegerQuery& query);

// The newest traces that fit, by searches_of: whole traces come from Snapshot::traces.
[[nodiscard]] Result<std::vector<FoundTrace>> find_jaeger_traces(store::Snapshot& snapshot, const JaegerQuery& query,
                                                                 const store::QueryLimits& limits = {});

}  // namespace meshflow::query
