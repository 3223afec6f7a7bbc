// Random queries over random traces in a real store: the engine answers as the oracle does. More of them, from a seed
// of their own, by `./dev fuzz oracle`.
#include "query/traceql_agreement.hpp"

#include <gtest/gtest.h>

namespace meshflow::query::traceql::test {
namespace {

// 3,000 cases in all; under a sanitizer, which is ten times slower, a tenth of them.
#ifdef __SANITIZE_ADDRESS__
constexpr int kRounds = 1;
#else
constexpr int kRounds = 10;
#endif

class TraceqlAgreementTest : public ::testing::TestWithParam<Where> {};
INSTANTIATE_TEST_SUITE_P(Spans, TraceqlAgreementTest,
                         ::testing::Values(Where::in_memory, Where::in_duckdb, Where::in_both), [](const auto& where) {
                           return where.param == Where::in_memory   ? "InMemory"
                                  : where.param == Where::in_duckdb ? "InDuckDb"
                                                                    : "InBoth";
                         });

TEST_P(TraceqlAgreementTest, EngineAndOracleAnswerAlike) {
  for (int round = 0; round < kRounds; ++round) {
    const auto seed = static_cast<std::uint64_t>(round) * 3 + static_cast<std::uint64_t>(GetParam());
    const auto found = disagreement({seed, 100, GetParam()});
    ASSERT_FALSE(found) << *found;
  }
}

}  // namespace
}  // namespace meshflow::query::traceql::test
