// The list of runs, and of every other trace: filtered, counted, sorted by any of its columns, page by page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/trace_row.hpp"
#include "query/traceql/ast.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

enum class RunColumn {
  start,
  trace_id,
  run_id,
  root,
  service,
  workflow,
  version,
  variant,
  status,
  duration,
  spans,
  errors,
  blocked,
  pending,
  cost,
  tokens,
  carbon,
};
// "start_ns", "cost_nano_usd", …: the names of a row's members in JSON.
[[nodiscard]] std::string_view name_of(RunColumn column) noexcept;

struct RunOrder {
  RunColumn by = RunColumn::start;
  bool is_descending = true;
  friend bool operator==(const RunOrder&, const RunOrder&) = default;
};
// "-start_ns", "cost_nano_usd"; invalid_argument names the columns there are.
[[nodiscard]] Result<RunOrder> run_order_of(std::string_view text);
[[nodiscard]] std::string text_of(RunOrder order);

inline constexpr std::size_t kRunsDefault = 20;
// Of one page: as many as Jaeger's UI asks for.
inline constexpr std::size_t kRunsMax = 1'500;

struct RunQuestion {
  std::optional<traceql::Pipeline> filter = {};  // checked; nothing: every trace
  // Within which a span that is found (without a filter: any span) starts.
  store::TimeRange range = {};
  RunOrder order = {};
  std::size_t limit = kRunsDefault;
  std::string cursor = {};  // RunPage::next_cursor of the page before; empty: the first
  store::QueryLimits limits = {};
};

struct RunPage {
  std::vector<TraceRow> rows;
  std::optional<std::uint64_t> total;  // of all pages; nothing where `cut_by` says why it is not known
  std::string next_cursor;  // empty: this is the last
  std::optional<Error> cut_by;
};

// Rows that say nothing in the column come last in either order; equal ones are ordered newest first, then by id. A
// page begins behind the row that the cursor names, whatever has come since. Errors: invalid_argument for a cursor that
// is none or of another order, those of all_matches() and of the snapshot.
[[nodiscard]] Result<RunPage> list_runs(store::Snapshot& snapshot, const RunQuestion& question);

// From the earliest start to the latest end.
[[nodiscard]] std::uint64_t duration_of(const TraceRow& row);

// As the web UI's API has it.
void write_run_json(JsonWriter& out, const TraceRow& row);

}  // namespace meshflow::query
