#include "server/traceql_rule.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <variant>

#include "base/try.hpp"
#include "query/trace_row.hpp"
#include "query/traceql/metrics.hpp"

namespace meshflow::server {
namespace {

namespace traceql = query::traceql;

// A rule that takes longer is an error of that rule: rules are evaluated every few seconds.
constexpr std::chrono::seconds kTimeMax{10};
constexpr std::int64_t kNanosOfMilli = 1'000'000;
// A threshold is what may follow a metrics query: its grammar is the query language's own.
constexpr std::string_view kBeforeThreshold = "{ } | rate() ";

query::promql::Labels labels_of(const traceql::Series& series) {
  query::promql::Labels labels;
  for (const traceql::Label& label : series.labels) {
    if (label.name != traceql::kNameLabel) labels.emplace(label.name, traceql::text_of(label.value));
  }
  return labels;
}

// Whether values below the threshold, rather than above it, are what it is about.
bool is_about_low_values(traceql::ComparisonOperator op) {
  return op == traceql::ComparisonOperator::less || op == traceql::ComparisonOperator::less_equal;
}

std::optional<double> nearest_in(const std::vector<traceql::Series>& all, const traceql::MetricsFilter& threshold) {
  std::optional<double> nearest;
  for (const traceql::Series& series : all) {
    for (const double value : series.values) {
      if (std::isnan(value)) continue;
      const bool is_nearer = !nearest || (is_about_low_values(threshold.op) ? value < *nearest : value > *nearest);
      if (is_nearer) nearest = value;
    }
  }
  return nearest;
}

}  // namespace

Result<traceql::CheckedQuery> parse_traceql_metrics(const std::string& text) {
  MESHFLOW_TRY(traceql::CheckedQuery query, traceql::compile_query(text));
  if (!std::holds_alternative<traceql::Metrics>(query.query().of)) {
    return tl::unexpected(Error{ErrorCode::invalid_input, "a rule needs a metrics query, this one finds traces",
                                SourcePosition{{}, 1, 1}, "{ … } | count_over_time(), rate(), quantile_over_time(…)"});
  }
  return query;
}

Result<traceql::MetricsFilter> parse_threshold(const std::string& text) {
  constexpr const char* kForms = "> 3, >= 0.05, < 500ms";
  auto parsed = traceql::compile_query(std::string(kBeforeThreshold) + text);
  if (!parsed) {
    Error error = std::move(parsed).error();
    if (error.position && error.position->line == 1) {
      error.position->column = std::max(1, error.position->column - static_cast<int>(kBeforeThreshold.size()));
    }
    if (error.hint.empty()) error.hint = kForms;
    return tl::unexpected(std::move(error));
  }
  const auto* const metrics = std::get_if<traceql::Metrics>(&parsed->query().of);
  const auto* const filter = metrics == nullptr || metrics->then.size() != 1
                                 ? nullptr
                                 : std::get_if<traceql::MetricsFilter>(&metrics->then.front());
  if (filter == nullptr) {
    return tl::unexpected(
        Error{ErrorCode::invalid_input, "not one comparison with a number", SourcePosition{{}, 1, 1}, kForms});
  }
  return *filter;
}

Result<TraceqlFinding> evaluate(const TraceqlCondition& condition, store::Snapshot& snapshot, std::int64_t now_ms,
                                std::size_t traces_max) {
  traceql::MetricsOptions options;
  options.range = {static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_ms - condition.range_ms) * kNanosOfMilli),
                   static_cast<std::uint64_t>(now_ms * kNanosOfMilli)};
  options.exemplars_max = traces_max;
  options.limits.time_max = kTimeMax;
  MESHFLOW_TRY(traceql::MetricsResult result,
               traceql::metrics(snapshot, std::get<traceql::Metrics>(condition.query.query().of), options));
  TraceqlFinding finding;
  traceql::SeriesSet set{std::move(result.series), false};
  if (condition.threshold) {
    finding.nearest = nearest_in(set.series, *condition.threshold);
    set = traceql::finished(traceql::filtered(std::move(set), *condition.threshold));
  }
  for (const traceql::Series& series : set.series) {
    if (series.values.empty() || std::isnan(series.values.back())) continue;
    finding.alerts.push_back({labels_of(series), series.values.back()});
    for (const traceql::Exemplar& exemplar : series.exemplars) {
      std::string id = query::hex_of(exemplar.trace_id);
      const bool is_new = std::find(finding.trace_ids.begin(), finding.trace_ids.end(), id) == finding.trace_ids.end();
      if (is_new && finding.trace_ids.size() < traces_max) finding.trace_ids.push_back(std::move(id));
    }
  }
  return finding;
}

}  // namespace meshflow::server
