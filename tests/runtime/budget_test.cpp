#include "runtime/budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshflow::runtime {
namespace {

using ::testing::HasSubstr;

// mock-large: 3,000 nano-dollars an input token (3,750 written to a cache: the worst case), 15,000 an output token.
constexpr std::int64_t kWorstInput = 3'750;
constexpr std::int64_t kOutput = 15'000;

class Budget : public ::testing::Test {
 protected:
  BudgetMeter meter(BudgetLimits limits) { return BudgetMeter(limits, PriceTable::shipped(), carbon_); }
  BudgetMeter meter(const Policy& policy) { return meter(limits_of(resolve(policy).value())); }
  static Usage used(std::int64_t cost, std::int64_t tokens) {
    return Usage{.tokens = {.output = tokens}, .cost_nano_usd = cost, .model_calls = 1};
  }
  CarbonModel carbon_ = CarbonModel::shipped();
  BudgetLimits ample_{.nano_usd = 1'000'000'000, .tokens = 1'000'000, .steps = 50, .running_nanos = 1'000};
};

TEST_F(Budget, ACallThatFitsGetsWhatItAskedFor) {
  auto budget = meter(ample_);
  const auto reservation = budget.reserve("mock-large", 100, 200);
  ASSERT_TRUE(reservation) << reservation.error().text();
  EXPECT_EQ(reservation->max_tokens, 200);
  EXPECT_FALSE(reservation->clamped);
}

TEST_F(Budget, WithoutMaxTokensTheTablesReserveIsGranted) {
  auto budget = meter(ample_);
  EXPECT_EQ(budget.reserve("mock-large", 100)->max_tokens, 1024);
}

TEST_F(Budget, MoneyThatPaysForLessGrantsLess) {
  // 100 input tokens at worst and exactly 10 output tokens.
  ample_.nano_usd = 100 * kWorstInput + 10 * kOutput;
  EXPECT_EQ(meter(ample_).reserve("mock-large", 100, 500)->max_tokens, 10);
  --ample_.nano_usd;
  const auto less = meter(ample_).reserve("mock-large", 100, 500);
  EXPECT_EQ(less->max_tokens, 9);
  EXPECT_TRUE(less->clamped);
}

TEST_F(Budget, NotEvenOneTokenIsRefusedByName) {
  ample_.nano_usd = 100 * kWorstInput + kOutput - 1;
  auto budget = meter(ample_);
  const auto refused = budget.reserve("mock-large", 100, 500);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::budget_exceeded);
  EXPECT_EQ(refused.error().text(),
            "the budget of 0.000389999 USD does not pay for a next model call: 0 USD are spent (raise budget_usd)");
}

TEST_F(Budget, TokensAreABudgetOfTheirOwn) {
  ample_.tokens = 150;
  auto budget = meter(ample_);
  EXPECT_EQ(budget.reserve("mock-large", 100, 500)->max_tokens, 50);
  const auto refused = budget.reserve("mock-large", 100, 500);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), HasSubstr("budget of 150 tokens"));
  EXPECT_THAT(refused.error().text(), HasSubstr("150 reserved by calls under way"));
  EXPECT_THAT(refused.error().text(), HasSubstr("budget_tokens"));
}

TEST_F(Budget, CarbonIsABudgetWhereItIsSet) {
  const std::int64_t one_token = carbon_.estimate({"mock-large", {.output = 1}, ""}).carbon.nanograms;
  const std::int64_t ten_tokens = carbon_.estimate({"mock-large", {.output = 10}, ""}).carbon.nanograms;
  ample_.carbon_nanograms = ten_tokens;
  EXPECT_EQ(meter(ample_).reserve("mock-large", 100, 500)->max_tokens, 10);
  ample_.carbon_nanograms = one_token - 1;
  const auto refused = meter(ample_).reserve("mock-large", 100, 500);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), HasSubstr("carbon_budget_g"));
}

TEST_F(Budget, CallsUnderWayHoldTheirShareUntilTheyEnd) {
  ample_.nano_usd = 30 * kOutput;
  auto budget = meter(ample_);
  const auto first = budget.reserve("mock-large", 0, 20);
  const auto second = budget.reserve("mock-large", 0, 20);
  EXPECT_EQ(first->max_tokens, 20);
  EXPECT_EQ(second->max_tokens, 10);
  EXPECT_FALSE(budget.reserve("mock-large", 0, 20));
  budget.settle(*first, used(5 * kOutput, 5));  // 5 of 20 were used: 15 are free again
  EXPECT_EQ(budget.reserve("mock-large", 0, 20)->max_tokens, 15);
  budget.release(*second);
  EXPECT_EQ(budget.reserve("mock-large", 0, 20)->max_tokens, 10);
  EXPECT_EQ(budget.totals().spent.cost_nano_usd, 5 * kOutput);
  EXPECT_EQ(budget.totals().spent.model_calls, 1);
}

TEST_F(Budget, AReservationEndsOnce) {
  auto budget = meter(ample_);
  const auto reservation = budget.reserve("mock-large", 0, 20);
  budget.release(*reservation);
  budget.release(*reservation);
  EXPECT_EQ(budget.reserved_calls(), 0);
  EXPECT_EQ(budget.reserve("mock-large", 0, 20)->max_tokens, 20);
}

TEST_F(Budget, OverspendingCountsAndEndsTheRun) {
  auto budget = meter(ample_);
  const auto reservation = budget.reserve("mock-large", 0, 1);
  budget.settle(*reservation, used(2'000'000'000, 100));  // the provider took more than was agreed
  const auto spent = budget.check_spent();
  ASSERT_FALSE(spent);
  EXPECT_EQ(spent.error().message, "the budget of 1 USD is used up: 2 USD are spent");
  EXPECT_FALSE(budget.reserve("mock-large", 0, 1));
}

TEST_F(Budget, AnUnknownModelIsRefusedBeforeItIsPaidFor) {
  auto budget = meter(ample_);
  const auto refused = budget.reserve("no-such-model", 1, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_THAT(refused.error().text(), HasSubstr("no-such-model"));
}

TEST_F(Budget, AFreeModelNeedsNoMoney) {
  ample_.nano_usd = 0;
  auto budget = meter(ample_);
  EXPECT_EQ(budget.reserve("llama3.1", 100, 10)->max_tokens, 10);
  EXPECT_TRUE(budget.check_spent());
}

TEST_F(Budget, StepsEndAtTheirLimit) {
  ample_.steps = 2;
  auto budget = meter(ample_);
  EXPECT_TRUE(budget.begin_step());
  EXPECT_TRUE(budget.begin_step());
  const auto third = budget.begin_step();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().text(), "the run has taken 2 steps; the limit is 2 (raise max_steps)");
  EXPECT_EQ(budget.totals().steps, 2);
}

TEST_F(Budget, RunningTimeEndsAtItsLimit) {
  auto budget = meter({.running_nanos = 2'000'000'000});
  EXPECT_TRUE(budget.check_running_time(1'999'999'999));
  const auto over = budget.check_running_time(2'000'000'000);
  ASSERT_FALSE(over);
  EXPECT_THAT(over.error().text(), HasSubstr("timeout_s"));
}

TEST_F(Budget, AMeterGoesOnFromEarlierTotals) {
  ample_.nano_usd = 10 * kOutput;
  BudgetMeter budget(ample_, PriceTable::shipped(), carbon_, {}, {}, {.spent = used(6 * kOutput, 6), .steps = 49});
  EXPECT_EQ(budget.reserve("mock-large", 0, 20)->max_tokens, 4);
  EXPECT_TRUE(budget.begin_step());
  EXPECT_FALSE(budget.begin_step());
}

TEST_F(Budget, EveryBudgetFieldOfThePolicyMovesItsLimit) {
  const BudgetLimits limits = limits_of(
      resolve({.budget_usd = 0.5, .budget_tokens = 7, .timeout_s = 2.5, .max_steps = 3, .carbon_budget_g = 0.25})
          .value());
  EXPECT_EQ(limits.nano_usd, 500'000'000);
  EXPECT_EQ(limits.tokens, 7);
  EXPECT_EQ(limits.running_nanos, 2'500'000'000);
  EXPECT_EQ(limits.steps, 3);
  EXPECT_EQ(limits.carbon_nanograms, 250'000'000);
  // The region moves the carbon of the same call.
  BudgetLimits carbon_only = ample_;
  carbon_only.carbon_nanograms = carbon_.estimate({"mock-large", {.output = 100}, "FR"}).carbon.nanograms;
  BudgetMeter in_france(carbon_only, PriceTable::shipped(), carbon_, "FR");
  BudgetMeter in_poland(carbon_only, PriceTable::shipped(), carbon_, "PL");
  EXPECT_EQ(in_france.reserve("mock-large", 0, 100)->max_tokens, 100);
  EXPECT_LT(in_poland.reserve("mock-large", 0, 100)->max_tokens, 10);
}

}  // namespace
}  // namespace meshflow::runtime
