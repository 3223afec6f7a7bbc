// What a query may be. Past each of these parse() answers limit_exceeded and names the limit.
#pragma once

#include <cstddef>

namespace meshflow::query::traceql {

// As much as Tempo takes by default. Protects: everything that follows is linear in it.
inline constexpr std::size_t kQueryBytesMax = 128 * 1024;
// Words and signs are held at once, about 100 bytes each.
inline constexpr std::size_t kTokensMax = 65'536;
// Nodes of the tree: filters, fields, values, operators, stages. What is printed has at most two parentheses each.
inline constexpr std::size_t kNodesMax = 16'384;
static_assert(3 * kNodesMax <= kTokensMax);
// Of the tree's height: every walk over the tree recurses as deep, on stacks of servers' threads. A chain of && or ||
// counts as one level.
inline constexpr std::size_t kDepthMax = 128;
// Of parentheses, signs before operands and powers, which is what the parser recurses for. What is printed has at most
// two for each level of the tree.
inline constexpr std::size_t kNestingMax = 2 * kDepthMax + 16;
// Of one regular expression, as RE2 compiles it: about 1 MiB is RE2's room for 15,000 characters or a repetition of
// 1,000.
inline constexpr std::size_t kPatternBytesMax = 4'096;
inline constexpr std::size_t kPatternMemoryBytesMax = 1 << 20;
// All regular expressions of a query together.
inline constexpr std::size_t kPatternsMax = 128;
// Quantiles of one function, fields of one by() or select(), hints.
inline constexpr std::size_t kListMax = 64;

}  // namespace meshflow::query::traceql
