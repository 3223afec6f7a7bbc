// How spans are related, over links that are missing or run in rings.
#include "query/traceql/structure.hpp"

#include <gmock/gmock.h>

namespace meshflow::query::traceql {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Spans = std::vector<std::size_t>;
using Op = SpansetOperator;

// Span i's id is i + 1; `parents` are ids, 0 for none, ids past the last are not here.
Structure structure_of(const std::vector<std::uint64_t>& parents) {
  Spans links;
  for (const std::uint64_t parent : parents) {
    links.push_back(parent == 0 || parent > parents.size() ? kNoSpan : static_cast<std::size_t>(parent - 1));
  }
  return {std::move(links), parents};
}

// 0 ─┬─ 1 ── 3
//    └─ 2
class TreeTest : public ::testing::Test {
 protected:
  const Structure tree_ = structure_of({0, 1, 1, 2});
};

TEST_F(TreeTest, ChildrenAreDirectlyBelow) {
  EXPECT_THAT(tree_.related(Op::child, {0}, {0, 1, 2, 3}), ElementsAre(1, 2));
  EXPECT_THAT(tree_.related(Op::not_child, {0}, {0, 1, 2, 3}), ElementsAre(0, 3));
  EXPECT_THAT(tree_.related(Op::union_child, {0, 3}, {2, 3}), ElementsAre(0, 2));
}

TEST_F(TreeTest, ParentsAreDirectlyAbove) {
  EXPECT_THAT(tree_.related(Op::parent, {3}, {0, 1, 2}), ElementsAre(1));
  EXPECT_THAT(tree_.related(Op::not_parent, {3}, {0, 1, 2}), ElementsAre(0, 2));
}

TEST_F(TreeTest, DescendantsAreAnywhereBelow) {
  EXPECT_THAT(tree_.related(Op::descendant, {0}, {0, 1, 2, 3}), ElementsAre(1, 2, 3));
  EXPECT_THAT(tree_.related(Op::descendant, {1}, {0, 1, 2, 3}), ElementsAre(3));
  EXPECT_THAT(tree_.related(Op::not_descendant, {1}, {0, 1, 2, 3}), ElementsAre(0, 1, 2));
  EXPECT_THAT(tree_.related(Op::union_descendant, {0, 2}, {3}), ElementsAre(0, 3));
}

TEST_F(TreeTest, AncestorsAreAnywhereAbove) {
  EXPECT_THAT(tree_.related(Op::ancestor, {3}, {0, 1, 2, 3}), ElementsAre(0, 1));
  EXPECT_THAT(tree_.related(Op::not_ancestor, {3}, {0, 1, 2, 3}), ElementsAre(2, 3));
}

TEST_F(TreeTest, SiblingsShareAParent) {
  EXPECT_THAT(tree_.related(Op::sibling, {1}, {0, 1, 2, 3}), ElementsAre(2));
  EXPECT_THAT(tree_.related(Op::sibling, {1, 2}, {1, 2}), ElementsAre(1, 2));
  EXPECT_THAT(tree_.related(Op::not_sibling, {1}, {0, 1, 2, 3}), ElementsAre(0, 1, 3));
  EXPECT_THAT(tree_.related(Op::sibling, {0}, {0}), IsEmpty());
}

TEST(StructureTest, SiblingsMayShareAParentThatIsMissing) {
  const Structure orphans = structure_of({99, 99, 0, 0});
  EXPECT_THAT(orphans.related(Op::sibling, {0}, {0, 1, 2, 3}), ElementsAre(1));
  EXPECT_THAT(orphans.related(Op::sibling, {2}, {3}), IsEmpty());
}

// 0 and 1 are each other's parents; 2 hangs below 0, 3 below 2.
TEST(StructureTest, AroundARingEverySpanIsBelowTheOthersButNotBelowItself) {
  const Structure ring = structure_of({2, 1, 1, 3});
  EXPECT_THAT(ring.related(Op::descendant, {0}, {0, 1, 2, 3}), ElementsAre(1, 2, 3));
  EXPECT_THAT(ring.related(Op::descendant, {1}, {0, 1, 2, 3}), ElementsAre(0, 2, 3));
  EXPECT_THAT(ring.related(Op::ancestor, {0}, {0, 1, 2, 3}), ElementsAre(1));
  EXPECT_THAT(ring.related(Op::ancestor, {1, 3}, {0, 1, 2, 3}), ElementsAre(0, 1, 2));
  EXPECT_THAT(ring.related(Op::child, {0}, {0, 1, 2, 3}), ElementsAre(1, 2));
}

TEST(StructureTest, AChainOfAMillionSpansIsNoRecursion) {
  constexpr std::size_t kSpans = 1'000'000;
  std::vector<std::uint64_t> parents(kSpans);
  for (std::size_t i = 0; i < kSpans; ++i) parents[i] = i + 2 <= kSpans ? i + 2 : 0;  // each below the next
  const Structure chain = structure_of(parents);
  EXPECT_EQ(chain.related(Op::descendant, {kSpans - 1}, {0, 1}).size(), 2u);
  EXPECT_EQ(chain.related(Op::ancestor, {0}, {1, kSpans - 1}).size(), 2u);
}

}  // namespace
}  // namespace meshflow::query::traceql
