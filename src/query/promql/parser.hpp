// Text to tree: the subset of PromQL of docs/alerts.md.
#pragma once

#include <span>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/promql/ast.hpp"
#include "query/promql/lexer.hpp"

namespace meshflow::query::promql {

// Operations, calls and parentheses within one another; and parts in all.
inline constexpr int kExpressionDepthMax = 100;
inline constexpr std::size_t kExpressionPartsMax = 5'000;

// A function that may be called, and what it takes.
struct Function {
  std::string_view name;
  ValueType returns;
  std::span<const ValueType> takes;
  std::size_t takes_at_least;  // the others may be left out
};
// Null where there is none of that name. Lives forever.
[[nodiscard]] const Function* find_function(std::string_view name) noexcept;

// A checked tree: types fit, regular expressions compile. Errors (invalid_input, limit_exceeded) have line and column
// (no file), say what was found and what would be right. Pure.
[[nodiscard]] Result<Expr> parse(std::string_view text);

}  // namespace meshflow::query::promql
