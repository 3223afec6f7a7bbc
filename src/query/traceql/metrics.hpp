// What a TraceQL metrics query answers: series over a range of time, or one value for all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/series.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::traceql {

// Points of a range query; as many as Prometheus allows.
inline constexpr std::uint64_t kPointsMax = 11'000;
// Series of one metric, before topk and comparisons.
inline constexpr std::size_t kSeriesMax = 20'000;
// Values of an attribute in one series of compare().
inline constexpr std::size_t kCompareSpansMax = 1'000'000;

struct MetricsOptions {
  // Nanoseconds since 1970. With a step: intervals (…] of it, aligned to multiples of it, the first and the last whole.
  // Without: one interval, both ends included. The functions of whole results take the latter always.
  store::TimeRange range = {};
  std::uint64_t step = 0;
  std::size_t exemplars_max = 0;  // of each series
  // time_max counts for the whole query, rows_max bounds the spans that are held at once.
  store::QueryLimits limits = {};
};

struct MetricsResult {
  // When each point's interval ends, nanoseconds; one for an instant query and for whole results.
  std::vector<std::uint64_t> times;
  // By their labels; those without any value are left out. As many values as times.
  std::vector<Series> series;
  std::uint64_t spans_read = 0;  // of whole traces; what DuckDB counted by itself is not in it
};

// Errors: invalid_input for an empty range; limit_exceeded with kPointsMax, kSeriesMax, the limits' names; timeout,
// cancelled; the store's. The query must have passed check().
[[nodiscard]] Result<MetricsResult> metrics(store::Snapshot& snapshot, const Metrics& query,
                                            const MetricsOptions& options);

}  // namespace meshflow::query::traceql
