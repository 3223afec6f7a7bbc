#include "query/span_metrics.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/row_value.hpp"

namespace meshflow::query {
namespace {

// Tempo's buckets of latencies: 2 ms to 16 s, each twice the one before.
std::vector<double> latency_bounds() {
  std::vector<double> bounds;
  for (double bound = 0.002; bounds.size() < 14; bound *= 2) bounds.push_back(bound);
  return bounds;
}
// Of the GenAI conventions.
std::vector<double> genai_duration_bounds() {
  return {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
}
std::vector<double> genai_token_bounds() {
  return {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
}

constexpr std::string_view kIsRun = "name = 'meshflow.run'";
constexpr std::string_view kIsModelCall =
    "gen_ai_request_model IS NOT NULL AND gen_ai_operation_name IN ('chat', 'text_completion', 'generate_content', "
    "'embeddings')";
constexpr std::string_view kKind =
    "CASE kind WHEN 1 THEN 'SPAN_KIND_INTERNAL' WHEN 2 THEN 'SPAN_KIND_SERVER' WHEN 3 THEN 'SPAN_KIND_CLIENT' WHEN 4 "
    "THEN 'SPAN_KIND_PRODUCER' WHEN 5 THEN 'SPAN_KIND_CONSUMER' ELSE 'SPAN_KIND_UNSPECIFIED' END";
constexpr std::string_view kStatus =
    "CASE status WHEN 1 THEN 'STATUS_CODE_OK' WHEN 2 THEN 'STATUS_CODE_ERROR' ELSE 'STATUS_CODE_UNSET' END";
constexpr std::string_view kCost =
    "CAST(round(coalesce(meshflow_cost_usd, CAST(rest_int(rest, 'meshflow.cost_usd') AS DOUBLE)) * 1e9) AS BIGINT)";
constexpr std::string_view kCarbon =
    "CAST(round(coalesce(meshflow_carbon_g, CAST(rest_int(rest, 'meshflow.carbon_g') AS DOUBLE)) * 1e9) AS BIGINT)";

std::vector<MetricFamily> families() {
  const std::vector<MetricFamily::Label> span_labels{
      {"service", "service"}, {"span_name", "name"}, {"span_kind", kKind}, {"status_code", kStatus}};
  const std::vector<MetricFamily::Label> run_labels{{"workflow", "meshflow_workflow_name"},
                                                    {"version", "meshflow_workflow_version"}};
  const auto call_labels = [](std::string_view type) {
    std::vector<MetricFamily::Label> labels{{"gen_ai_operation_name", "gen_ai_operation_name"},
                                            {"gen_ai_request_model", "gen_ai_request_model"}};
    if (!type.empty()) labels.push_back({"gen_ai_token_type", type});
    return labels;
  };
  return {
      {"traces_spanmetrics_calls_total", "Spans that ended.", span_labels, "true", {}, 1, {}},
      {"traces_spanmetrics_latency", "How long spans took, in seconds.", span_labels, "true", "duration", 1e9,
       latency_bounds()},
      {"meshflow_run_cost_distribution_usd",
       "What runs cost, in US dollars.",
       run_labels,
       kIsRun,
       kCost,
       1e9,
       {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}},
      {"meshflow_run_duration_seconds",
       "How long runs took, in seconds.",
       run_labels,
       kIsRun,
       "duration",
       1e9,
       {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600, 1800, 3600}},
      {"meshflow_run_carbon_grams",
       "What runs emitted, in grams of CO2 equivalent.",
       run_labels,
       kIsRun,
       kCarbon,
       1e9,
       {0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10, 100}},
      {"meshflow_blocks_total",
       "Spans that were blocked.",
       {{"rule_id", "meshflow_rule_id"}, {"role", "meshflow_role"}},
       "meshflow_verdict = 'blocked'",
       {},
       1,
       {}},
      {"gen_ai_client_token_usage", "Tokens that calls of models used.", call_labels("'input'"), kIsModelCall,
       "gen_ai_usage_input_tokens", 1, genai_token_bounds()},
      {"gen_ai_client_token_usage", "Tokens that calls of models used.", call_labels("'output'"), kIsModelCall,
       "gen_ai_usage_output_tokens", 1, genai_token_bounds()},
      {"gen_ai_client_operation_duration_seconds", "How long calls of models took, in seconds.", call_labels({}),
       kIsModelCall, "duration", 1e9, genai_duration_bounds()},
      {"gen_ai_invoke_agent_duration_seconds",
       "How long agents took, in seconds.",
       {{"gen_ai_agent_name", "meshflow_agent_id"}, {"role", "meshflow_role"}},
       "name = 'meshflow.agent'",
       "duration",
       1e9,
       genai_duration_bounds()},
      {"gen_ai_execute_tool_duration_seconds",
       "How long tools took, in seconds.",
       {{"gen_ai_tool_name", "gen_ai_tool_name"}},
       "gen_ai_tool_name IS NOT NULL",
       "duration",
       1e9,
       genai_duration_bounds()},
  };
}

// The number of the bucket that `value` falls into, in SQL.
std::string bucket_sql(const MetricFamily& family) {
  if (family.bounds.empty()) return "0";
  std::string sql = "CASE";
  for (std::size_t i = 0; i < family.bounds.size(); ++i) {
    sql += fmt::format(" WHEN value <= {:.0f} THEN {}", family.bounds[i] * family.units, i);
  }
  return sql + fmt::format(" ELSE {} END", family.bounds.size());
}

// SELECT l0, l1, …, value FROM source WHERE …; without a value (a counter) it is 0.
std::string spans_sql(const MetricFamily& family, std::string_view columns, const std::string& source,
                      const std::string& rows) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < family.labels.size(); ++i) {
    sql += fmt::format("coalesce({}, '') AS l{}, ", family.labels[i].sql, i);
  }
  return sql + fmt::format("{}{} AS value FROM {} WHERE {} AND {}", columns, family.bounds.empty() ? "0" : family.value,
                           source, family.where, rows);
}

std::string label_columns(const MetricFamily& family) {
  std::string columns;
  for (std::size_t i = 0; i < family.labels.size(); ++i) columns += fmt::format("l{}, ", i);
  return columns;
}

// A row of labels, bucket, count, sum from column `at` on; adds it to the cell.
void add_row(const MetricFamily& family, const std::vector<store::Value>& row, std::size_t at, MetricCell& cell) {
  cell.counts.resize(family.bounds.size() + 1);
  const auto bucket = std::min(static_cast<std::size_t>(real_of(row[at])), family.bounds.size());
  cell.counts[bucket] += static_cast<std::uint64_t>(real_of(row[at + 1]));
  cell.sum += real_of(row[at + 2]) / family.units;
}

void add_cell(MetricCell& to, const MetricCell& more) {
  to.counts.resize(std::max(to.counts.size(), more.counts.size()));
  for (std::size_t i = 0; i < more.counts.size(); ++i) to.counts[i] += more.counts[i];
  to.sum += more.sum;
}

}  // namespace

std::span<const MetricFamily> metric_families() {
  static const std::vector<MetricFamily> all = families();
  return all;
}

void add(MetricSeries& a, const MetricSeries& b, std::size_t labels) {
  const LabelValues other(labels, std::string(kOverflowLabel));
  for (const auto& [values, cell] : b) {
    // The overflow series itself does not count towards the limit.
    const bool has_room = a.contains(values) || a.size() - (a.contains(other) ? 1 : 0) < kMetricSeriesMax;
    add_cell(a[has_room ? values : other], cell);
  }
}

Result<void> SpanMetrics::count(store::Snapshot& snapshot, std::size_t family, const std::string& source,
                                const std::string& rows, MetricSeries& into) {
  const MetricFamily& of = metric_families()[family];
  const std::string labels = label_columns(of);
  const std::string sql =
      fmt::format("SELECT {0}{1} AS bucket, count(*), sum(value) FROM ({2}) WHERE value IS NOT NULL GROUP BY {0}bucket",
                  labels, bucket_sql(of), spans_sql(of, "", source, rows));
  MESHFLOW_TRY(const store::Rows found, snapshot.query(sql));
  MetricSeries counted;
  for (const auto& row : found.rows) {
    LabelValues values;
    for (std::size_t i = 0; i < of.labels.size(); ++i) values.push_back(text_of(row[i]));
    add_row(of, row, of.labels.size(), counted[std::move(values)]);
  }
  add(into, counted, of.labels.size());
  return {};
}

Result<void> SpanMetrics::refresh(store::Snapshot& snapshot) {
  const std::size_t families = metric_families().size();
  const std::lock_guard lock(mutex_);
  stored_.resize(families);
  std::vector<MetricSeries> recent(families);
  for (const store::Piece& piece : snapshot.pieces()) {
    const bool is_table = !piece.traces.empty();
    std::uint64_t& seen = seen_[is_table ? piece.source : std::string()];
    if (is_table && seen >= piece.rows) continue;
    // A table only grows at its end: what lies before `seen` is counted.
    const std::string rows = is_table ? fmt::format("rowid >= {} AND rowid < {}", seen, piece.rows) : "true";
    std::vector<MetricSeries> more(families);
    for (std::size_t i = 0; i < families; ++i) MESHFLOW_CHECK(count(snapshot, i, piece.source, rows, more[i]));
    for (std::size_t i = 0; i < families; ++i) {
      add(is_table ? stored_[i] : recent[i], more[i], metric_families()[i].labels.size());
    }
    if (is_table) seen = piece.rows;
  }
  recent_ = std::move(recent);
  return {};
}

std::vector<MetricSeries> SpanMetrics::series() const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricSeries> all = stored_;
  all.resize(metric_families().size());
  for (std::size_t i = 0; i < recent_.size(); ++i) add(all[i], recent_[i], metric_families()[i].labels.size());
  return all;
}

std::vector<std::uint64_t> SpanMetrics::overflow() const {
  std::vector<std::uint64_t> counted;
  const auto all = series();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::uint64_t spans = 0;
    const auto other = all[i].find(LabelValues(metric_families()[i].labels.size(), std::string(kOverflowLabel)));
    if (other != all[i].end()) {
      for (const std::uint64_t count : other->second.counts) spans += count;
    }
    counted.push_back(spans);
  }
  return counted;
}

Result<std::vector<EndedSlice>> ended_after(store::Snapshot& snapshot, const EndedRequest& request) {
  const MetricFamily& of = metric_families()[request.family];
  const std::int64_t lead = std::max<std::int64_t>(0, request.from_unix_nanos - kEndedLeadNanos);
  std::string spans;
  for (const store::Piece& piece : snapshot.pieces_in({static_cast<std::uint64_t>(lead), UINT64_MAX})) {
    const std::string rows = fmt::format("start >= {}::UBIGINT AND CAST(start AS HUGEINT) + duration > {}::BIGINT",
                                         lead, request.from_unix_nanos);
    spans += (spans.empty() ? "" : " UNION ALL ") +
             spans_sql(of, "CAST(start AS HUGEINT) + duration AS ended, ", piece.source, rows);
  }
  std::vector<EndedSlice> slices;
  if (spans.empty()) return slices;
  const std::string labels = label_columns(of);
  const std::string sql = fmt::format(
      "SELECT {0}CAST(least({1}, (ended - {2}::BIGINT - 1) // {3}) AS BIGINT) AS slice, {4} AS bucket, count(*), "
      "sum(value) FROM ({5}) WHERE value IS NOT NULL GROUP BY {0}slice, bucket",
      labels, request.slices, request.from_unix_nanos, request.slice_nanos, bucket_sql(of), spans);
  MESHFLOW_TRY(const store::Rows found, snapshot.query(sql));
  for (const auto& row : found.rows) {
    EndedSlice slice;
    for (std::size_t i = 0; i < of.labels.size(); ++i) slice.labels.push_back(text_of(row[i]));
    slice.slice = static_cast<std::size_t>(real_of(row[of.labels.size()]));
    add_row(of, row, of.labels.size() + 1, slice.cell);
    slices.push_back(std::move(slice));
  }
  return slices;
}

}  // namespace meshflow::query
