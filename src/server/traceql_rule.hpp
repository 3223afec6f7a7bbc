// Alert rules that are asked in TraceQL: a metrics query over the last while, and what its values are compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/promql/evaluator.hpp"
#include "query/traceql/check.hpp"
#include "store/snapshot.hpp"

namespace meshflow::server {

inline constexpr std::int64_t kTraceqlRangeMs = 5 * 60'000;  // where a rule does not say
inline constexpr std::int64_t kTraceqlRangeMsMax = std::int64_t{31} * 24 * 3'600'000;

struct TraceqlCondition {
  query::traceql::CheckedQuery query;  // of metrics
  std::int64_t range_ms = kTraceqlRangeMs;
  std::string threshold_text = {};  // "> 3"; empty: each series that the query gives is an alert
  std::optional<query::traceql::MetricsFilter> threshold = {};
};

// Errors have line and column in the text.
[[nodiscard]] Result<query::traceql::CheckedQuery> parse_traceql_metrics(const std::string& text);
[[nodiscard]] Result<query::traceql::MetricsFilter> parse_threshold(const std::string& text);

struct TraceqlFinding {
  query::promql::Vector alerts;  // series past the threshold
  // The value that comes nearest to the threshold, or passes it furthest; nothing without any, or without a threshold.
  std::optional<double> nearest;
  std::vector<std::string> trace_ids;  // of spans that counted in them
};

// Over spans that start in the range before `now_ms`. Errors are the query's.
[[nodiscard]] Result<TraceqlFinding> evaluate(const TraceqlCondition& condition, store::Snapshot& snapshot,
                                              std::int64_t now_ms, std::size_t traces_max);

}  // namespace meshflow::server
