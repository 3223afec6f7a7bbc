// What is wrong with a query: one struct, which the command, HTTP and the UI show alike.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/traceql/place.hpp"

namespace meshflow::query::traceql {

struct Problem {
  ErrorCode code = ErrorCode::invalid_input;  // or limit_exceeded
  std::string message;                        // one sentence: what was found, and why it can't stand there
  std::string hint = {};                      // what would be right; may be empty
  std::string limit = {};                     // the limit's name (limits.hpp), for limit_exceeded
  Place place = {};                           // in bytes of the query
  // The same for people: characters (code points), lines and columns counted from 1. A length of 0 is a place where
  // something is missing, the end of the text for one.
  std::size_t line = 1;
  std::size_t column = 1;
  std::size_t length = 0;

  friend bool operator==(const Problem&, const Problem&) = default;
};

// A value, or what is wrong with the query.
template <typename T>
using Outcome = tl::expected<T, Problem>;

// Sets place, line, column and length. `text` is the query that the place is of. Pure.
[[nodiscard]] Problem located(Problem problem, std::string_view text, Place place);

// "1:3: message (hint)" by Error::text(). Pure.
[[nodiscard]] Error to_error(const Problem& problem);

// The line of the query with a mark below what is meant, for a terminal; two lines, each ended by a newline:
//   { statsu = error }
//     ^~~~~~
// A long line is cut around the mark. Pure.
[[nodiscard]] std::string marked_line(const Problem& problem, std::string_view text);

}  // namespace meshflow::query::traceql

// Early return of a failed Outcome, as base/try.hpp has it for Result.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define TRACEQL_CONCAT_INNER(a, b) a##b
#define TRACEQL_CONCAT(a, b) TRACEQL_CONCAT_INNER(a, b)
#define TRACEQL_TRY(declaration, expression)                        \
  auto TRACEQL_CONCAT(try_outcome_, __LINE__) = (expression);       \
  if (!TRACEQL_CONCAT(try_outcome_, __LINE__))                      \
    return ::tl::unexpected<::meshflow::query::traceql::Problem>(   \
        std::move(TRACEQL_CONCAT(try_outcome_, __LINE__)).error()); \
  declaration = std::move(*TRACEQL_CONCAT(try_outcome_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)
#define TRACEQL_CHECK(expression)                                                                              \
  if (auto TRACEQL_CONCAT(check_outcome_, __LINE__) = (expression); !TRACEQL_CONCAT(check_outcome_, __LINE__)) \
  return ::tl::unexpected<::meshflow::query::traceql::Problem>(                                                \
      std::move(TRACEQL_CONCAT(check_outcome_, __LINE__)).error())
