// PromQL's functions over samples and numbers. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "query/promql/evaluator.hpp"

namespace meshflow::query::promql {

// Samples of one series in [from, to]; there is at least one.
struct SampleRange {
  std::span<const Sample> samples;
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
};

// rate, increase, delta, irate, avg_over_time, …, by name; `parameter` is quantile_over_time's. Nothing where there are
// too few samples.
[[nodiscard]] std::optional<double> over_range(std::string_view function, const SampleRange& range, double parameter);

// The quantile by linear interpolation between the values around it.
[[nodiscard]] double quantile_of(double quantile, std::vector<double> values);

// For each group of series that differ in `le` alone: the quantile, supposing that observations are spread evenly
// within a bucket.
[[nodiscard]] Vector histogram_quantile(double quantile, const Vector& buckets);

// Of numbers: abs, ceil, floor; round to a multiple of `parameter`.
[[nodiscard]] double of_number(std::string_view function, double value, double parameter);

// The smaller and the larger of two, where NaN is the smallest in both.
[[nodiscard]] bool is_less(double a, double b) noexcept;

}  // namespace meshflow::query::promql
