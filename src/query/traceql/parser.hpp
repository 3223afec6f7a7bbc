// Text → syntax tree.
#pragma once

#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::query::traceql {

// The query that `text` is, by the grammar of docs/traceql-grammar.md, or the first thing in it that is none. Types are
// not looked at: check() does. Total and bounded by limits.hpp, whatever the text. Pure.
[[nodiscard]] Outcome<Query> parse_query(std::string_view text);

// The same with the problem as an Error.
[[nodiscard]] Result<Query> parse(std::string_view text);

}  // namespace meshflow::query::traceql
