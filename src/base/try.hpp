// Early return of a failed Result. The only control-flow macros of the code base.
#pragma once

#include "meshflow/base/error.hpp"

#define MESHFLOW_CONCAT_INNER(a, b) a##b
#define MESHFLOW_CONCAT(a, b) MESHFLOW_CONCAT_INNER(a, b)

// MESHFLOW_TRY(auto value, expression): declares `value` from the Result's value, or returns its Error.
// Expands to several statements: do not use it as the body of an `if` without braces.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define MESHFLOW_TRY(declaration, expression)                                                              \
  auto MESHFLOW_CONCAT(try_result_, __LINE__) = (expression);                                              \
  if (!MESHFLOW_CONCAT(try_result_, __LINE__))                                                             \
    return ::tl::unexpected<::meshflow::Error>(std::move(MESHFLOW_CONCAT(try_result_, __LINE__)).error()); \
  declaration = std::move(*MESHFLOW_CONCAT(try_result_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)

// The same for Result<void>, or where the value is not wanted.
#define MESHFLOW_CHECK(expression)                                                                             \
  if (auto MESHFLOW_CONCAT(check_result_, __LINE__) = (expression); !MESHFLOW_CONCAT(check_result_, __LINE__)) \
  return ::tl::unexpected<::meshflow::Error>(std::move(MESHFLOW_CONCAT(check_result_, __LINE__)).error())
