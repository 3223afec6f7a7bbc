// The report over runs and agents (docs/report.md): latency per role, cost per run, tokens by workflow version, carbon
// per variant, blocked spans by rule, expensive runs; each beside the same of the period before.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/json_writer.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

enum class ReportGroup { workflow, variant, role, model };
inline constexpr std::array<std::string_view, 4> kReportGroupNames{"workflow", "variant", "role", "model"};
[[nodiscard]] std::optional<ReportGroup> report_group_of(std::string_view name) noexcept;

// The period is [from, to) by the starts of spans, in nanoseconds; the one before is as long and ends at `from`. Needs
// from < to.
struct ReportRequest {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::optional<ReportGroup> by = {};  // a table by this, instead of the questions
  std::int64_t limit_nano_usd = 10'000'000;  // runs that cost more are listed: $0.01
};

// Everywhere: nanoseconds, nano-dollars, nanograms; sums are exact. A quantile q of n values is the value at place
// ⌈q·n⌉ of them in order (nearest rank): a value that occurred, the only one where n is 1.
struct Latency {
  std::int64_t spans = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p95_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t max_ns = 0;
  friend bool operator==(const Latency&, const Latency&) = default;
};
struct RoleLatency {
  std::string role;
  Latency now;
  Latency before;
  friend bool operator==(const RoleLatency&, const RoleLatency&) = default;
};

struct RunCosts {
  std::int64_t runs = 0;  // that say what they cost
  std::int64_t total_nano_usd = 0;
  std::int64_t p50_nano_usd = 0;
  std::int64_t p95_nano_usd = 0;
  std::int64_t max_nano_usd = 0;
  std::int64_t over_limit = 0;  // runs that cost more than ReportRequest::limit_nano_usd
  friend bool operator==(const RunCosts&, const RunCosts&) = default;
};
// A twelfth of the period, by the starts of its runs.
struct CostSlice {
  std::int64_t start_unix_nanos = 0;
  std::int64_t runs = 0;
  std::int64_t total_nano_usd = 0;
  friend bool operator==(const CostSlice&, const CostSlice&) = default;
};
struct ExpensiveRun {
  std::string trace_id;
  std::string run_id;
  std::string workflow;
  std::int64_t start_unix_nanos = 0;
  std::int64_t cost_nano_usd = 0;
  friend bool operator==(const ExpensiveRun&, const ExpensiveRun&) = default;
};

struct RunTokens {
  std::int64_t runs = 0;
  std::int64_t tokens = 0;
  std::int64_t input = 0;  // cached ones included
  std::int64_t output = 0;
  std::int64_t cached = 0;
  friend bool operator==(const RunTokens&, const RunTokens&) = default;
};
// Workflows by name, the versions of each by their first run in either period.
struct VersionTokens {
  std::string workflow;
  std::string version;
  RunTokens now;
  RunTokens before;
  std::int64_t first_start_unix_nanos = 0;
  friend bool operator==(const VersionTokens&, const VersionTokens&) = default;
};

struct RunCarbon {
  std::int64_t runs = 0;
  std::int64_t nanograms = 0;
  std::int64_t low_nanograms = 0;
  std::int64_t high_nanograms = 0;
  friend bool operator==(const RunCarbon&, const RunCarbon&) = default;
};
// What a run's root span names as its variant, else "WORKFLOW VERSION"; the least per run first.
struct VariantCarbon {
  std::string variant;
  RunCarbon now;
  RunCarbon before;
  friend bool operator==(const VariantCarbon&, const VariantCarbon&) = default;
};

struct Blocks {
  std::int64_t spans = 0;
  std::int64_t runs = 0;
  friend bool operator==(const Blocks&, const Blocks&) = default;
};
struct RuleBlocks {
  std::string rule;   // empty: the spans name none
  std::string roles;  // of the spans in both periods, sorted, with commas
  Blocks now;
  Blocks before;
  friend bool operator==(const RuleBlocks&, const RuleBlocks&) = default;
};

// Of a group's runs, agents or model calls.
struct GroupFigures {
  std::int64_t count = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p95_ns = 0;
  std::int64_t cost_nano_usd = 0;
  std::int64_t tokens = 0;
  std::int64_t nanograms = 0;
  std::int64_t blocked = 0;
  friend bool operator==(const GroupFigures&, const GroupFigures&) = default;
};
struct GroupRow {
  std::string group;
  GroupFigures now;
  GroupFigures before;
  friend bool operator==(const GroupRow&, const GroupRow&) = default;
};

struct Report {
  std::int64_t from_unix_nanos = 0;
  std::int64_t to_unix_nanos = 0;
  std::int64_t limit_nano_usd = 0;
  std::string by = {};  // a group's name; empty: the questions
  std::vector<RoleLatency> latency_by_role = {};  // the slowest p95 first
  RunCosts cost = {};
  RunCosts cost_before = {};
  std::vector<CostSlice> cost_over_time = {};
  std::vector<ExpensiveRun> expensive_runs = {};  // over the limit, dearest first; at most kExpensiveRunsMax
  std::vector<VersionTokens> tokens_by_version = {};
  std::vector<VariantCarbon> carbon_by_variant = {};
  std::vector<RuleBlocks> blocked_by_rule = {};  // most first
  std::vector<GroupRow> groups = {};  // with `by` only: dearest first
  bool is_cut = false;  // more groups than kReportRowsMax: the least of them are left out
  friend bool operator==(const Report&, const Report&) = default;
};

inline constexpr std::size_t kExpensiveRunsMax = 10;
inline constexpr std::size_t kCostSlices = 12;
// Rows of one table.
inline constexpr std::size_t kReportRowsMax = 1'000;

// Runs are spans named meshflow.run, agents those named meshflow.agent, model calls those with gen_ai.request.model and
// an operation of a model (chat, text_completion, generate_content, embeddings). Errors are the snapshot's.
[[nodiscard]] Result<Report> make_report(store::Snapshot& snapshot, const ReportRequest& request,
                                         const store::QueryLimits& limits = {});

// An object with the members of Report, under their names.
void write_json(JsonWriter& out, const Report& report);
// What write_json wrote; invalid_input for anything else.
[[nodiscard]] Result<Report> report_from_json(std::string_view text);

}  // namespace meshflow::query
