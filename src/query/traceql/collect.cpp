#include "query/traceql/collect.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/vocabulary.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kBucketLabel = "__bucket";
constexpr const char* kQuantileLabel = "p";

const Cell& first_of(const Cell& cell) {
  static const Cell nil;
  const auto* const several = std::get_if<Several>(&cell.value);
  if (several == nullptr) return cell;
  return several->of.empty() ? nil : several->of.front();
}

std::string key_of(const std::vector<Cell>& cells) {
  std::string key;
  for (const Cell& cell : cells) key += traceql::key_of(cell) + '\0';
  return key;
}

tl::unexpected<Error> too_many_series() {
  return fail(ErrorCode::limit_exceeded, fmt::format("the query has more than kSeriesMax ({}) series", kSeriesMax),
              "group by something with fewer values");
}

// Between neighbours in proportion: rank q · (n - 1).
double quantile_of(const std::vector<double>& sorted, double q) {
  const double rank = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(std::floor(rank));
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  const double share = rank - static_cast<double>(low);
  return sorted[low] + (sorted[high] - sorted[low]) * share;
}

}  // namespace

Result<Intervals> Intervals::of(const MetricsOptions& options, bool is_whole) {
  Intervals intervals;
  const auto [from, to] = options.range;
  if (from >= to) return fail(ErrorCode::invalid_input, "the time range is empty", "end must be after start");
  if (options.step == 0 || is_whole) {
    intervals.window_ = options.range;
    intervals.times_ = {to};
    intervals.seconds_ = static_cast<double>(to - from) / 1e9;
    return intervals;
  }
  const std::uint64_t step = options.step;
  if (to > UINT64_MAX - step) return fail(ErrorCode::invalid_input, "the time range ends too late for its step");
  const std::uint64_t start = from - from % step;
  const std::uint64_t points = (to - start) / step + ((to - start) % step == 0 ? 0 : 1);
  if (points > kPointsMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the range has {} steps, more than kPointsMax ({})", points, kPointsMax),
                "take a larger step, or a shorter range");
  }
  intervals.step_ = step;
  intervals.seconds_ = static_cast<double>(step) / 1e9;
  for (std::uint64_t i = 1; i <= points; ++i) intervals.times_.push_back(start + i * step);
  intervals.window_ = {start + 1, start + points * step};
  return intervals;
}

double unit_of(const MetricsStage& stage) {
  if (!stage.argument) return 1;
  const auto* const field = std::get_if<Field>(&stage.argument->of);
  const auto* const intrinsic = field == nullptr ? nullptr : std::get_if<Intrinsic>(&field->of);
  const bool is_duration =
      stage.argument->type == Type::duration || (intrinsic != nullptr && type_of(*intrinsic) == Type::duration);
  return is_duration ? 1e9 : 1;
}

bool is_counting(MetricsFunction function) {
  switch (function) {
    case MetricsFunction::rate:
    case MetricsFunction::count_over_time:
    case MetricsFunction::histogram_over_time:
    case MetricsFunction::compare:
    case MetricsFunction::count: return true;
    default: return false;
  }
}

bool is_quantile(MetricsFunction function) {
  return function == MetricsFunction::quantile_over_time || function == MetricsFunction::quantile;
}

bool is_whole_result(MetricsFunction function) {
  switch (function) {
    case MetricsFunction::count:
    case MetricsFunction::min:
    case MetricsFunction::max:
    case MetricsFunction::avg:
    case MetricsFunction::sum:
    case MetricsFunction::quantile: return true;
    default: return false;
  }
}

double bucket_of(std::uint64_t value) { return std::ldexp(1.0, std::bit_width(value - 1)); }

// ---- Groups ---------------------------------------------------------------------------------------------------------

Groups::Group& Groups::group_of(const std::vector<Cell>& by) {
  const auto [place, is_new] = groups_.try_emplace(key_of(by));
  if (is_new) {
    const std::size_t rows = is_quantile(stage_.function) ? stage_.quantiles.size() : 1;
    place->second.by = by;
    place->second.values.assign(rows,
                                std::vector<double>(intervals_.points(), is_counting(stage_.function) ? 0.0 : kNaN));
  }
  return place->second;
}

Result<void> Groups::set(const std::vector<Cell>& by, std::size_t point, const std::vector<double>& values) {
  Group& group = group_of(by);
  if (groups_.size() > kSeriesMax) return too_many_series();
  if (point >= intervals_.points()) return {};
  for (std::size_t i = 0; i < group.values.size() && i < values.size(); ++i) group.values[i][point] = values[i];
  return {};
}

void Groups::add(const std::vector<Cell>& by, const Exemplar& exemplar) { group_of(by).exemplars.push_back(exemplar); }

// What is missing is left out; where all is missing, the first stays.
std::vector<Label> Groups::labels_of(const Group& group) const {
  std::vector<Label> labels;
  for (std::size_t i = 0; i < stage_.by.size(); ++i) {
    if (!group.by[i].is_nil()) labels.push_back({print(stage_.by[i]), group.by[i]});
  }
  const bool is_histogram = stage_.function == MetricsFunction::histogram_over_time;
  if (labels.empty() && !stage_.by.empty() && !is_histogram && !is_quantile(stage_.function)) {
    labels.push_back({print(stage_.by.front()), {}});
  }
  if (is_histogram) labels.push_back({kBucketLabel, group.by.back()});
  const bool has_own_name = !is_histogram && !is_quantile(stage_.function) && !is_whole_result(stage_.function);
  if (stage_.by.empty() && has_own_name) labels.push_back({kNameLabel, {std::string(text_of(stage_.function))}});
  return labels;
}

SeriesSet Groups::series() const {
  SeriesSet set;
  set.is_whole = is_whole_result(stage_.function);
  const double divisor = stage_.function == MetricsFunction::rate ? intervals_.seconds() : 1;
  for (const auto& [key, group] : groups_) {
    for (std::size_t i = 0; i < group.values.size(); ++i) {
      Series& series = set.series.emplace_back();
      series.labels = labels_of(group);
      if (is_quantile(stage_.function)) series.labels.push_back({kQuantileLabel, {stage_.quantiles[i]}});
      series.values = group.values[i];
      for (double& value : series.values) value /= divisor;
      series.exemplars = group.exemplars;
    }
  }
  const bool counts_all =
      is_counting(stage_.function) && stage_.by.empty() && stage_.function != MetricsFunction::histogram_over_time;
  if (set.series.empty() && counts_all) {
    Series& zeros = set.series.emplace_back();
    zeros.labels = labels_of({});
    zeros.values.assign(intervals_.points(), 0.0);
  }
  return set;
}

// ---- Collector ------------------------------------------------------------------------------------------------------

Collector::Collector(const MetricsStage& stage, const Intervals& intervals, const Fields& fields,
                     std::size_t exemplars_max)
    : stage_(stage),
      intervals_(intervals),
      unit_(unit_of(stage)),
      in_billionths_(stage.argument && is_in_billionths(*stage.argument)),
      exemplars_max_(exemplars_max) {
  for (const Field& field : stage.by) by_.push_back(fields.place_of(field));
  if (stage.argument) argument_.emplace(*stage.argument, fields);
}

Result<void> Collector::add(const Row& row) {
  const auto at = intervals_.point_of(row.start);
  if (!at) return {};
  std::vector<Cell> by;
  for (const std::size_t place : by_) by.push_back(first_of(row.cells[place]));
  Cell value;
  if (argument_) {
    value = first_of(argument_->value(row.cells));
    if (!is_number(value) || std::isnan(number_in(value))) return {};
  }
  const double number = number_in(value) / unit_;
  if (stage_.function == MetricsFunction::histogram_over_time) {
    const bool is_real = std::holds_alternative<double>(value.value) && unit_ == 1;
    if (is_real || !(number_in(value) >= 2)) return {};
    by.push_back({bucket_of(static_cast<std::uint64_t>(number_in(value))) / unit_});
  }
  auto [place, is_new] = groups_.try_emplace(key_of(by));
  Group& group = place->second;
  if (is_new) group.by = std::move(by);
  if (groups_.size() > kSeriesMax) return too_many_series();
  auto [point_place, is_first] = group.points.try_emplace(*at);
  Point& point = point_place->second;
  if (is_first) point.sum = Sum(in_billionths_);
  point.least = point.count == 0 ? number : std::min(point.least, number);
  point.most = point.count == 0 ? number : std::max(point.most, number);
  ++point.count;
  if (argument_) point.sum.add(value);
  if (is_quantile(stage_.function)) point.values.push_back(number_in(value));
  if (is_first && group.exemplars.size() < exemplars_max_) {
    Exemplar exemplar{store::trace_id_of(row.trace_id), {}, row.start, argument_ ? number : kNaN};
    for (std::size_t i = 0; i < 8; ++i) exemplar.span_id[i] = static_cast<std::uint8_t>(row.span_id >> (56 - 8 * i));
    group.exemplars.push_back(exemplar);
  }
  return {};
}

std::vector<double> Collector::values_of(Point& point) const {
  switch (stage_.function) {
    case MetricsFunction::min_over_time:
    case MetricsFunction::min: return {point.least};
    case MetricsFunction::max_over_time:
    case MetricsFunction::max: return {point.most};
    case MetricsFunction::sum_over_time:
    case MetricsFunction::sum: return {point.sum.value() / unit_};
    case MetricsFunction::avg_over_time:
    case MetricsFunction::avg: return {point.sum.value() / unit_ / static_cast<double>(point.count)};
    case MetricsFunction::quantile_over_time:
    case MetricsFunction::quantile: {
      std::sort(point.values.begin(), point.values.end());
      std::vector<double> quantiles;
      for (const double q : stage_.quantiles) quantiles.push_back(quantile_of(point.values, q) / unit_);
      return quantiles;
    }
    default: return {static_cast<double>(point.count)};
  }
}

Result<SeriesSet> Collector::series() {
  Groups groups(stage_, intervals_);
  for (auto& [key, group] : groups_) {
    for (auto& [at, point] : group.points) MESHFLOW_CHECK(groups.set(group.by, at, values_of(point)));
    for (const Exemplar& exemplar : group.exemplars) groups.add(group.by, exemplar);
  }
  return groups.series();
}

}  // namespace meshflow::query::traceql
