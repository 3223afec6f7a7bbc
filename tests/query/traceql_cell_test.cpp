#include "query/traceql/cell.hpp"

#include <gtest/gtest.h>

namespace meshflow::query::traceql {
namespace {

using Operator = ComparisonOperator;

// docs/traceql.md: a comparison with something that is missing is false, != too.
TEST(TraceqlCell, WhatIsMissingIsNotUnequalToAListEitherHoweverLongItIs) {
  const Cell missing;
  for (const Cell& list : {Cell{Array{}}, Cell{Array{{Cell{std::int64_t{1}}}}}}) {
    EXPECT_FALSE(compare(missing, Operator::not_equal, list));
    EXPECT_FALSE(compare(list, Operator::not_equal, missing));
    EXPECT_FALSE(compare(missing, Operator::equal, list));
  }
}

// No element of an empty list is "a".
TEST(TraceqlCell, AnEmptyListHasNoElementThatIsEqual) {
  EXPECT_TRUE(compare({Array{}}, Operator::not_equal, {std::string("a")}));
  EXPECT_FALSE(compare({Array{}}, Operator::equal, {std::string("a")}));
}

}  // namespace
}  // namespace meshflow::query::traceql
