// Values written into statements: what they read back as, and which are left to be bound.
#include "store/inline_values.hpp"

#include <cmath>
#include <limits>

#include "store/functions.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::store {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

TEST(InlineValues, EachMarkBecomesALiteralOfItsType) {
  const std::vector<Value> values{std::uint64_t{7}, std::int64_t{-7}, true, std::monostate{}, 0.1,
                                  U128{1, 0},       std::string("a")};
  EXPECT_EQ(inline_values("? ? ? ? ? ? ?", values),
            "7::UBIGINT (-7)::BIGINT TRUE NULL '0.1'::DOUBLE '18446744073709551616'::UHUGEINT CAST('a' AS VARCHAR)");
}

TEST(InlineValues, MarksInQuotesAreNoMarksAndQuotesInTextEndNothing) {
  const std::vector<Value> values{std::string("x' OR '?'='?")};
  EXPECT_EQ(inline_values(R"(SELECT '?''?', "a?" = ?)", values),
            R"(SELECT '?''?', "a?" = CAST('x'' OR ''?''=''?' AS VARCHAR))");
}

TEST(InlineValues, WhatHasNoSafeLiteralIsLeftToBeBound) {
  const auto is_left = [](Value value) { return !inline_values("?", std::vector<Value>{std::move(value)}); };
  EXPECT_TRUE(is_left(std::string("a\0b", 3)));
  EXPECT_TRUE(is_left(std::string("\xff")));
  EXPECT_TRUE(is_left(std::string(5'000, 'a')));
  EXPECT_TRUE(is_left(std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(is_left(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(inline_values("? ?", std::vector<Value>{true}));
  EXPECT_FALSE(inline_values("?", std::vector<Value>{true, true}));
}

using InlinedTest = test::StoreTest;

TEST_F(InlinedTest, ValuesComeBackFromDuckDbAsTheyWent) {
  open();
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const std::vector<Value> values{std::numeric_limits<std::int64_t>::min(),
                                  std::numeric_limits<std::uint64_t>::max(),
                                  U128{UINT64_MAX, UINT64_MAX},
                                  5e-324,
                                  -1.7976931348623157e308,
                                  std::string("it's \\ \"quoted\" -- ; \xc3\xa4 ?"),
                                  std::string("a\0b", 3),
                                  false};
  const auto rows = snapshot->query("SELECT ?, ?, ?, ?, ?, ?, ?, ?", values);
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_THAT(rows->rows.at(0), ElementsAreArray(values));
  const auto plain = snapshot->query("SELECT ?, ?", std::vector<Value>{-0.0, std::string("'")});
  ASSERT_TRUE(plain) << plain.error().text();
  EXPECT_TRUE(std::signbit(std::get<double>(plain->rows.at(0).at(0))));
}

TEST_F(InlinedTest, AnIdIsOneOfThoseThatItIsAmong) {
  open();
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const std::vector<U128> ids{{9, 1}, {0, 5}, {UINT64_MAX, 0}, {9, 0}};
  for (const U128& asked : {U128{9, 1}, U128{0, 5}, U128{UINT64_MAX, 0}, U128{9, 0}, U128{5, 0}, U128{9, 2}, U128{}}) {
    const bool is_among = std::find(ids.begin(), ids.end(), asked) != ids.end();
    const auto rows = snapshot->query("SELECT is_one_of(?, " + ids_literal(ids) + ")", std::vector<Value>{asked});
    ASSERT_TRUE(rows) << rows.error().text();
    EXPECT_EQ(rows->rows.at(0).at(0), Value(is_among)) << asked.high << ' ' << asked.low;
  }
  const auto none = snapshot->query("SELECT is_one_of(NULL, ''::BLOB), is_one_of(1::UHUGEINT, ''::BLOB)");
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_EQ(none->rows.at(0), (std::vector<Value>{false, false}));
}

TEST_F(InlinedTest, ATraceWhoseSpansLieFarApartIsReadWholeAmongOthers) {
  open();
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  std::vector<otlp::TraceId> ids{test::trace_id(999)};  // not here
  for (std::uint64_t hour = 0; hour < 3; ++hour) {
    std::vector<otlp::Span> spans;
    for (std::uint64_t trace = 1; trace <= 7; ++trace) {
      auto& span = spans.emplace_back(test::make_span(trace, 100 * trace + hour));
      span.start_time_unix_nano += hour * kHour;
      span.end_time_unix_nano += hour * kHour;
    }
    keep(test::request_of(std::move(spans)));
    if (hour < 2) {
      ASSERT_TRUE(store_->flush());  // the last hour stays in memory
    }
  }
  for (std::uint64_t trace = 7; trace >= 1; --trace) ids.push_back(test::trace_id(trace));
  const auto found = traces(ids);
  ASSERT_EQ(found.size(), 7u);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].trace_id, ids[i + 1]);
    EXPECT_EQ(found[i].data.resource_spans.at(0).scope_spans.at(0).spans.size(), 3u);
  }
  EXPECT_THAT(traces({test::trace_id(999)}), IsEmpty());
}

}  // namespace
}  // namespace meshflow::store
