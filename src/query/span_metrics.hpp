// Metrics made of the spans in the store: what Prometheus reads at /metrics, and what alert rules look at
// (docs/alerts.md names them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// A metric over those spans that fit a condition: how many there are, or how a value of theirs is spread.
struct MetricFamily {
  struct Label {
    std::string_view name;
    std::string_view sql;  // text; NULL counts as empty
  };
  std::string_view name;  // of a counter whole, with _total; of a histogram without _bucket, _sum, _count
  std::string_view help;
  std::vector<Label> labels;
  std::string_view where;
  std::string_view value;      // of a histogram: an integer in SQL, in `units` of what the metric counts in
  double units = 1;            // nanoseconds a second: 1e9
  std::vector<double> bounds;  // empty: a counter
};
// Several may have one name: their series are parts of one metric.
[[nodiscard]] std::span<const MetricFamily> metric_families();

// Values of a family's labels, in their order.
using LabelValues = std::vector<std::string>;

// What one series has counted.
struct MetricCell {
  std::vector<std::uint64_t> counts;  // by bucket, not cumulative, one more than bounds; of a counter one
  double sum = 0;
};
// A family's series.
using MetricSeries = std::map<LabelValues, MetricCell>;

// Series of one family beyond this are counted together, in one whose labels are all "other".
inline constexpr std::size_t kMetricSeriesMax = 1'000;
inline constexpr std::string_view kOverflowLabel = "other";

// Counts all spans of the store, each once, and looks only at those that came since it last did: parts of the store
// that were dropped meanwhile stay counted. Thread-safe.
class SpanMetrics {
 public:
  // Counts what the snapshot has more than the one before. The first time it looks at everything. Errors are the
  // snapshot's; what was counted stays.
  [[nodiscard]] Result<void> refresh(store::Snapshot& snapshot);

  // In the order of metric_families(); as of the last refresh.
  [[nodiscard]] std::vector<MetricSeries> series() const;
  // Spans that were counted in a family's overflow series.
  [[nodiscard]] std::vector<std::uint64_t> overflow() const;

 private:
  // Adds the spans of `source` that fit `rows`, a condition, to one family.
  [[nodiscard]] static Result<void> count(store::Snapshot& snapshot, std::size_t family, const std::string& source,
                                          const std::string& rows, MetricSeries& into);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t> seen_;  // rows of each table that are in `stored_`
  std::vector<MetricSeries> stored_;
  std::vector<MetricSeries> recent_;  // of the spans in memory at the last refresh
};

// Adds b to a, series by series; past kMetricSeriesMax into the overflow series.
void add(MetricSeries& a, const MetricSeries& b, std::size_t labels);

// How the spans that ended after a moment are spread over time.
struct EndedSlice {
  std::size_t slice = 0;  // 0: within the first slice after `from`; `slices`: after the last one
  LabelValues labels;
  MetricCell cell;
};
struct EndedRequest {
  std::size_t family = 0;
  std::int64_t from_unix_nanos = 0;
  std::int64_t slice_nanos = 0;
  std::size_t slices = 0;
};
// Spans that lasted longer than this are not found.
inline constexpr std::int64_t kEndedLeadNanos = std::int64_t{24} * 3'600 * 1'000'000'000;
[[nodiscard]] Result<std::vector<EndedSlice>> ended_after(store::Snapshot& snapshot, const EndedRequest& request);

}  // namespace meshflow::query
