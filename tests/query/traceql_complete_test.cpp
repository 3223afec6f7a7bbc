#include "query/traceql/complete.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/traceql/check.hpp"

namespace meshflow::query::traceql {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

// A store with two attributes.
class Store final : public CompletionSource {
 public:
  [[nodiscard]] std::vector<Attribute> attributes(Scope scope, std::string_view prefix) const override {
    std::vector<Attribute> out;
    for (const Attribute& each : {Attribute{Scope::span, "meshflow.verdict"}, Attribute{Scope::span, "meshflow.role"},
                                  Attribute{Scope::resource, "service.name"}, Attribute{Scope::span, "a b"}}) {
      if ((scope == Scope::any || scope == each.scope) && each.name.starts_with(prefix)) out.push_back(each);
    }
    return out;
  }
  [[nodiscard]] std::vector<Value> values(const Field& field) const override {
    if (field != Field{Attribute{Scope::span, "meshflow.verdict"}}) return {};
    return {std::string("allowed"), std::string("blocked")};
  }
};

// Labels for the text with | for the cursor.
Completions completions_of(std::string text) {
  const std::size_t cursor = text.find('|');
  text.erase(cursor, 1);
  return complete(text, cursor, std::make_unique<Store>().get());
}
std::vector<std::string> labels_of(std::string text) {
  std::vector<std::string> out;
  for (const Completion& each : completions_of(std::move(text)).items) out.push_back(each.label);
  return out;
}

TEST(TraceqlComplete, AQueryBeginsWithBraces) {
  EXPECT_THAT(labels_of("|"), AllOf(Contains("{ "), Contains("("), Contains("count()"), Not(Contains("rate()"))));
}

TEST(TraceqlComplete, InBracesStandFieldsAndWhatTheStoreKnows) {
  EXPECT_THAT(labels_of("{ |"), AllOf(Contains("duration"), Contains("span:name"), Contains("span.meshflow.verdict"),
                                      Contains("span.\"a b\""), Contains("resource."), Not(Contains("&&"))));
  EXPECT_THAT(labels_of("{ na|"), ElementsAre("name"));
  EXPECT_THAT(labels_of("{ span.m|"), ElementsAre("span.meshflow.verdict", "span.meshflow.role"));
  EXPECT_THAT(labels_of("{ .s|"), ElementsAre(".service.name"));
  EXPECT_THAT(labels_of("{ parent.span.meshflow.r|"), ElementsAre("parent.span.meshflow.role"));
  EXPECT_THAT(labels_of("{ span:st|"), ElementsAre("span:status", "span:statusMessage"));
}

TEST(TraceqlComplete, BehindAComparisonStandWhatTheFieldMayBe) {
  EXPECT_THAT(labels_of("{ status = e|"), Contains("error"));
  EXPECT_THAT(labels_of("{ span:kind != |"), AllOf(Contains("server"), Contains("nil"), Not(Contains("ok"))));
  EXPECT_THAT(labels_of("{ span.meshflow.verdict = |"), AllOf(Contains("\"allowed\""), Contains("\"blocked\"")));
  EXPECT_THAT(labels_of("{ span.meshflow.verdict = \"bl|"), ElementsAre("\"blocked\""));
  EXPECT_THAT(labels_of("{ span.meshflow.verdict = `bl|"), ElementsAre("\"blocked\""));
}

TEST(TraceqlComplete, BehindAnOperandStandOperators) {
  EXPECT_THAT(labels_of("{ duration |"),
              AllOf(Contains(">"), Contains("&&"), Contains("+"), Contains("}"), Not(Contains("name"))));
  EXPECT_THAT(labels_of("{ (duration |"), Contains(")"));
  EXPECT_THAT(labels_of("{ } |"), AllOf(Contains("| "), Contains(">>"), Contains("with ("), Not(Contains("+"))));
}

TEST(TraceqlComplete, BehindABarStandStagesAndBehindMetricsOnlyWhatMayFollowThem) {
  const auto labels = [](std::string_view text) {
    std::vector<std::string> out;
    for (const Completion& each : complete(text, text.size()).items) out.push_back(each.label);
    return out;
  };
  EXPECT_THAT(labels("{ } | "), AllOf(Contains("rate()"), Contains("by("), Contains("{ "), Not(Contains("topk("))));
  EXPECT_THAT(labels("{ } | quant"), ElementsAre("quantile_over_time(", "quantile("));
  EXPECT_THAT(labels("{ } | rate() | "), ElementsAre("topk(", "bottomk("));
  EXPECT_THAT(labels("({ } | rate()) | "), ElementsAre("topk(", "bottomk("));
  EXPECT_THAT(labels("{ } | rate() "), AllOf(Contains("by ("), Contains(">"), Contains("| "), Not(Contains(">>"))));
  EXPECT_THAT(labels("{ } | rate() > "), IsEmpty());
  EXPECT_THAT(labels("{ } | sum(duration) "), AllOf(Contains("by ("), Contains(">")));
  EXPECT_THAT(labels("{ } | avg("), AllOf(Contains("duration"), Not(Contains("name"))));
  EXPECT_THAT(labels("{ } | rate() by ("), AllOf(Contains("name"), Contains("duration")));
  EXPECT_THAT(labels("{ } | select(name"), ElementsAre("name"));
  EXPECT_THAT(labels("{ } | compare("), Contains("{ "));
  EXPECT_THAT(labels("{ } with ("), Contains("most_recent = true"));
}

TEST(TraceqlComplete, TheWordAtTheCursorIsReplacedWhole) {
  const Completions of_name = completions_of("{ na|me = \"x\" }");
  EXPECT_EQ(of_name.from, 2U);
  EXPECT_EQ(of_name.to, 6U);
  const Completions of_attribute = completions_of("{ span.meshflow.v| }");
  EXPECT_EQ(of_attribute.from, 2U);
  EXPECT_EQ(of_attribute.to, 17U);
}

TEST(TraceqlComplete, NothingStandsInNumbersCommentsAndBehindWhatIsNoQuery) {
  EXPECT_THAT(labels_of("{ duration > 5|"), IsEmpty());
  EXPECT_THAT(labels_of("{ } /* na|"), IsEmpty());
  EXPECT_THAT(labels_of("{ $ na|"), IsEmpty());
  EXPECT_THAT(complete("{ \xff", 3).items, IsEmpty());
  EXPECT_EQ(complete("{ na", 99).items.size(), 1U);
}

TEST(TraceqlComplete, WhatIsProposedCanStandThere) {
  struct Case {
    std::string_view begun;
    Completion::Kind kind;
    std::string_view rest;
  };
  constexpr Case kCases[] = {{"{ ", Completion::Kind::field, " != nil }"},
                             {"{ kind = ", Completion::Kind::value, " || kind != nil }"},
                             {"{ } | avg(", Completion::Kind::field, ") > 1"},
                             {"{ } | rate() by (", Completion::Kind::field, ")"},
                             {"{ } with (", Completion::Kind::keyword, ")"}};
  for (const Case& each : kCases) {
    int proposed = 0;
    for (const Completion& item : complete(each.begun, each.begun.size()).items) {
      const bool is_scope = item.label.ends_with('.');  // its name is still to be written
      if (item.kind != each.kind || is_scope || item.label == "nil") continue;
      ++proposed;
      const std::string text = std::string(each.begun) + item.label + std::string(each.rest);
      EXPECT_TRUE(check_query(text).has_value()) << text;
    }
    EXPECT_GT(proposed, 2) << each.begun;
  }
}

}  // namespace
}  // namespace meshflow::query::traceql
