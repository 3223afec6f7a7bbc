// A pipeline over one trace, whole: which of its spans it selects, in which sets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/cell.hpp"
#include "query/traceql/fields.hpp"
#include "query/traceql/rows.hpp"
#include "query/traceql/structure.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::traceql {

// The spans of a trace, ordered by start and id, and how they hang together.
struct Trace {
  std::vector<Row> rows;
  Structure structure;
  std::size_t root = kNoSpan;  // of those without a parent id the first
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

// Orders the rows, links them, and fills the cells of fields that are of the trace (is_of_trace). `root_service` tells
// the service of a row.
[[nodiscard]] Trace make_trace(std::vector<Row> rows, const Fields& fields, const RowReader& reader);

struct SpanSet {
  std::vector<std::size_t> spans;  // rows of the trace, ascending
  // What by() and aggregates said of the set, in their words: ("by(status)", ok), ("count()", 3).
  std::vector<std::pair<std::string, Cell>> attributes = {};
};

// Whether a span of some set starts in the range.
[[nodiscard]] bool has_span_in(store::TimeRange range, const Trace& trace, const std::vector<SpanSet>& sets);

// A pipeline made ready. Its fields must be in `fields`, which must outlive it. Const methods may be called
// concurrently.
class Pipelines {
 public:
  Pipelines(const Pipeline& pipeline, const Fields& fields);
  ~Pipelines();
  Pipelines(Pipelines&&) noexcept;
  Pipelines& operator=(Pipelines&&) noexcept;

  // Sets without spans are left out; no set: the trace is not found. Errors: invalid_input where a structural operator
  // meets several sets on a side.
  [[nodiscard]] Result<std::vector<SpanSet>> evaluate(const Trace& trace) const;

  class Implementation;

 private:
  std::unique_ptr<const Implementation> implementation_;
};

}  // namespace meshflow::query::traceql
