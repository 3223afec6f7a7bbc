#include "query/report.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/row_value.hpp"
#include "query/trace_row.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

constexpr std::string_view kAgentSpanName = "meshflow.agent";

// Money and carbon are doubles nearest to billionths; where they were sent as integers they are in `rest`.
std::string billionths(std::string_view column, std::string_view key) {
  return fmt::format("TRY_CAST(round(coalesce({0}, CAST(rest_int(rest, '{1}') AS DOUBLE)) * 1e9) AS BIGINT)", column,
                     key);
}
// The same of an attribute without a column.
std::string billionths_of_rest(std::string_view key) {
  return fmt::format("TRY_CAST(round(rest_double(rest, '{0}') * 1e9) AS BIGINT)", key);
}

// 0 for NULL; saturates where a sum has left 64 bits.
std::int64_t number(const store::Value& value) {
  if (const auto* const held = std::get_if<std::int64_t>(&value)) return *held;
  if (const auto* const held = std::get_if<std::uint64_t>(&value)) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(*held, INT64_MAX));
  }
  const auto* const held = std::get_if<double>(&value);
  if (held == nullptr) return 0;
  return *held >= 9.2e18 ? INT64_MAX : *held <= -9.2e18 ? INT64_MIN : static_cast<std::int64_t>(*held);
}
bool truth(const store::Value& value) {
  const auto* const held = std::get_if<bool>(&value);
  return held != nullptr && *held;
}

// The runs of both periods, while one report is made: a table of the snapshot's connection, which goes with it. What
// runs say lies in `rest` for the most part, the largest column: it is read once for all questions.
constexpr std::string_view kRunsTable = "report_runs";

// One report while it is made: statements over all pieces of both periods, and over the table of runs.
class Reporting {
 public:
  Reporting(store::Snapshot& snapshot, const ReportRequest& request, const store::QueryLimits& limits)
      : snapshot_(snapshot), request_(request), limits_(limits) {
    const std::uint64_t length = request.to - request.from;
    earliest_ = request.from - std::min(request.from, length);
    pieces_ = snapshot.pieces_in({earliest_, request.to - 1});
    report_.from_unix_nanos = static_cast<std::int64_t>(request.from);
    report_.to_unix_nanos = static_cast<std::int64_t>(request.to);
    report_.limit_nano_usd = request.limit_nano_usd;
  }

  Result<Report> answer_questions() {
    if (pieces_.empty()) return std::move(report_);
    MESHFLOW_CHECK(ask_latency());
    MESHFLOW_CHECK(read_runs());
    MESHFLOW_CHECK(ask_costs());
    MESHFLOW_CHECK(ask_cost_over_time());
    MESHFLOW_CHECK(ask_expensive_runs());
    MESHFLOW_CHECK(ask_tokens_and_carbon());
    MESHFLOW_CHECK(ask_blocks());
    return std::move(report_);
  }
  Result<Report> group_by(ReportGroup group);

 private:
  // The spans of both periods that fit `where`, from all pieces, as columns; `is_now`: of this period.
  [[nodiscard]] std::string spans(std::string_view columns, std::string_view where) const {
    std::string sql;
    for (const store::Piece& piece : pieces_) {
      sql += fmt::format(
          "{}SELECT start >= {}::UBIGINT AS is_now, {} FROM {} WHERE start >= {}::UBIGINT AND start < {}::UBIGINT "
          "AND {}",
          sql.empty() ? "" : " UNION ALL ", request_.from, columns, piece.source, earliest_, request_.to, where);
    }
    return sql;
  }
  [[nodiscard]] Result<store::Rows> ask(const std::string& sql) const { return snapshot_.query(sql, {}, limits_); }
  static std::string is_named(std::string_view name) { return fmt::format("name = '{}'", name); }

  Result<void> ask_latency();
  Result<void> read_runs();
  Result<void> ask_costs();
  Result<void> ask_cost_over_time();
  Result<void> ask_expensive_runs();
  Result<void> ask_tokens_and_carbon();
  Result<void> ask_blocks();
  [[nodiscard]] std::string group_columns(ReportGroup group) const;
  template <typename Row>
  void cut(std::vector<Row>& rows) {
    if (rows.size() <= kReportRowsMax) return;
    rows.resize(kReportRowsMax);
    report_.is_cut = true;
  }

  store::Snapshot& snapshot_;
  const ReportRequest& request_;
  store::QueryLimits limits_;
  std::uint64_t earliest_ = 0;
  std::vector<store::Piece> pieces_;
  Report report_;
};

Result<void> Reporting::ask_latency() {
  const std::string sql = fmt::format(
      "SELECT role, is_now, spans, q[1], q[2], q[3], longest FROM (SELECT role, is_now, count(*) AS spans, "
      "quantile_disc(duration, [0.5, 0.95, 0.99]) AS q, max(duration) AS longest FROM ({}) GROUP BY role, is_now)",
      spans("meshflow_role AS role, duration", is_named(kAgentSpanName) + " AND meshflow_role IS NOT NULL"));
  MESHFLOW_TRY(const store::Rows rows, ask(sql));
  std::map<std::string, RoleLatency> roles;
  for (const auto& row : rows.rows) {
    RoleLatency& role = roles[text_of(row[0])];
    role.role = text_of(row[0]);
    (truth(row[1]) ? role.now : role.before) = {number(row[2]), number(row[3]), number(row[4]), number(row[5]),
                                                number(row[6])};
  }
  for (auto& [name, role] : roles) report_.latency_by_role.push_back(std::move(role));
  std::stable_sort(report_.latency_by_role.begin(), report_.latency_by_role.end(),
                   [](const RoleLatency& a, const RoleLatency& b) {
                     return std::tuple(a.now.spans > 0, a.now.p95_ns) > std::tuple(b.now.spans > 0, b.now.p95_ns);
                   });
  cut(report_.latency_by_role);
  return {};
}

Result<void> Reporting::read_runs() {
  const std::string columns = fmt::format(
      "trace_id, start, meshflow_run_id AS run_id, meshflow_workflow_name AS workflow, meshflow_workflow_version AS "
      "version, rest_text(rest, 'meshflow.variant') AS variant, meshflow_tokens AS tokens, rest_int(rest, "
      "'meshflow.tokens.input') AS input, rest_int(rest, 'meshflow.tokens.output') AS output, rest_int(rest, "
      "'meshflow.tokens.cached') AS cached, {} AS cost, {} AS carbon, {} AS low, {} AS high",
      billionths("meshflow_cost_usd", "meshflow.cost_usd"), billionths("meshflow_carbon_g", "meshflow.carbon_g"),
      billionths_of_rest("meshflow.carbon_g_low"), billionths_of_rest("meshflow.carbon_g_high"));
  MESHFLOW_TRY(const store::Rows done, ask(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS {}", kRunsTable,
                                                       spans(columns, is_named(kRunSpanName)))));
  (void)done;
  return {};
}

Result<void> Reporting::ask_costs() {
  const std::string sql = fmt::format(
      "SELECT is_now, runs, total, q[1], q[2], highest, expensive FROM (SELECT is_now, count(*) AS runs, sum(cost) AS "
      "total, quantile_disc(cost, [0.5, 0.95]) AS q, max(cost) AS highest, count(*) FILTER (cost > {}) AS expensive "
      "FROM {} WHERE cost IS NOT NULL GROUP BY is_now)",
      request_.limit_nano_usd, kRunsTable);
  MESHFLOW_TRY(const store::Rows rows, ask(sql));
  for (const auto& row : rows.rows) {
    (truth(row[0]) ? report_.cost : report_.cost_before) = {number(row[1]), number(row[2]), number(row[3]),
                                                            number(row[4]), number(row[5]), number(row[6])};
  }
  return {};
}

Result<void> Reporting::ask_cost_over_time() {
  const std::uint64_t length = request_.to - request_.from;
  const std::uint64_t slice = std::max<std::uint64_t>(1, (length + kCostSlices - 1) / kCostSlices);
  for (std::uint64_t i = 0; i < kCostSlices; ++i) {
    report_.cost_over_time.push_back({static_cast<std::int64_t>(request_.from + i * slice), 0, 0});
  }
  const std::string sql = fmt::format(
      "SELECT CAST((start - {}::UBIGINT) // {}::UBIGINT AS BIGINT) AS slice, count(*), sum(cost) FROM {} WHERE is_now "
      "AND cost IS NOT NULL GROUP BY slice",
      request_.from, slice, kRunsTable);
  MESHFLOW_TRY(const store::Rows rows, ask(sql));
  for (const auto& row : rows.rows) {
    CostSlice& into =
        report_.cost_over_time[std::min(static_cast<std::size_t>(number(row[0])), std::size_t{kCostSlices - 1})];
    into.runs += number(row[1]);
    into.total_nano_usd += number(row[2]);
  }
  return {};
}

Result<void> Reporting::ask_expensive_runs() {
  if (report_.cost.over_limit == 0) return {};
  const std::string sql = fmt::format(
      "SELECT trace_id, run_id, workflow, start, cost FROM {} WHERE is_now AND cost > {} ORDER BY cost DESC, start "
      "DESC, trace_id LIMIT {}",
      kRunsTable, request_.limit_nano_usd, kExpensiveRunsMax);
  MESHFLOW_TRY(const store::Rows rows, ask(sql));
  for (const auto& row : rows.rows) {
    const auto* const trace = std::get_if<store::U128>(row.data());
    report_.expensive_runs.push_back({trace == nullptr ? std::string() : hex_of(store::trace_id_of(*trace)),
                                      text_of(row[1]), text_of(row[2]), number(row[3]), number(row[4])});
  }
  return {};
}

std::string variant_of(const std::string& variant, const std::string& workflow, const std::string& version) {
  if (!variant.empty()) return variant;
  if (workflow.empty()) return "(no workflow)";
  return version.empty() ? workflow : workflow + " " + version;
}

Result<void> Reporting::ask_tokens_and_carbon() {
  const std::string sql = fmt::format(
      "SELECT workflow, version, variant, is_now, count(tokens), sum(tokens), sum(input), sum(output), sum(cached), "
      "count(carbon), sum(carbon), sum(coalesce(low, carbon)), sum(coalesce(high, carbon)), min(start) FROM {} GROUP "
      "BY "
      "workflow, version, variant, is_now",
      kRunsTable);
  MESHFLOW_TRY(const store::Rows rows, ask(sql));
  std::map<std::pair<std::string, std::string>, VersionTokens> versions;
  std::map<std::string, VariantCarbon> variants;
  for (const auto& row : rows.rows) {
    const std::string workflow = text_of(row[0]);
    const std::string version = text_of(row[1]);
    const bool is_now = truth(row[3]);
    if (number(row[4]) > 0) {
      const auto [place, is_new] = versions.try_emplace({workflow, version});
      VersionTokens& tokens = place->second;
      tokens.workflow = workflow;
      tokens.version = version;
      const std::int64_t start = number(row[13]);
      tokens.first_start_unix_nanos = is_new ? start : std::min(tokens.first_start_unix_nanos, start);
      RunTokens& into = is_now ? tokens.now : tokens.before;
      into.runs += number(row[4]);
      into.tokens += number(row[5]);
      into.input += number(row[6]);
      into.output += number(row[7]);
      into.cached += number(row[8]);
    }
    if (number(row[9]) > 0) {
      VariantCarbon& variant = variants[variant_of(text_of(row[2]), workflow, version)];
      variant.variant = variant_of(text_of(row[2]), workflow, version);
      RunCarbon& into = is_now ? variant.now : variant.before;
      into.runs += number(row[9]);
      into.nanograms += number(row[10]);
      into.low_nanograms += number(row[11]);
      into.high_nanograms += number(row[12]);
    }
  }
  for (auto& [name, tokens] : versions) report_.tokens_by_version.push_back(std::move(tokens));
  std::stable_sort(report_.tokens_by_version.begin(), report_.tokens_by_version.end(),
                   [](const VersionTokens& a, const VersionTokens& b) {
                     return std::tie(a.workflow, a.first_start_unix_nanos) <
                            std::tie(b.workflow, b.first_start_unix_nanos);
                   });
  cut(report_.tokens_by_version);
  for (auto& [name, carbon] : variants) report_.carbon_by_variant.push_back(std::move(carbon));
  // Those without runs now come last.
  const auto per_run = [](const RunCarbon& carbon) {
    return static_cast<long double>(carbon.nanograms) / static_cast<long double>(carbon.runs);
  };
  std::stable_sort(report_.carbon_by_variant.begin(), report_.carbon_by_variant.end(),
                   [&per_run](const VariantCarbon& a, const VariantCarbon& b) {
                     if (a.now.runs == 0 || b.now.runs == 0) return a.now.runs > 0 && b.now.runs == 0;
                     return per_run(a.now) < per_run(b.now);
                   });
  cut(report_.carbon_by_variant);
  return {};
}

Result<void> Reporting::ask_blocks() {
  const std::string sql = fmt::format(
      "SELECT rule, role, is_now, count(*), count(DISTINCT trace_id) FROM ({}) GROUP BY GROUPING SETS ((rule, role, "
      "is_now), (rule, is_now)) ORDER BY grouping(role)",
      spans("trace_id, coalesce(meshflow_rule_id, '') AS rule, coalesce(meshflow_role, '') AS role",
            "meshflow_verdict = 'blocked'"));
  MESHFLOW_TRY(const store::Rows rows, ask(sql));
  std::map<std::string, RuleBlocks> rules;
  std::map<std::string, std::set<std::string>> roles;
  for (const auto& row : rows.rows) {
    RuleBlocks& rule = rules[text_of(row[0])];
    rule.rule = text_of(row[0]);
    // The rows over all roles have none; the others tell which there are.
    if (std::holds_alternative<std::string>(row[1])) {
      if (!text_of(row[1]).empty()) roles[rule.rule].insert(text_of(row[1]));
      continue;
    }
    (truth(row[2]) ? rule.now : rule.before) = {number(row[3]), number(row[4])};
  }
  for (auto& [name, rule] : rules) {
    rule.roles = fmt::format("{}", fmt::join(roles[name], ", "));
    report_.blocked_by_rule.push_back(std::move(rule));
  }
  std::stable_sort(report_.blocked_by_rule.begin(), report_.blocked_by_rule.end(),
                   [](const RuleBlocks& a, const RuleBlocks& b) { return a.now.spans > b.now.spans; });
  cut(report_.blocked_by_rule);
  return {};
}

// ---- by a group -----------------------------------------------------------------------------------------------------

std::string Reporting::group_columns(ReportGroup group) const {
  const std::string cost = billionths("meshflow_cost_usd", "meshflow.cost_usd");
  const std::string carbon = billionths("meshflow_carbon_g", "meshflow.carbon_g");
  const std::string figures = fmt::format("duration, {} AS cost, {} AS carbon, ", cost, carbon);
  const std::string workflow =
      "CASE WHEN meshflow_workflow_name IS NULL THEN '(no workflow)' WHEN coalesce(meshflow_workflow_version, '') = '' "
      "THEN meshflow_workflow_name ELSE meshflow_workflow_name || ' ' || meshflow_workflow_version END";
  const std::string run_figures =
      figures + "meshflow_tokens AS tokens, coalesce(rest_int(rest, 'meshflow.blocked'), 0) AS blocked, ";
  const std::string span_figures =
      figures +
      "coalesce(meshflow_tokens, gen_ai_usage_input_tokens + gen_ai_usage_output_tokens) AS tokens, "
      "CASE WHEN meshflow_verdict = 'blocked' THEN 1 ELSE 0 END AS blocked, ";
  switch (group) {
    case ReportGroup::workflow: return run_figures + workflow + " AS member";
    case ReportGroup::variant:
      return run_figures + "coalesce(nullif(rest_text(rest, 'meshflow.variant'), ''), " + workflow + ") AS member";
    case ReportGroup::role: return span_figures + "coalesce(meshflow_role, '(no role)') AS member";
    case ReportGroup::model: return span_figures + "gen_ai_request_model AS member";
  }
  return {};
}

Result<Report> Reporting::group_by(ReportGroup group) {
  report_.by = kReportGroupNames.at(static_cast<std::size_t>(group));
  if (pieces_.empty()) return std::move(report_);
  std::string where = is_named(kRunSpanName);
  if (group == ReportGroup::role) where = is_named(kAgentSpanName);
  if (group == ReportGroup::model) {
    where =
        "gen_ai_request_model IS NOT NULL AND gen_ai_operation_name IN ('chat', 'text_completion', "
        "'generate_content', 'embeddings')";
  }
  const std::string sql = fmt::format(
      "SELECT member, is_now, n, q[1], q[2], cost, tokens, carbon, blocked FROM (SELECT member, is_now, count(*) AS n, "
      "quantile_disc(duration, [0.5, 0.95]) AS q, sum(cost) AS cost, sum(tokens) AS tokens, sum(carbon) AS carbon, "
      "sum(blocked) AS blocked FROM ({}) GROUP BY member, is_now)",
      spans(group_columns(group), where));
  MESHFLOW_TRY(const store::Rows rows, ask(sql));
  std::map<std::string, GroupRow> groups;
  for (const auto& row : rows.rows) {
    GroupRow& into = groups[text_of(row[0])];
    into.group = text_of(row[0]);
    (truth(row[1]) ? into.now : into.before) = {number(row[2]), number(row[3]), number(row[4]), number(row[5]),
                                                number(row[6]), number(row[7]), number(row[8])};
  }
  for (auto& [name, row] : groups) report_.groups.push_back(std::move(row));
  std::stable_sort(report_.groups.begin(), report_.groups.end(), [](const GroupRow& a, const GroupRow& b) {
    return std::tuple(a.now.cost_nano_usd, a.now.count) > std::tuple(b.now.cost_nano_usd, b.now.count);
  });
  cut(report_.groups);
  return std::move(report_);
}

}  // namespace

std::optional<ReportGroup> report_group_of(std::string_view name) noexcept {
  const auto* const found = std::find(kReportGroupNames.begin(), kReportGroupNames.end(), name);
  if (found == kReportGroupNames.end()) return std::nullopt;
  return static_cast<ReportGroup>(found - kReportGroupNames.begin());
}

Result<Report> make_report(store::Snapshot& snapshot, const ReportRequest& request, const store::QueryLimits& limits) {
  if (request.from >= request.to) return fail(ErrorCode::invalid_argument, "the report's period is empty");
  Reporting reporting(snapshot, request, limits);
  return request.by ? reporting.group_by(*request.by) : reporting.answer_questions();
}

}  // namespace meshflow::query
