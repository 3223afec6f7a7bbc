#include "runtime/carbon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshflow::runtime {
namespace {

TEST(Carbon, TheRegressionAnchorHolds) {
  // Mid class, 634 output tokens, PUE 1.09 gives 0.24 Wh: 0.634 · 0.156 · 2.23 · 1.09 = 0.2404059528 Wh; with the
  // world's 473 g/kWh 0.1137120156… g.
  const auto estimate = CarbonModel::shipped().estimate({"claude-haiku-4-5", {.output = 634}, "", "gcp.gemini"});
  EXPECT_EQ(estimate.model_class, ModelClass::mid);
  const double watt_hours = static_cast<double>(estimate.carbon.nanograms) / 1e9 / 473 * 1000;
  EXPECT_NEAR(watt_hours, 0.24, 0.005);
  EXPECT_EQ(estimate.carbon.nanograms, 113'712'016);
}

TEST(Carbon, LowMiddleAndHighUseTheirOwnFactors) {
  // 1,000 output tokens of a small model in France, average PUE:
  // low 0.019 · 1.4 · 1.08 · 44 mg, middle 0.043 · 2.23 · 1.15 · 44 mg, high 0.125 · 4.0 · 1.4 · 44 mg.
  const CarbonModel model = CarbonModel::shipped();
  const auto estimate = model.estimate({"mock-small", {.output = 1000}, "FR"});
  EXPECT_EQ(estimate.carbon.low_nanograms, 1'264'032);
  EXPECT_EQ(estimate.carbon.nanograms, 4'852'034);
  EXPECT_EQ(estimate.carbon.high_nanograms, 30'800'000);
  EXPECT_EQ(estimate.tier, 1);
  EXPECT_FALSE(estimate.class_assumed);
  EXPECT_EQ(estimate.factor_set, model.factor_set());
}

TEST(Carbon, InputCountsOnlyBeyondTheTypicalPromptAndCachedTokensLittle) {
  const CarbonModel model = CarbonModel::shipped();
  const auto of = [&](const Tokens& tokens) { return model.estimate({"mock-large", tokens, "US"}).carbon.nanograms; };
  EXPECT_EQ(of({.input = kTypicalInputTokens}), 0);
  // 20 input tokens beyond the typical prompt weigh as much as 1 output token, 1,000 cached ones too.
  EXPECT_EQ(of({.input = kTypicalInputTokens + 20}), of({.output = 1}));
  EXPECT_EQ(of({.input = 1000, .cached = 1000}), of({.output = 1}));
  EXPECT_GT(of({.output = 1}), 0);
}

TEST(Carbon, AnUnknownModelTakesTheLargeClassAndSaysSo) {
  const CarbonModel model = CarbonModel::shipped();
  const auto unknown = model.estimate({"no-such-model", {.output = 100}, "DE"});
  const auto large = model.estimate({"mock-large", {.output = 100}, "DE"});
  EXPECT_EQ(unknown.carbon, large.carbon);
  EXPECT_TRUE(unknown.class_assumed);
  EXPECT_FALSE(large.class_assumed);
  EXPECT_GT(unknown.carbon.nanograms, 0);
  // A prefix of a name is another name.
  EXPECT_TRUE(model.estimate({"mock-smal", {.output = 100}, "DE"}).class_assumed);
}

TEST(Carbon, TheGridOfTheRegionCounts) {
  const CarbonModel model = CarbonModel::shipped();
  const auto of = [&](std::string_view region) {
    return model.estimate({"mock-large", {.output = 1000}, region}).carbon.nanograms;
  };
  EXPECT_EQ(of(""), of("world"));
  // 0.319 · 2.23 · 1.15 = 0.81807… Wh; times 36 g/kWh in Sweden, 708 in India.
  EXPECT_EQ(of("SE"), 29'450'718);
  EXPECT_EQ(of("IN"), 579'197'454);
}

TEST(Carbon, AFigurePublishedForTheModelIsTierTwo) {
  const auto model = CarbonModel::from_yaml(
      "version: v\nclasses: {small: [1, 1, 1], mid: [1, 1, 1], large: [1, 1, 1], reasoning: [1, 1, 1]}\nhost: [1, 1, "
      "1]\n"
      "pue: [1, 1, 1]\nproviders: {}\ngrid: {world: 100}\nmodels: {special: [2, 3, 4]}\n",
      "c.yaml", {});
  ASSERT_TRUE(model) << model.error().text();
  const auto estimate = model->estimate({"special", {.output = 1000}, ""});
  EXPECT_EQ(estimate.tier, 2);
  EXPECT_EQ(estimate.carbon,
            (Carbon{.nanograms = 300'000'000, .low_nanograms = 200'000'000, .high_nanograms = 400'000'000}));
}

TEST(Carbon, APriceFilesOwnEnergyFigureIsTierTwo) {
  const auto prices = PriceTable::from_yaml(
      "version: v\nmodels: {mine: {input: 1, output: 1, class: small, energy_wh: [0.1, 0.2, 0.4]}}\n", "p.yaml");
  ASSERT_TRUE(prices) << prices.error().text();
  const auto estimate = CarbonModel::shipped(*prices).estimate({"mine", {.output = 1000}, "FR"});
  EXPECT_EQ(estimate.tier, 2);
  // 0.1 · 1.4 · 1.08 · 44 mg, 0.2 · 2.23 · 1.15 · 44 mg, 0.4 · 4.0 · 1.4 · 44 mg.
  EXPECT_EQ(estimate.carbon,
            (Carbon{.nanograms = 22'567'600, .low_nanograms = 6'652'800, .high_nanograms = 98'560'000}));
  const auto bad = PriceTable::from_yaml(
      "version: v\nmodels: {mine: {input: 1, output: 1, energy_wh: [0.2, 0.1, 0.4]}}\n", "p.yaml");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().text(), ::testing::HasSubstr("energy_wh of"));
}

TEST(Carbon, MeasuredEnergyIsTierThreeAndTakesOnlyPueAndGrid) {
  CarbonFacts call{"no-such-model", {.output = 100}, "DE", "anthropic"};
  call.measured_microwatt_hours = 240'000;
  const auto estimate = CarbonModel::shipped().estimate(call);
  EXPECT_EQ(estimate.tier, 3);
  EXPECT_FALSE(estimate.class_assumed);
  // 0.24 Wh · 344 g/kWh · 1.09, 1.115 and 1.14.
  EXPECT_EQ(estimate.carbon,
            (Carbon{.nanograms = 92'054'400, .low_nanograms = 89'990'400, .high_nanograms = 94'118'400}));
  call.measured_microwatt_hours = -1;
  EXPECT_EQ(CarbonModel::shipped().estimate(call).carbon, Carbon{});
}

TEST(Carbon, FactorsThatMakeNoSenseAreRefusedWithTheirPlace) {
  const auto model = CarbonModel::from_yaml(
      "version: v\nclasses: {small: [2, 1, 1]}\nhost: [1, 1, 1]\npue: [1, 1, 1]\nproviders: {}\ngrid: {world: "
      "1}\nmodels: {}\n",
      "c.yaml", {});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().text(), ::testing::StartsWith("c.yaml:2:18: small must be [low, middle, high]"));
}

TEST(Carbon, HugeAndNegativeTokenCountsStayWithinBounds) {
  const CarbonModel model = CarbonModel::shipped();
  EXPECT_EQ(model.estimate({"mock-large", {.input = -5, .output = -5, .cached = 9}, ""}).carbon.nanograms, 0);
  const auto most = model.estimate({"mock-large", {.output = kCallTokensMax}, "PL"});
  EXPECT_EQ(model.estimate({"mock-large", {.output = INT64_MAX}, "PL"}).carbon, most.carbon);
}

}  // namespace
}  // namespace meshflow::runtime
