#include "runtime/prices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/prices_decimal.hpp"

namespace meshflow::runtime {
namespace {

using ::testing::HasSubstr;

TEST(Prices, ACallCostsTheSumOfItsTokensToTheNanoDollar) {
  // 3 USD and 15 USD per million are 3,000 and 15,000 nano-dollars a token.
  const auto priced = PriceTable::shipped().price("mock-large", {.input = 85, .output = 63});
  ASSERT_TRUE(priced) << priced.error().text();
  EXPECT_EQ(priced->cost_nano_usd, 85 * 3'000 + 63 * 15'000);  // 1,200,000: 0.0012 USD
  EXPECT_EQ(priced->source, "table");
}

TEST(Prices, CachedTokensHaveTheirOwnPrices) {
  // mock-large: 300 nano-dollars a token read from the cache, 3,750 written to it.
  const auto priced =
      PriceTable::shipped().price("mock-large", {.input = 100, .output = 0, .cached = 40, .cache_written = 10});
  EXPECT_EQ(priced->cost_nano_usd, 50 * 3'000 + 40 * 300 + 10 * 3'750);
}

TEST(Prices, FractionsOfANanoDollarAreRoundedHalfUpOncePerCall) {
  const ModelPrice price{.input = 500, .output = 1, .cached_read = 0, .cached_write = 0};  // picodollars
  EXPECT_EQ(cost_nano_usd(price, {.input = 1}), 1);                  // 500 → 0.5 → 1
  EXPECT_EQ(cost_nano_usd(price, {.input = 0, .output = 499}), 0);   // 499 → 0
  EXPECT_EQ(cost_nano_usd(price, {.input = 1, .output = 499}), 1);   // 999 → 1, not 1 + 0 rounded apart
  EXPECT_EQ(cost_nano_usd(price, {.input = 2, .output = 499}), 1);   // 1,499 → 1
}

TEST(Prices, AnUnknownModelIsAnErrorThatNamesIt) {
  const auto priced = PriceTable::shipped().price("mock-large-2", {.input = 1});
  ASSERT_FALSE(priced);
  EXPECT_EQ(priced.error().code, ErrorCode::not_found);
  EXPECT_THAT(priced.error().text(), HasSubstr("\"mock-large-2\""));
}

TEST(Prices, OnlyAnExplicitDefaultPricesAnUnknownModelAndSaysSo) {
  const auto table = PriceTable::from_yaml("default: {input: 1, output: 2}\n", "p.yaml", PriceTable::shipped());
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->price("other", {.input = 10, .output = 10})->cost_nano_usd, 30'000);
  EXPECT_EQ(table->price("other", {.input = 10})->source, "default");
  EXPECT_EQ(table->price("mock-large", {.input = 10})->source, "table");
}

TEST(Prices, AFileReplacesAndAddsEntries) {
  const auto table = PriceTable::from_yaml(
      "version: mine\nmodels:\n  mock-large: {input: 1, output: 1}\n  \"my:model\": {input: 0.000001, output: 0, "
      "aliases: [mine]}\n",
      "p.yaml", PriceTable::shipped());
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->version(), "mine");
  EXPECT_EQ(table->price("mock-large", {.input = 1})->cost_nano_usd, 1'000);
  EXPECT_EQ(table->find("my:model")->input, 1);
  EXPECT_EQ(table->find("mine")->input, 1);
  EXPECT_EQ(table->find("my:model")->cached_read, 1);  // not stated: what input costs
  EXPECT_NE(table->find("gpt-4o"), nullptr);
}

TEST(Prices, AFileErrorSaysWhereAndWhat) {
  const auto text_of = [](std::string_view yaml) {
    const auto table = PriceTable::from_yaml(yaml, "p.yaml");
    return table ? std::string("accepted") : table.error().text();
  };
  EXPECT_THAT(text_of("models:\n  a: {input: -1, output: 1}\n"), HasSubstr("p.yaml:2:14: input of a is no price"));
  EXPECT_THAT(text_of("models:\n  a: {input: 1.0000001, output: 1}\n"), HasSubstr("no price"));
  EXPECT_THAT(text_of("models:\n  a: {input: 1001, output: 1}\n"), HasSubstr("no price"));
  EXPECT_THAT(text_of("models:\n  a: {input: 1}\n"), HasSubstr("a has no output"));
  EXPECT_THAT(text_of("models:\n  a: {inptu: 1}\n"), HasSubstr("did you mean \"input\""));
  EXPECT_THAT(text_of("models:\n  a: {input: 1, output: 1, class: huge}\n"),
              HasSubstr("one of small, mid, large, reasoning"));
  EXPECT_THAT(text_of("models: 3\n"), HasSubstr("models must be a map"));
  const auto missing = PriceTable::from_file("no-such-file.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

TEST(Prices, ImpossibleUsageIsRefused) {
  const auto& table = PriceTable::shipped();
  EXPECT_FALSE(table.price("mock-large", {.input = -1}));
  EXPECT_FALSE(table.price("mock-large", {.input = 1, .cached = 2}));
  EXPECT_FALSE(table.price("mock-large", {.input = 2, .cached = 1, .cache_written = 2}));
  EXPECT_FALSE(table.price("mock-large", {.input = kCallTokensMax + 1}));
  // The dearest call that is possible does not overflow: 10⁹ tokens at 1,000 USD a million, both ways.
  const ModelPrice dearest{.input = kPriceMaxPicodollars, .output = kPriceMaxPicodollars};
  EXPECT_EQ(cost_nano_usd(dearest, {.input = kCallTokensMax, .output = kCallTokensMax}), 2'000'000'000'000'000);
}

TEST(Prices, DecimalsAreReadExactly) {
  EXPECT_EQ(scaled_decimal("0.15", 6), 150'000);
  EXPECT_EQ(scaled_decimal("3", 6), 3'000'000);
  EXPECT_EQ(scaled_decimal(".5", 1), 5);
  EXPECT_EQ(scaled_decimal("5.", 1), 50);
  for (const auto* bad : {"", ".", "-1", "1e3", "1.2.3", "0.1234567", "99999999999999999999", " 1", "nan"}) {
    EXPECT_EQ(scaled_decimal(bad, 6), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace meshflow::runtime
