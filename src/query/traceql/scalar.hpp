// Arithmetic between numbers that are written down.
#pragma once

#include "query/traceql/ast.hpp"
#include "query/traceql/token_stream.hpp"

namespace meshflow::query::traceql {

// Two integers give an integer (1 / 2 is 0), else a real. Fails at `place` past 64 bits, on division by zero, with
// durations, and for % and ^.
[[nodiscard]] Outcome<Value> computed(const TokenStream& tokens, ArithmeticOperator op, const Literal& left,
                                      const Literal& right, Place place);

}  // namespace meshflow::query::traceql
