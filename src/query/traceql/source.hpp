// The store as a TraceQL query reads it: conditions as SQL, traces as rows, within the query's limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/compile.hpp"
#include "query/trace_index.hpp"
#include "query/traceql/plan.hpp"
#include "query/traceql/rows.hpp"
#include "query/traceql/spansets.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::traceql {

// A trace that may be found.
using Candidate = IndexedTrace;

// `snapshot` must outlive it. One thread at a time.
class Source {
 public:
  // Reads what the pieces in `range` refer to. `limits.time_max` begins now and counts for all that follows;
  // rows_max and bytes_max bound what is held at once.
  [[nodiscard]] static Result<Source> open(store::Snapshot& snapshot, store::TimeRange range, Fields fields,
                                           const store::QueryLimits& limits);

  // A statement over pieces: for each of them its source, in which `condition` is a boolean expression. `build` gives
  // the SELECT of one piece, which stands in a UNION ALL with the others.
  struct Statement {
    std::string sql;
    std::vector<store::Value> parameters;
  };
  // "SELECT list FROM source WHERE start BETWEEN … AND … AND condition UNION ALL …"; empty where no piece overlaps.
  // `list_parameters` fill the marks of the list, for each piece again.
  [[nodiscard]] Result<Statement> select(std::string_view list, store::TimeRange window, const Condition& condition,
                                         std::span<const store::Value> list_parameters = {});
  // Looks through what is in memory too, so that columns_in_rest() says what is true of all spans.
  [[nodiscard]] Result<void> know_memory();

  // Each with its times from the index.
  [[nodiscard]] Result<std::vector<Candidate>> candidates(store::TimeRange window, const Condition& condition);
  // Those of a run or of one trace, where the condition asks for it; nothing where the index does not help.
  [[nodiscard]] Result<std::optional<std::vector<Candidate>>> indexed(const Condition& condition);
  // Between which start times the spans of traces lie that have one in `range`.
  [[nodiscard]] Result<store::TimeRange> hull(store::TimeRange range);

  // Whole traces with their cells, in no order.
  [[nodiscard]] Result<std::vector<Trace>> read(const std::vector<Candidate>& candidates);

  // How many spans of the newest ones fit each condition: for choosing between them.
  [[nodiscard]] Result<std::vector<std::uint64_t>> sample(store::TimeRange range,
                                                          const std::vector<Pushdown>& conditions);

  [[nodiscard]] Result<store::Rows> ask(const Statement& statement);
  [[nodiscard]] Result<void> ask(const Statement& statement, const store::TakeBatch& take);

  [[nodiscard]] const std::vector<store::Piece>& pieces() const noexcept { return pieces_; }
  // The start times of all spans that pieces in the range have.
  [[nodiscard]] store::TimeRange extent() const;
  [[nodiscard]] const Fields& fields() const noexcept { return *fields_; }
  [[nodiscard]] const ResourceSet& resources() const noexcept { return *resources_; }
  [[nodiscard]] const ScopeSet& scopes() const noexcept { return *scopes_; }
  [[nodiscard]] RowReader& reader() noexcept { return *reader_; }
  // Of tables; of memory after know_memory(), which else may have any.
  [[nodiscard]] std::uint64_t columns_in_rest() const noexcept { return columns_in_rest_; }
  // Spans that were read so far, whole traces only.
  [[nodiscard]] std::uint64_t spans_read() const noexcept { return spans_read_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  using Clock = std::chrono::steady_clock;
  Source(store::Snapshot& snapshot, const store::QueryLimits& limits);
  [[nodiscard]] Result<store::QueryLimits> left() const;
  [[nodiscard]] Result<void> read_cluster(const std::vector<Candidate>& cluster, std::vector<Row>& rows);

  store::Snapshot* snapshot_;
  store::QueryLimits limits_;
  Clock::time_point deadline_;
  std::vector<store::Piece> pieces_;
  std::uint64_t columns_in_rest_ = 0;
  bool knows_memory_ = false;
  // On the heap: the reader refers to them.
  std::unique_ptr<const Fields> fields_;
  std::unique_ptr<const ResourceSet> resources_;
  std::unique_ptr<const ScopeSet> scopes_;
  std::unique_ptr<RowReader> reader_;
  std::uint64_t spans_read_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace meshflow::query::traceql
