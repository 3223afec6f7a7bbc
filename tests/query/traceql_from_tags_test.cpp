#include "query/traceql/from_tags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/tag_text.hpp"
#include "query/traceql/check.hpp"
#include "query/traceql/honeycomb.hpp"
#include "query/traceql/printer.hpp"

namespace meshflow::query::traceql {
namespace {

using ::testing::HasSubstr;

std::string lenient(std::string_view text) {
  const auto read = read_lenient(text);
  if (!read) return to_error(read.error()).text();
  EXPECT_TRUE(check(read->query).has_value()) << text;
  return print(read->query) + (read->lookback.empty() ? "" : " over " + read->lookback);
}

std::string honeycomb(std::string_view text) {
  const auto query = query_of_honeycomb(text);
  if (!query) return query.error().text();
  EXPECT_TRUE(check(*query).has_value()) << text;
  return print(*query);
}

// The lesson, section 7 and exercises 3 and 4, as they are written there.
TEST(TraceqlLenient, TheLessonsTagsAreTaken) {
  EXPECT_EQ(lenient("meshflow.verdict = blocked"), "{ .meshflow.verdict = \"blocked\" }");
  EXPECT_EQ(lenient("service: meshflow tag: verdict=blocked lookback: 1h"),
            "{ resource.service.name = \"meshflow\" && .verdict = \"blocked\" } over 1h");
  EXPECT_EQ(lenient("service: meshflow\noperation: meshflow.run\ntag: cost_usd > 0.01\nlookback: 24h"),
            "{ resource.service.name = \"meshflow\" && name = \"meshflow.run\" && .cost_usd > 0.01 } over 24h");
  EXPECT_EQ(lenient("{ span.meshflow.run_cost_usd > 0.01 }"), "{ span.meshflow.run_cost_usd > 0.01 }");
}

// Tempo's `tags`, as its documentation shows them.
TEST(TraceqlLenient, LogfmtIsTaken) {
  EXPECT_EQ(lenient("service.name=cartservice http.method=\"GET /cart\""),
            "{ resource.service.name = \"cartservice\" && .http.method = \"GET /cart\" }");
  EXPECT_EQ(lenient("name=chat error=true span.kind=CLIENT"), "{ name = \"chat\" && status = error && kind = client }");
  EXPECT_EQ(lenient("status.code=error root.service.name=shop"), "{ status = error && rootServiceName = \"shop\" }");
}

TEST(TraceqlLenient, AValueThatMayBeANumberIsAskedForAsBoth) {
  EXPECT_EQ(lenient("http.status_code=500"), "{ .http.status_code = \"500\" || .http.status_code = 500 }");
  EXPECT_EQ(lenient("span.ratio=0.5"), "{ span.ratio = \"0.5\" || span.ratio = 0.5 }");
  EXPECT_EQ(lenient("cached=true x=1"), "{ (.cached = \"true\" || .cached = true) && (.x = \"1\" || .x = 1) }");
}

TEST(TraceqlLenient, TraceqlThatIsWrongIsToldAsTraceql) {
  EXPECT_EQ(lenient("{ statsu = error }"), "1:3: unknown name \"statsu\" (did you mean status?)");
  EXPECT_THAT(lenient("cuont() > 2"), HasSubstr("1:1: expected \"{\""));
  EXPECT_THAT(lenient("blocked"), HasSubstr("1:1: expected \"{\""));
  EXPECT_THAT(lenient("a = 1 && b = 2"), HasSubstr("write { span.a = 1 && span.b = 2 }"));
  EXPECT_THAT(lenient(""), HasSubstr("the query ends"));
}

TEST(TagText, QuotedValuesMayHaveBlanksAndSigns) {
  JaegerTags tags;
  ASSERT_TRUE(read_tag_text(R"(a="x = \"y\", z" b=c,d > 5 e)", tags).has_value());
  ASSERT_EQ(tags.tags.size(), 4U);
  EXPECT_EQ(tags.tags[0].text, "x = \"y\", z");
  EXPECT_EQ(tags.tags[1].text, "c");
  EXPECT_EQ(tags.tags[2].comparison, Comparison::greater);
  EXPECT_EQ(tags.tags[3].text, "true");
}

// The lesson, exercise 4: {"column": "span.cost_usd", "op": ">", "value": 0.01}
TEST(TraceqlHoneycomb, TheLessonsFilterIsTranslated) {
  EXPECT_EQ(honeycomb(R"({"column": "span.cost_usd", "op": ">", "value": 0.01})"), "{ span.cost_usd > 0.01 }");
}

// https://docs.honeycomb.io/investigate/query/query-specification/
TEST(TraceqlHoneycomb, SpecificationsAreTranslated) {
  EXPECT_EQ(honeycomb(R"({"filters": [{"column": "duration_ms", "op": ">=", "value": 1500},
                                      {"column": "service.name", "op": "=", "value": "shop"},
                                      {"column": "error", "op": "exists"}], "filter_combination": "OR"})"),
            "{ duration >= 1.5s || resource.service.name = \"shop\" || status = error }");
  EXPECT_EQ(honeycomb(R"([{"column": "a.b", "op": "in", "value": ["x", 2]}, {"column": "c", "op": "does-not-exist"}])"),
            "{ (.a.b = \"x\" || .a.b = 2) && .c = nil }");
  EXPECT_EQ(honeycomb(R"({"column": "name", "op": "starts-with", "value": "a.b"})"), R"x({ name =~ "(?s:a\\.b.*)" })x");
  EXPECT_EQ(honeycomb(R"({"calculations": [{"op": "P95", "column": "duration_ms"}], "breakdowns": ["meshflow.role"],
                          "filters": [{"column": "name", "op": "=", "value": "meshflow.agent"}], "limit": 10})"),
            "{ name = \"meshflow.agent\" } | quantile(duration, 0.95) by (.meshflow.role) | topk(10)");
  EXPECT_EQ(honeycomb(R"({"calculations": [{"op": "SUM", "column": "cost_usd"}]})"), "{ } | sum(.cost_usd)");
  EXPECT_EQ(honeycomb("{}"), "{ }");
}

TEST(TraceqlHoneycomb, WhatIsNotUnderstoodIsNamed) {
  EXPECT_THAT(honeycomb("{"), HasSubstr("it is no JSON"));
  EXPECT_EQ(honeycomb(R"({"column": "a", "op": "~", "value": 1})"),
            "Honeycomb query: unknown op \"~\" (did you mean \"=\"?)");
  EXPECT_EQ(honeycomb(R"({"column": "a", "op": "="})"), "Honeycomb query: the filter of a has no \"value\"");
  EXPECT_THAT(honeycomb(R"({"calculations": [{"op": "HEATMAP", "column": "a"}]})"),
              HasSubstr("no calculation like HEATMAP"));
  EXPECT_THAT(honeycomb(R"({"column": "", "op": "="})"), HasSubstr("has no \"column\""));
  EXPECT_THAT(honeycomb(std::string(100'000, ' ')), HasSubstr("kHoneycombBytesMax"));
}

}  // namespace
}  // namespace meshflow::query::traceql
