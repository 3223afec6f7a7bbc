// From spans, or from what DuckDB counted of them, to the series of one metrics function.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/evaluate.hpp"
#include "query/traceql/metrics.hpp"
#include "query/traceql/rows.hpp"
#include "query/traceql/series.hpp"
#include "query/traceql/sum.hpp"

namespace meshflow::query::traceql {

// Which point of the answer a span belongs to. A value.
class Intervals {
 public:
  // Errors: see metrics().
  [[nodiscard]] static Result<Intervals> of(const MetricsOptions& options, bool is_whole);

  // Start times of the spans that count.
  [[nodiscard]] store::TimeRange window() const { return window_; }
  [[nodiscard]] std::optional<std::size_t> point_of(std::uint64_t start) const {
    if (start < window_.from || start > window_.to) return std::nullopt;
    return step_ == 0 ? 0 : static_cast<std::size_t>((start - window_.from) / step_);
  }
  [[nodiscard]] std::size_t points() const { return times_.size(); }
  [[nodiscard]] const std::vector<std::uint64_t>& times() const { return times_; }
  [[nodiscard]] std::uint64_t step() const { return step_; }  // 0: one interval
  [[nodiscard]] double seconds() const { return seconds_; }   // of an interval

 private:
  store::TimeRange window_;
  std::uint64_t step_ = 0;
  double seconds_ = 1;
  std::vector<std::uint64_t> times_;
};

// What an argument's values are divided by: 10⁹ for durations, which answers give in seconds.
[[nodiscard]] double unit_of(const MetricsStage& stage);
[[nodiscard]] bool is_counting(MetricsFunction function);
[[nodiscard]] bool is_quantile(MetricsFunction function);
[[nodiscard]] bool is_whole_result(MetricsFunction function);
// The bucket of histogram_over_time that a value of 2 or more lies in: the power of two that is not below it.
[[nodiscard]] double bucket_of(std::uint64_t value);

// The groups of a function with a value for each point. `stage` and `intervals` must outlive it.
class Groups {
 public:
  Groups(const MetricsStage& stage, const Intervals& intervals) : stage_(stage), intervals_(intervals) {}

  // `values`: one, or one for each quantile; of counts, the number of spans. `by`: as many as the stage has, and the
  // bucket of a histogram. Errors: limit_exceeded (kSeriesMax).
  [[nodiscard]] Result<void> set(const std::vector<Cell>& by, std::size_t point, const std::vector<double>& values);
  void add(const std::vector<Cell>& by, const Exemplar& exemplar);
  [[nodiscard]] SeriesSet series() const;

 private:
  struct Group {
    std::vector<Cell> by;
    std::vector<std::vector<double>> values;  // by quantile, by point
    std::vector<Exemplar> exemplars;
  };
  [[nodiscard]] Group& group_of(const std::vector<Cell>& by);
  [[nodiscard]] std::vector<Label> labels_of(const Group& group) const;

  const MetricsStage& stage_;
  const Intervals& intervals_;
  std::map<std::string, Group> groups_;
};

// Spans, one by one, with their cells. All that it is made of must outlive it.
class Collector {
 public:
  Collector(const MetricsStage& stage, const Intervals& intervals, const Fields& fields, std::size_t exemplars_max);

  [[nodiscard]] Result<void> add(const Row& row);
  [[nodiscard]] Result<SeriesSet> series();

 private:
  struct Point {
    std::uint64_t count = 0;
    Sum sum;
    double least = 0;
    double most = 0;
    std::vector<double> values;  // for quantiles
  };
  struct Group {
    std::vector<Cell> by;
    std::map<std::size_t, Point> points;
    std::vector<Exemplar> exemplars;
  };
  [[nodiscard]] std::vector<double> values_of(Point& point) const;

  const MetricsStage& stage_;
  const Intervals& intervals_;
  std::vector<std::size_t> by_;
  std::optional<Evaluator> argument_;
  const double unit_;
  const bool in_billionths_;
  const std::size_t exemplars_max_;
  std::map<std::string, Group> groups_;
};

}  // namespace meshflow::query::traceql
