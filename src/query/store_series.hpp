// The series that alert rules look at, computed from the store's spans (docs/alerts.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/promql/series.hpp"
#include "query/span_metrics.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// The gauge of which each run has a series, and how long after its end.
inline constexpr std::string_view kRunCostMetric = "meshflow_run_cost_usd";
inline constexpr std::int64_t kRunLookbackMs = 600'000;

// The gauge of how many requests wait for a person. It is known for now alone: one sample.
inline constexpr std::string_view kWaitingPeopleMetric = "meshflow_hitl_pending";

// Of a counter over time: one sample for so long, and no more of them in a range.
inline constexpr std::int64_t kSampleMs = 15'000;
inline constexpr std::int64_t kRangeSamplesMax = 60;

// A run's cost is one sample, at the run's end. Counters and histograms have a sample at both ends of what is asked
// for, and between them: how many spans had ended by then.
class StoreSeries final : public promql::SeriesSource {
 public:
  // `metrics` was refreshed with this very snapshot; both must outlive it. One evaluation, one thread.
  StoreSeries(store::Snapshot& snapshot, const SpanMetrics& metrics) : snapshot_(snapshot), totals_(metrics.series()) {}

  // The store does not know who waits: whoever does says it. Without it there is no such series.
  void set_waiting_people(double count) { waiting_people_ = count; }

  [[nodiscard]] std::int64_t lookback_ms(const promql::Expr& selector) const override;
  [[nodiscard]] Result<std::vector<promql::Series>> select(const promql::SeriesRequest& request) override;

  // An Error, with its place, for a selector whose metric there never is.
  [[nodiscard]] static Result<void> check(const promql::Expr& expr);
  // meshflow_run_cost_usd, meshflow_run_duration_seconds_bucket, …
  [[nodiscard]] static std::vector<std::string> names();

 private:
  struct Window {
    std::size_t family = 0;
    std::int64_t from_ms = 0;
    std::int64_t slice_ms = 0;
    std::size_t slices = 0;
    friend auto operator<=>(const Window&, const Window&) = default;
  };
  // Cumulative cells of each series at the window's start, and after each of its slices.
  using CellsOverTime = std::map<LabelValues, std::vector<MetricCell>>;
  [[nodiscard]] Result<const CellsOverTime*> cells(const Window& window);
  [[nodiscard]] Result<std::vector<promql::Series>> run_costs(const promql::SeriesRequest& request);

  store::Snapshot& snapshot_;
  const std::vector<MetricSeries> totals_;
  std::optional<double> waiting_people_;
  std::map<Window, CellsOverTime> cells_;  // parts of one histogram ask for the same
};

}  // namespace meshflow::query
