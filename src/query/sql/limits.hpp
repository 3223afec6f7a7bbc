// What a query in SQL may be. Past each of these check() answers limit_exceeded and names the limit.
#pragma once

#include <cstddef>

namespace meshflow::query::sql {

// Of the text. Protects DuckDB's parser, which is linear in it or better.
inline constexpr std::size_t kTextBytesMax = std::size_t{64} << 10;
// Nodes of the tree that DuckDB's parser makes: tables, clauses, expressions.
inline constexpr std::size_t kNodesMax = 8'000;
// Queries and expressions within one another.
inline constexpr std::size_t kDepthMax = 60;
// Tables that are read, a common table expression counted with all that it reads wherever it is named: DuckDB may plan
// it anew there, and views named twice by views named twice double with each.
inline constexpr std::size_t kTablesMax = 40;
inline constexpr std::size_t kGroupingSetsMax = 64;
// A literal is copied where a function makes 2,048 texts of it at once, so literals, and calls that make text, are
// bounded: 64 × 2,048 × 4 KiB is half a GiB.
inline constexpr std::size_t kLiteralBytesMax = 4'096;
inline constexpr std::size_t kTextCallsMax = 64;
// Of a regular expression, and the product of its counted repetitions, {9} and {9}: RE2 takes time in proportion to the
// text and to the expression with its repetitions written out.
inline constexpr std::size_t kPatternBytesMax = 256;
inline constexpr std::size_t kPatternRepeatsMax = 1'000;
// Elements of a list that is written out, [0.5, 0.95].
inline constexpr std::size_t kListMax = 1'000;

}  // namespace meshflow::query::sql
