// Reading the store: a view of all its spans at one moment, asked in SQL.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"
#include "store/batch.hpp"
#include "store/text_rows.hpp"
#include "store/value.hpp"

namespace meshflow::store {

class TraceStore;

// A part of the store: a table, or the spans that are still in memory. Spans are in pieces by when they arrived.
struct Piece {
  // What a query reads from: "spans_17", "recent(3)". Has the columns of columns.hpp.
  std::string source;
  // Tables beside it: resources(key UBIGINT, value BLOB), scopes(key UBIGINT, value BLOB), and
  // traces(trace_id UHUGEINT, first UBIGINT, last UBIGINT, run UBIGINT), which has a row, or a few, for each trace in
  // the piece: within which start times its spans lie, and the run_key of its meshflow.run_id (0: none). Empty for
  // memory, whose resources and scopes only Snapshot::resources tells.
  std::string traces;
  std::uint64_t start_min = 0;  // earliest and latest start of its spans, nanoseconds; min > max where it is empty
  std::uint64_t start_max = 0;
  std::uint64_t rows = 0;
};

struct QueryLimits {
  std::chrono::milliseconds time_max{30'000};  // past it: ErrorCode::timeout
  std::size_t rows_max = 1'000'000;  // more are cut off, and Rows says so
  std::size_t bytes_max = std::size_t{256} << 20;  // of values kept; past it: limit_exceeded
  const std::atomic<bool>* cancelled = nullptr;  // set by another thread: ErrorCode::cancelled
};

// Start times in nanoseconds, both included.
struct TimeRange {
  std::uint64_t from = 0;
  std::uint64_t to = UINT64_MAX;
};

// One trace, whole. `data` has a ResourceSpans for each resource and a ScopeSpans for each scope in it, spans in the
// order of their starts; duplicates of attribute keys in events, links, resources and scopes are resolved (last wins).
struct StoredTrace {
  otlp::TraceId trace_id{};
  otlp::TracesData data;
};

// A resource of some span, as its key in the column `resource`.
struct StoredResource {
  std::uint64_t key = 0;
  otlp::Resource resource;
};

// A scope of some span, as its key in the column `scope`.
struct StoredScope {
  std::uint64_t key = 0;
  otlp::InstrumentationScope scope;
};

// Sees all that was visible when it was made, each span once, and nothing that came later. One thread at a time; keep
// it short: what is dropped or compacted meanwhile keeps its memory.
class Snapshot {
 public:
  ~Snapshot();
  Snapshot(Snapshot&&) noexcept;
  Snapshot& operator=(Snapshot&&) noexcept;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // Newest last; what is in memory, if anything, is the last of all.
  [[nodiscard]] std::span<const Piece> pieces() const noexcept;
  // Those that may hold spans which start in `range`, in the same order.
  [[nodiscard]] std::vector<Piece> pieces_in(TimeRange range) const;

  // One SELECT over pieces' sources. `parameters` fill the statement's `?` in order. SQL functions beside DuckDB's own
  // are those of functions.hpp. Errors: invalid_input with DuckDB's sentence, timeout, cancelled, limit_exceeded.
  [[nodiscard]] Result<Rows> query(std::string_view sql, std::span<const Value> parameters = {},
                                   const QueryLimits& limits = {});

  // One SELECT that others wrote and query::run_sql has checked, its values as text, whatever their types.
  [[nodiscard]] Result<TextRows> select(std::string_view sql, const QueryLimits& limits);

  // The same, batch by batch as DuckDB makes them; rows_max and bytes_max are the caller's to hold.
  [[nodiscard]] Result<void> read(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits,
                                  const TakeBatch& take);

  // The distinct resources of the spans in pieces that overlap `range`; each key once.
  [[nodiscard]] Result<std::vector<StoredResource>> resources(TimeRange range = {});
  // Likewise their scopes.
  [[nodiscard]] Result<std::vector<StoredScope>> scopes(TimeRange range = {});

  // A bit for each of attribute_columns() of which a span of the piece may have the key in `rest`, with a value of
  // another type. The first question about a piece reads it once; later ones only what was added to it. All bits for
  // what is in memory.
  [[nodiscard]] Result<std::uint64_t> columns_in_rest(const Piece& piece, const QueryLimits& limits = {});

  // Within which start times the spans of a trace lie, by the index of traces and without a scan; nothing for a trace
  // that is not here.
  [[nodiscard]] Result<std::optional<TimeRange>> time_range_of(const otlp::TraceId& trace_id);
  // The traces in which a span has this meshflow.run_id, by the index: candidates, to be checked against the spans.
  struct Candidate {
    otlp::TraceId trace_id{};
    TimeRange range;
  };
  [[nodiscard]] Result<std::vector<Candidate>> traces_of_run(std::string_view run_id);

  // Those of the traces that are here, each whole, in the order of `trace_ids`, found by the index. More spans than
  // QueryLimits::rows_max, of all together, are limit_exceeded.
  [[nodiscard]] Result<std::vector<StoredTrace>> traces(std::span<const otlp::TraceId> trace_ids,
                                                        const QueryLimits& limits = {});

  // One span of a trace, with its resource and scope; nothing where it is not here.
  [[nodiscard]] Result<std::optional<StoredTrace>> span(const otlp::TraceId& trace_id, const otlp::SpanId& span_id,
                                                        const QueryLimits& limits = {});

  // The spans of these traces as rows, found by the index, in no order: `columns` is what a SELECT over a piece's
  // source names (columns.hpp, functions.hpp). Each trace must come once.
  [[nodiscard]] Result<void> read_spans(std::span<const otlp::TraceId> trace_ids, std::string_view columns,
                                        const QueryLimits& limits, const TakeBatch& take);

  class Implementation;

 private:
  friend class TraceStore;
  explicit Snapshot(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace meshflow::store
