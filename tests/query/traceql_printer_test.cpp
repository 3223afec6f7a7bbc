#include "query/traceql/printer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/traceql/check.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql_generator.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr int kQueries = 5'000;

void expect_round_trip(const Query& query) {
  const std::string text = print(query);
  const auto parsed = parse_query(text);
  ASSERT_TRUE(parsed.has_value()) << text << "\n" << to_error(parsed.error()).text();
  ASSERT_EQ(*parsed, query) << text << "\nis read as\n" << print(*parsed);
}

TEST(TraceqlPrinter, ParsingWhatWasPrintedGivesTheTreeAgain) {
  QueryGenerator generator(1, {.is_well_typed = false, .depth_max = 5});
  for (int i = 0; i < kQueries && !testing::Test::HasFatalFailure(); ++i) expect_round_trip(generator.query());
}

TEST(TraceqlPrinter, QueriesThatAreGeneratedWellTypedPassTheCheckAndPrintAlike) {
  QueryGenerator generator(2);
  for (int i = 0; i < kQueries && !testing::Test::HasFatalFailure(); ++i) {
    const Query query = generator.query();
    const auto checked = check(query);
    ASSERT_TRUE(checked.has_value()) << print(query) << "\n" << checked.error().message;
    ASSERT_EQ(checked->query(), query);
    expect_round_trip(query);
  }
}

// Parentheses that print() adds must not pass a limit that the text kept to.
TEST(TraceqlPrinter, TheDeepestTreesReadBackToo) {
  const std::pair<std::string, std::string> kNests[] = {{"(", ")"},       {"!", ""},        {"-", ""},
                                                        {".a ^ -", ""},   {"-(.a + ", ")"}, {".a || .b && ", ""},
                                                        {"!(.a = ", ")"}, {"nil = ", ""}};
  for (const auto& [open, close] : kNests) {
    bool is_refused = false;
    for (std::size_t depth = 1; depth < 400 && !is_refused; ++depth) {
      std::string text = "{ ";
      for (std::size_t i = 0; i < depth; ++i) text += open;
      text += ".c";
      for (std::size_t i = 0; i < depth; ++i) text += close;
      const auto query = parse_query(text + " }");
      is_refused = !query;
      if (query) expect_round_trip(*query);
    }
    EXPECT_TRUE(is_refused) << open;
  }
}

TEST(TraceqlPrinter, ValuesReadBackAsTheyAre) {
  EXPECT_EQ(print(Value(std::int64_t{-5})), "-5");
  EXPECT_EQ(print(Value(2.0)), "2.0");
  EXPECT_EQ(print(Value(0.1)), "0.1");
  EXPECT_EQ(print(Value(1e300)), "1e+300");
  EXPECT_EQ(print(Value(Duration{5'400'000'000'000})), "1h30m");
  EXPECT_EQ(print(Value(Duration{1'500'000})), "1.5ms");
  EXPECT_EQ(print(Value(Duration{61'000'000'001})), "1m1.000000001s");
  EXPECT_EQ(print(Value(Duration{0})), "0s");
  EXPECT_EQ(print(Value(Duration{-2'000})), "-2us");
  EXPECT_EQ(print(Value(std::string("a\"\\\n\x01\xff"))), R"("a\"\\\n\x01\xff")");
  EXPECT_EQ(print(Value(Status::error)), "error");
  EXPECT_EQ(print(Value(Kind::server)), "server");
}

TEST(TraceqlPrinter, NamesAreQuotedOnlyWhereTheyMustBe) {
  EXPECT_EQ(print(Field{Attribute{Scope::span, "http.status_code"}}), "span.http.status_code");
  EXPECT_EQ(print(Field{Attribute{Scope::span, "a b"}}), "span.\"a b\"");
  EXPECT_EQ(print(Field{Attribute{Scope::any, "3"}}), ".\"3\"");
  EXPECT_EQ(print(Field{Attribute{Scope::any, "span.x", true}}), "parent.\"span.x\"");
  EXPECT_EQ(print(Field{Attribute{Scope::resource, "x", true}}), "parent.resource.x");
  EXPECT_EQ(print(Field{Intrinsic::root_service}), "rootServiceName");
}

}  // namespace
}  // namespace meshflow::query::traceql
