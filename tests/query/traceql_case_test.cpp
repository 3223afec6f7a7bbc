// The random queries are worth asking: accepted, and neither empty nor full answers too often.
#include "query/traceql_case.hpp"

#include <gtest/gtest.h>

#include "query/traceql/check.hpp"
#include "query/traceql/printer.hpp"

namespace meshflow::query::traceql::test {
namespace {

std::size_t spans_in(const Answer& answer) {
  std::size_t count = 0;
  for (const AnswerTrace& trace : std::get<Traces>(answer)) {
    for (const AnswerSpanset& set : trace.spansets) count += set.spans.size();
  }
  return count;
}

TEST(TraceqlCaseTest, EveryRandomQueryIsAccepted) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    Dice dice(seed);
    const auto query = random_query(dice);
    const std::string text = print(query);
    const auto checked = compile_query(text);
    ASSERT_TRUE(checked) << "seed " << seed << ": " << text << "\n" << checked.error().text();
    ASSERT_TRUE(checked->query() == query) << "seed " << seed << ": " << text;
  }
}

TEST(TraceqlCaseTest, ManyAnswersAreNeitherEmptyNorEverything) {
  int searches = 0;
  int empty = 0;
  int full = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    Dice dice(seed);
    const auto query = random_query(dice);
    const auto* const pipeline = std::get_if<Pipeline>(&query.of);
    if (pipeline == nullptr) continue;
    const otlp::TracesData data = random_traces(dice);
    std::size_t all = 0;
    for (const OracleTrace& trace : oracle_traces(data)) all += trace.spans.size();
    const std::size_t found = spans_in(oracle_search(*pipeline, data));
    ++searches;
    empty += found == 0 ? 1 : 0;
    full += found == all ? 1 : 0;
  }
  EXPECT_LT(empty, searches * 6 / 10) << searches;
  EXPECT_LT(full, searches * 2 / 10) << searches;
}

TEST(TraceqlCaseTest, AFailingCaseIsMadeSmaller) {
  Dice dice(7);
  Case failing{random_query(dice), random_traces(dice), random_range(dice)};
  const auto spans_of = [](const Case& each) {
    std::size_t count = 0;
    for (const OracleTrace& trace : oracle_traces(each.data)) count += trace.spans.size();
    return count;
  };
  // As if every case with two spans failed.
  const Case small = shrunk(failing, [&](const Case& each) { return spans_of(each) >= 2; }, 2'000);
  EXPECT_EQ(spans_of(small), 2u) << text_of(small);
  EXPECT_TRUE(smaller(small.query).empty()) << text_of(small);
}

}  // namespace
}  // namespace meshflow::query::traceql::test
