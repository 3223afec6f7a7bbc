#include "query/jaeger_tags.hpp"

#include <gmock/gmock.h>

namespace meshflow::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JaegerTag equals(std::string key, std::string text) { return {std::move(key), std::move(text), {}, {}}; }
JaegerTag compares(std::string key, Comparison comparison, std::string_view number) {
  return {std::move(key), {}, comparison, parse_number(number).value()};
}

JaegerTags of_map(std::string_view json) {
  auto tags = parse_jaeger_tags({}, {json});
  if (!tags) throw std::runtime_error(tags.error().text());
  return std::move(*tags);
}
JaegerTags of_simple(std::string_view text) {
  auto tags = parse_jaeger_tags({text}, {});
  if (!tags) throw std::runtime_error(tags.error().text());
  return std::move(*tags);
}

TEST(JaegerTags, AMapIsEqualities) {
  EXPECT_THAT(of_map(R"({"meshflow.verdict":"blocked","error":"true"})").tags,
              ElementsAre(equals("meshflow.verdict", "blocked"), equals("error", "true")));
  EXPECT_TRUE(of_map("{}").tags.empty());
  EXPECT_TRUE(of_map("null").tags.empty());
}

TEST(JaegerTags, ASimpleTagIsSplitAtItsFirstColon) {
  EXPECT_THAT(of_simple("http.url:http://a:80/").tags, ElementsAre(equals("http.url", "http://a:80/")));
  EXPECT_THAT(of_simple("key:").tags, ElementsAre(equals("key", "")));
}

TEST(JaegerTags, AValueMayBeAComparison) {
  EXPECT_THAT(of_map(R"({"cost_usd":"> 0.01"})").tags, ElementsAre(compares("cost_usd", Comparison::greater, "0.01")));
  EXPECT_THAT(of_map(R"({"cost_usd":">0.01"})").tags, ElementsAre(compares("cost_usd", Comparison::greater, "0.01")));
  EXPECT_THAT(of_map(R"({"n":">= 5"})").tags, ElementsAre(compares("n", Comparison::greater_equal, "5")));
  EXPECT_THAT(of_map(R"({"n":"<=-5"})").tags, ElementsAre(compares("n", Comparison::less_equal, "-5")));
  EXPECT_THAT(of_map(R"({"n":"!=5"})").tags, ElementsAre(compares("n", Comparison::not_equal, "5")));
  EXPECT_THAT(of_simple("cost_usd:>0.01").tags, ElementsAre(compares("cost_usd", Comparison::greater, "0.01")));
}

TEST(JaegerTags, TextThatOnlyLooksLikeAComparisonIsText) {
  EXPECT_THAT(of_map(R"({"a":">b","c":"> ","d":"=5"})").tags,
              ElementsAre(equals("a", ">b"), equals("c", "> "), equals("d", "=5")));
}

TEST(JaegerTags, TheLastEqualityForAKeyCountsAndComparisonsAddUp) {
  const auto tags = parse_jaeger_tags({"a:1", "a:>2", "a:<9"}, {R"({"a":"3"})"}).value();
  EXPECT_THAT(tags.tags, ElementsAre(compares("a", Comparison::greater, "2"), compares("a", Comparison::less, "9"),
                                     equals("a", "3")));
}

// What Jaeger's UI makes of its field: convTagsLogfmt in packages/jaeger-ui/src/components/SearchTracePage/
// SearchForm.tsx at jaeger-ui c321fb32bbca0bdce9e8c2d40afb35abbf54c12b, with the npm package logfmt 1.4.0. Each map
// below is what that code gives for the text in the comment.
TEST(JaegerTags, WhatTheUiToreIsPutTogether) {
  const JaegerTag cost = compares("cost_usd", Comparison::greater, "0.01");
  // cost_usd > 0.01
  EXPECT_THAT(of_map(R"({"cost_usd":"true",">":"true","0.01":"true"})").tags, ElementsAre(cost));
  // cost_usd>0.01
  EXPECT_THAT(of_map(R"({"cost_usd>0.01":"true"})").tags, ElementsAre(cost));
  // cost_usd >0.01
  EXPECT_THAT(of_map(R"({"cost_usd":"true",">0.01":"true"})").tags, ElementsAre(cost));
  // cost_usd >= 0.01
  EXPECT_THAT(of_map(R"({"cost_usd":"true",">":"null","0.01":"true"})").tags,
              ElementsAre(compares("cost_usd", Comparison::greater_equal, "0.01")));
  // cost_usd>=0.01
  EXPECT_THAT(of_map(R"({"cost_usd>":"0.01"})").tags,
              ElementsAre(compares("cost_usd", Comparison::greater_equal, "0.01")));
  // cost_usd=>0.01
  EXPECT_THAT(of_map(R"({"cost_usd":">0.01"})").tags, ElementsAre(cost));
  // meshflow.verdict = blocked
  EXPECT_THAT(of_map(R"({"meshflow.verdict":"null","blocked":"true"})").tags,
              ElementsAre(equals("meshflow.verdict", "blocked")));
  // verdict=blocked cost_usd > 0.01
  EXPECT_THAT(of_map(R"({"verdict":"blocked","cost_usd":"true",">":"true","0.01":"true"})").tags,
              ElementsAre(equals("verdict", "blocked"), cost));
  // cost_usd < 0.01 verdict=blocked error
  EXPECT_THAT(of_map(R"({"cost_usd":"true","<":"true","0.01":"true","verdict":"blocked","error":"true"})").tags,
              ElementsAre(compares("cost_usd", Comparison::less, "0.01"), equals("verdict", "blocked"),
                          equals("error", "true")));
}

// JavaScript lists keys that are whole numbers before all others.
TEST(JaegerTags, AWholeNumberThatWasMovedToTheFrontGoesBack) {
  // cost_usd > 5
  EXPECT_THAT(of_map(R"({"5":"true","cost_usd":"true",">":"true"})").tags,
              ElementsAre(compares("cost_usd", Comparison::greater, "5")));
  // cost_usd != 3
  EXPECT_THAT(of_map(R"({"3":"true","cost_usd":"true","!":"null"})").tags,
              ElementsAre(compares("cost_usd", Comparison::not_equal, "3")));
}

// Grafana's data source does the same in Go, whose maps are written with their keys sorted: JaegerClient.Search in
// pkg/tsdb/jaeger/client.go at grafana 01b0e5d38c45ee03d09353d630eccacc88770b26.
TEST(JaegerTags, WhatGrafanaSortedIsPutTogether) {
  EXPECT_THAT(of_map(R"({"0.01":"",">":"","cost_usd":""})").tags,
              ElementsAre(compares("cost_usd", Comparison::greater, "0.01")));
  EXPECT_THAT(of_map(R"({"0.01":"",">":"","cost_usd":"","verdict":"blocked"})").tags,
              ElementsAre(compares("cost_usd", Comparison::greater, "0.01"), equals("verdict", "blocked")));
}

// The lesson, exercises 3 and 4.
TEST(JaegerTags, TheLessonsBlocksAreUnderstood) {
  // service: meshflow tag: verdict=blocked lookback: 1h
  const JaegerTags blocked = of_map(
      R"({"service:":"true","meshflow":"true","tag:":"true","verdict":"blocked","lookback:":"true","1h":"true"})");
  EXPECT_EQ(blocked.service, "meshflow");
  EXPECT_EQ(blocked.lookback, "1h");
  EXPECT_THAT(blocked.tags, ElementsAre(equals("verdict", "blocked")));
  // service: meshflow / tag: cost_usd > 0.01 / lookback: 24h, a line each
  const JaegerTags expensive = of_map(
      R"({"service:":"true","meshflow\ntag:":"true","cost_usd":"true",">":"true","0.01\nlookback:":"true","24h":"true"})");
  EXPECT_EQ(expensive.service, "meshflow");
  EXPECT_EQ(expensive.lookback, "24h");
  EXPECT_THAT(expensive.tags, ElementsAre(compares("cost_usd", Comparison::greater, "0.01")));
}

TEST(JaegerTags, AMapThatSomeoneMeantIsLeftAsItIs) {
  EXPECT_THAT(of_map(R"({"x":"null"})").tags, ElementsAre(equals("x", "null")));
  EXPECT_THAT(of_map(R"({"a":"true","b":""})").tags, ElementsAre(equals("a", "true"), equals("b", "")));
  EXPECT_THAT(of_map(R"({"url":"a<b","k":"v:"})").tags, ElementsAre(equals("url", "a<b"), equals("k", "v:")));
}

TEST(JaegerTags, WhatIsNoMapOfStringsIsRefusedInJaegersWords) {
  for (const char* json : {"", "{", "[]", R"({"a":1})", R"({"a":{"b":"c"}})", "x"}) {
    const auto tags = parse_jaeger_tags({}, {json});
    ASSERT_FALSE(tags) << json;
    EXPECT_EQ(tags.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(tags.error().message, HasSubstr("malformed 'tags' parameter, cannot unmarshal JSON: ")) << json;
  }
  const auto simple = parse_jaeger_tags({"blocked"}, {});
  ASSERT_FALSE(simple);
  EXPECT_EQ(simple.error().message, "malformed 'tag' parameter, expecting key:value, received: blocked");
}

TEST(JaegerTags, ManyTagsAreRefusedByName) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i <= kTagsMax; ++i) texts.push_back("k" + std::to_string(i) + ":v");
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto tags = parse_jaeger_tags(views, {});
  ASSERT_FALSE(tags);
  EXPECT_THAT(tags.error().message, HasSubstr("kTagsMax (64)"));
}

}  // namespace
}  // namespace meshflow::query
