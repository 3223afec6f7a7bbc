// How far two sets differ: figures worked out by hand.
#include "query/divergence.hpp"

#include <gtest/gtest.h>

namespace meshflow::query {
namespace {

TEST(Divergence, IsOneBitForSetsWithoutACommonValue) {
  // One bit, less what chance makes of two thousand: (2-1)/(8 ln 2) (2/1000).
  EXPECT_NEAR(divergence({{1'000, 0}, {0, 1'000}}), 1 - 0.00036067, 1e-7);
}

TEST(Divergence, IsNothingForEqualSetsAndWhereOneIsEmpty) {
  EXPECT_EQ(divergence({{5, 5}, {7, 7}}), 0);
  EXPECT_EQ(divergence({{5, 0}, {7, 0}}), 0);
  EXPECT_EQ(divergence({}), 0);
}

TEST(Divergence, IsTheMeanOfBothSidesLessChance) {
  // p = (1, 0), q = (1/8, 7/8), m = (9/16, 7/16): (log2(16/9) + log2(2/9) / 8 + 7/8) / 2 = 0.71692; less 0.05636.
  EXPECT_NEAR(divergence({{4, 2}, {0, 14}}), 0.66056, 0.00001);
}

TEST(Divergence, AValueOfItsOwnForEachOfFewIsChance) {
  // One bit, less (110-1)/(8 ln 2) (1/10 + 1/100) = 2.16.
  std::vector<Share> shares(10, Share{1, 0});
  shares.insert(shares.end(), 100, Share{0, 1});
  EXPECT_EQ(divergence(shares), 0);
}

TEST(Bins, HoldAboutAsManyEach) {
  const auto bins = bins_of({1, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const std::vector<Bin> expected{{1, 2, {1, 1}}, {2, 3, {1, 1}}, {3, 4, {1, 1}}, {4, 5, {0, 1}},
                                  {5, 7, {0, 2}}, {7, 8, {0, 1}}, {8, 9, {0, 1}}, {9, 10, {0, 2}}};
  EXPECT_EQ(bins, expected);
}

TEST(Bins, EqualNumbersAreInOne) {
  EXPECT_EQ(bins_of({5, 5, 5}, {5, 5}), (std::vector<Bin>{{5, 5, {3, 2}}}));
  EXPECT_TRUE(bins_of({}, {}).empty());
}

}  // namespace
}  // namespace meshflow::query
