// What Tempo's clients ask, from query parameters to what the engine runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/parameters.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/metrics.hpp"
#include "query/traceql/problem.hpp"
#include "query/traceql/search.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// Traces of one answer, and spans of one set of it. Past either: invalid_input.
inline constexpr std::size_t kTempoTracesMax = 10'000;
inline constexpr std::size_t kTempoSpansPerSetMax = 10'000;
// Names of a scope, or values, of one answer; what is given where nothing is asked for, too.
inline constexpr std::size_t kTempoTagsMax = 10'000;
inline constexpr std::size_t kTempoTagsDefault = 5'000;
// Series of one answer where maxSeries does not say otherwise.
inline constexpr std::size_t kTempoSeriesDefault = 1'000;
// Exemplars of one answer, as Tempo has it.
inline constexpr std::size_t kTempoExemplarsMax = 100;

struct TempoSearch {
  std::string query = {};  // TraceQL; empty: `tags`
  std::string tags = {};   // logfmt, and what people type; empty: every span
  // Of the trace, nanoseconds.
  std::optional<std::int64_t> duration_min = {};
  std::optional<std::int64_t> duration_max = {};
  std::size_t traces_max = traceql::kTracesDefault;
  std::size_t spans_per_set_max = traceql::kSpansPerSetDefault;
  store::TimeRange range = {};
};
// Parameters q, tags, minDuration, maxDuration, limit, spss, start, end (seconds). Errors (invalid_input) are worded as
// Tempo 3 words them. Pure.
[[nodiscard]] Result<TempoSearch> parse_tempo_search(const Parameters& parameters);
// What one answer may not have; no more than the bounds above. Pure.
[[nodiscard]] Result<void> check_bounds(const TempoSearch& search);

// A pipeline or a metric that passed check().
using TempoPipeline = traceql::Outcome<traceql::Pipeline>;
using TempoMetric = traceql::Outcome<traceql::Query>;

// The pipeline that a search asks for; a metric is a problem. The problem's place is in `query`; one of `tags` has none
// (line 0). Pure.
[[nodiscard]] TempoPipeline pipeline_of(const TempoSearch& search);

struct TempoTags {
  std::vector<traceql::Scope> scopes = {};  // empty: none, as for "intrinsic"
  bool with_intrinsics = false;
  std::string query = {};
  store::TimeRange range = {};
  std::size_t count_max = kTempoTagsDefault;
};
// Parameters scope, q, start, end, limit. `is_second` version gives intrinsics without being asked. Pure.
[[nodiscard]] Result<TempoTags> parse_tempo_tags(const Parameters& parameters, bool is_second);
// Sets what is asked for by the word ("": all scopes); invalid_input where there is no such scope.
[[nodiscard]] Result<void> set_scope(TempoTags& tags, std::string_view scope, bool is_second);

struct TempoTagValues {
  traceql::Field field;
  std::string query = {};
  store::TimeRange range = {};
  std::size_t count_max = kTempoTagsDefault;
};
// `tag`: of the second version a field as TraceQL writes it, of the first a tag's key. Pure.
[[nodiscard]] Result<TempoTagValues> parse_tempo_tag_values(std::string_view tag, const Parameters& parameters,
                                                            bool is_second);
[[nodiscard]] Result<traceql::Field> tempo_field_of(std::string_view tag, bool is_second);

// The one filter that a `q` beside tags narrows them by; nothing for any other text, which then narrows nothing, as in
// Tempo, whose clients send what is being written. Pure.
[[nodiscard]] std::optional<traceql::SpansetFilter> narrowing_filter(std::string_view query);

struct TempoMetrics {
  std::string query = {};
  store::TimeRange range = {};
  std::uint64_t step = 0;  // nanoseconds; 0: one value for all of the range
  std::size_t exemplars_max = 0;  // of the whole answer
  std::size_t series_max = kTempoSeriesDefault;
};
// Parameters q (or query), start, end (seconds, nanoseconds, RFC 3339), since, and of a range step, exemplars,
// maxSeries. `now` in nanoseconds. Pure.
[[nodiscard]] Result<TempoMetrics> parse_tempo_metrics(const Parameters& parameters, std::int64_t now, bool is_range);
// Refuses a range that is empty, and a step that is none. Pure.
[[nodiscard]] Result<void> check_bounds(const TempoMetrics& metrics, bool is_range);
// About 240 points, as Tempo chooses. Pure.
[[nodiscard]] std::uint64_t default_step(const store::TimeRange& range);

// The metric that is asked for; a query that has none is a problem. Pure.
[[nodiscard]] TempoMetric metric_of(const TempoMetrics& request);
// How many exemplars the query's own hint asks for, if it does; else those of the request. Pure.
[[nodiscard]] std::size_t exemplars_of(const traceql::Query& query, const TempoMetrics& request);

}  // namespace meshflow::query
