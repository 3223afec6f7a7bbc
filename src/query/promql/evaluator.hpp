// What an expression is at a moment, as Prometheus 2 evaluates it (checked against it by tests/interop/run_prometheus).
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/promql/ast.hpp"
#include "query/promql/series.hpp"

namespace meshflow::query::promql {

struct VectorSample {
  Labels labels;
  double value = 0;
  friend bool operator==(const VectorSample&, const VectorSample&) = default;
};
using Vector = std::vector<VectorSample>;

// Series of one answer, at each step of it.
inline constexpr std::size_t kVectorMax = 50'000;

// `expr` is a number or a vector (parse() made it, and its type says so); a number comes as one sample without labels.
// A window, `E[d]`, is E where the last sample of each series counts as long as it is not older than d. Errors: those
// of the source; invalid_input with line and column where the series do not fit the operation (several match one);
// limit_exceeded. Vectors are in no particular order, but topk's: greatest first.
[[nodiscard]] Result<Vector> evaluate(const Expr& expr, SeriesSource& source, std::int64_t time_ms);

}  // namespace meshflow::query::promql
