// Syntax tree → text.
#pragma once

#include <string>
#include <string_view>

#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

// The text whose tree this is: parse_query(print(query)) == query, for every tree that keeps to what ast.hpp says and
// to limits.hpp. In one line, with one blank where people put one, and no more parentheses than needed for reading.
// Pure.
[[nodiscard]] std::string print(const Query& query);
[[nodiscard]] std::string print(const Pipeline& pipeline);
[[nodiscard]] std::string print(const Metrics& metrics);
[[nodiscard]] std::string print(const Expression& expression);
// "span.http.method", "name": also the label of a series that is grouped by the field.
[[nodiscard]] std::string print(const Field& field);
// `"text"`, `5`, `1.0`, `1m30s`, `error`.
[[nodiscard]] std::string print(const Value& value);

// A string as print() writes it, in quotes.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace meshflow::query::traceql
