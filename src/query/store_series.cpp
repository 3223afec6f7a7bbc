#include "query/store_series.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/promql/evaluator.hpp"
#include "query/row_value.hpp"

namespace meshflow::query {
namespace {

constexpr std::int64_t kNanosOfMilli = 1'000'000;

// What a name says of a family.
enum class Part { none, count, sum, bucket };

Part part_of(const MetricFamily& family, std::string_view name) {
  if (!name.starts_with(family.name)) return Part::none;
  const std::string_view ending = name.substr(family.name.size());
  if (family.bounds.empty()) return ending.empty() ? Part::count : Part::none;
  if (ending == "_bucket") return Part::bucket;
  if (ending == "_sum") return Part::sum;
  return ending == "_count" ? Part::count : Part::none;
}

// Counts may only fall back to what they are: what is subtracted was added before.
void subtract(MetricCell& from, const MetricCell& less) {
  for (std::size_t i = 0; i < std::min(from.counts.size(), less.counts.size()); ++i) {
    from.counts[i] -= std::min(from.counts[i], less.counts[i]);
  }
  from.sum -= less.sum;
}
void add_to(MetricCell& to, const MetricCell& more) {
  to.counts.resize(std::max(to.counts.size(), more.counts.size()));
  for (std::size_t i = 0; i < more.counts.size(); ++i) to.counts[i] += more.counts[i];
  to.sum += more.sum;
}

promql::Labels labels_of(const MetricFamily& family, const LabelValues& values, std::string_view name) {
  promql::Labels labels{{"__name__", std::string(name)}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].empty()) labels.emplace(family.labels[i].name, values[i]);
  }
  return labels;
}

std::uint64_t count_up_to(const MetricCell& cell, std::size_t bucket) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= bucket && i < cell.counts.size(); ++i) count += cell.counts[i];
  return count;
}

}  // namespace

std::int64_t StoreSeries::lookback_ms(const promql::Expr& selector) const {
  return selector.name == kRunCostMetric ? kRunLookbackMs : promql::kLookbackMs;
}

Result<std::vector<promql::Series>> StoreSeries::select(const promql::SeriesRequest& request) {
  const promql::Expr& selector = request.selector;
  if (selector.name == kRunCostMetric) return run_costs(request);
  if (selector.name == kWaitingPeopleMetric) {
    std::vector<promql::Series> made;
    if (waiting_people_) {
      made.push_back({{{"__name__", std::string(kWaitingPeopleMetric)}}, {{request.to_ms, *waiting_people_}}});
    }
    return made;
  }
  // As many slices as fit whole: one where only the last sample counts.
  const std::int64_t length = std::max<std::int64_t>(1, request.to_ms - request.from_ms);
  std::int64_t slices = selector.range_ms == 0 ? 1 : std::clamp<std::int64_t>(length / kSampleMs, 1, kRangeSamplesMax);
  while (length % slices != 0) --slices;
  std::vector<promql::Series> made;
  for (std::size_t family = 0; family < metric_families().size(); ++family) {
    const MetricFamily& of = metric_families()[family];
    const Part part = part_of(of, selector.name);
    if (part == Part::none) continue;
    const Window window{family, request.from_ms, length / slices, static_cast<std::size_t>(slices)};
    MESHFLOW_TRY(const CellsOverTime* const over_time, cells(window));
    for (const auto& [values, samples] : *over_time) {
      const std::size_t buckets = part == Part::bucket ? of.bounds.size() + 1 : 1;
      for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
        promql::Series series{labels_of(of, values, selector.name), {}};
        const bool is_last = bucket == of.bounds.size();
        if (part == Part::bucket) series.labels["le"] = is_last ? "+Inf" : fmt::format("{}", of.bounds[bucket]);
        if (!promql::fits(selector, series.labels)) continue;
        const std::size_t up_to = part == Part::bucket ? bucket : of.bounds.size();
        for (std::size_t i = 0; i < samples.size(); ++i) {
          const double value = part == Part::sum ? samples[i].sum : static_cast<double>(count_up_to(samples[i], up_to));
          series.samples.push_back({window.from_ms + static_cast<std::int64_t>(i) * window.slice_ms, value});
        }
        made.push_back(std::move(series));
      }
    }
  }
  return made;
}

Result<const StoreSeries::CellsOverTime*> StoreSeries::cells(const Window& window) {
  if (const auto known = cells_.find(window); known != cells_.end()) return &known->second;
  const MetricFamily& of = metric_families()[window.family];
  const EndedRequest request{window.family, window.from_ms * kNanosOfMilli, window.slice_ms * kNanosOfMilli,
                             window.slices};
  MESHFLOW_TRY(const auto ended, ended_after(snapshot_, request));
  const MetricSeries& totals = totals_[window.family];
  // First what each slice added, then the sums; what came after the last slice is only taken from the total.
  CellsOverTime over_time;
  for (const auto& [values, total] : totals) {
    std::vector<MetricCell>& samples = over_time[values];
    samples.resize(window.slices + 1);
    samples[0] = total;
  }
  for (const EndedSlice& each : ended) {
    auto series = over_time.find(each.labels);
    if (series == over_time.end()) {
      series = over_time.find(LabelValues(of.labels.size(), std::string(kOverflowLabel)));
    }
    if (series == over_time.end()) continue;
    subtract(series->second[0], each.cell);
    if (each.slice < window.slices) add_to(series->second[each.slice + 1], each.cell);
  }
  for (auto& [values, samples] : over_time) {
    for (std::size_t i = 1; i < samples.size(); ++i) add_to(samples[i], samples[i - 1]);
  }
  return &cells_.emplace(window, std::move(over_time)).first->second;
}

Result<std::vector<promql::Series>> StoreSeries::run_costs(const promql::SeriesRequest& request) {
  const std::int64_t from = request.from_ms * kNanosOfMilli;
  const std::int64_t to = request.to_ms * kNanosOfMilli + kNanosOfMilli - 1;
  const std::int64_t lead = std::max<std::int64_t>(0, from - kEndedLeadNanos);
  std::string spans;
  for (const store::Piece& piece : snapshot_.pieces_in({static_cast<std::uint64_t>(lead), UINT64_MAX})) {
    spans += fmt::format(
        "{}SELECT CAST(start AS HUGEINT) + duration AS ended, meshflow_run_id AS run, meshflow_workflow_name AS "
        "workflow, "
        "coalesce(meshflow_cost_usd, CAST(rest_int(rest, 'meshflow.cost_usd') AS DOUBLE)) AS cost FROM {} WHERE start "
        ">= "
        "{}::UBIGINT AND name = '{}' AND meshflow_run_id IS NOT NULL",
        spans.empty() ? "" : " UNION ALL ", piece.source, lead, kRunSpanName);
  }
  std::vector<promql::Series> made;
  if (spans.empty()) return made;
  const std::string sql = fmt::format(
      "SELECT run, workflow, CAST(ended // 1000000 AS BIGINT), cost FROM ({}) WHERE cost IS NOT NULL AND ended BETWEEN "
      "{} "
      "AND {} ORDER BY ended DESC LIMIT {}",
      spans, from, to, promql::kVectorMax + 1);
  MESHFLOW_TRY(const store::Rows rows, snapshot_.query(sql));
  if (rows.rows.size() > promql::kVectorMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("more than {} runs ended within the time that is looked at", promql::kVectorMax));
  }
  std::set<promql::Labels> seen;  // a run that was resumed counts once, as it ended last
  for (const auto& row : rows.rows) {
    promql::Labels labels{{"__name__", std::string(kRunCostMetric)}, {"run_id", text_of(row[0])}};
    if (!text_of(row[1]).empty()) labels.emplace("workflow", text_of(row[1]));
    const auto* const ended = std::get_if<std::int64_t>(&row[2]);
    const auto* const cost = std::get_if<double>(&row[3]);
    if (ended == nullptr || cost == nullptr || !seen.insert(labels).second) continue;
    made.push_back({std::move(labels), {{*ended, *cost}}, kRunLookbackMs});
  }
  return made;
}

std::vector<std::string> StoreSeries::names() {
  std::set<std::string> names{std::string(kRunCostMetric), std::string(kWaitingPeopleMetric)};
  for (const MetricFamily& family : metric_families()) {
    const std::string name(family.name);
    if (family.bounds.empty()) {
      names.insert(name);
    } else {
      for (const char* ending : {"_bucket", "_sum", "_count"}) names.insert(name + ending);
    }
  }
  return {names.begin(), names.end()};
}

Result<void> StoreSeries::check(const promql::Expr& expr) {
  if (expr.kind == promql::ExprKind::selector) {
    const auto known = names();
    if (!std::binary_search(known.begin(), known.end(), expr.name)) {
      Error error{ErrorCode::invalid_input, fmt::format("there is no metric {}", expr.name),
                  SourcePosition{{}, expr.place.line, expr.place.column},
                  fmt::format("metrics: {}", fmt::join(known, ", "))};
      if (expr.name.empty()) error.message = "a selector without a metric's name";
      return tl::unexpected(std::move(error));
    }
  }
  for (const promql::Expr& each : expr.children) MESHFLOW_CHECK(check(each));
  return {};
}

}  // namespace meshflow::query
