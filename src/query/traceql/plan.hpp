// What of a query the store can answer: conditions that every span, or every trace, that is found must satisfy.
#pragma once

#include <vector>

#include "query/condition.hpp"
#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

// True of every span of which the expression is true; where it is exact, of no other. (Without the cells of other
// spans, and what SQL cannot say, a condition may be wider than the expression.)
struct Pushdown {
  Condition condition;
  bool is_exact = true;
  friend bool operator==(const Pushdown&, const Pushdown&) = default;
};
[[nodiscard]] Pushdown pushdown(const Expression& expression);

// Conditions each of which some span of every trace satisfies that the pipeline finds: the rarest is the one to look
// for. At least one, at most kDriversMax.
inline constexpr std::size_t kDriversMax = 8;
[[nodiscard]] std::vector<Pushdown> drivers_of(const Pipeline& pipeline);

// The filter, where the pipeline is just that, select() aside; else null. Lives as long as the pipeline.
[[nodiscard]] const SpansetFilter* only_filter_of(const Pipeline& pipeline);

// Ids that are compared with, written with all their digits and in lower case: "123" for a trace is 32 digits.
[[nodiscard]] Compare with_whole_ids(Compare comparison);

}  // namespace meshflow::query::traceql
