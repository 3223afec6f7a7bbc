// Conditions as SQL: text and parameters as they should be. What the SQL finds is in trace_search_test.cpp.
#include "query/compile.hpp"

#include <gmock/gmock.h>

#include "query/trace_search.hpp"

namespace meshflow::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Sql sql_of(const Condition& condition, const ResourceSet& resources = {}) {
  auto sql = compile(condition, resources);
  if (!sql) throw std::runtime_error(sql.error().text());
  return std::move(*sql);
}
Condition compare(AttributeScope scope, std::string key, Comparison comparison, Literal literal) {
  return {CompareAttribute{{scope, std::move(key)}, comparison, std::move(literal)}};
}
Number number(const char* text) { return parse_number(text).value(); }

TEST(Compile, NothingFromOutsideIsInTheText) {
  const std::string evil = "x' OR 1=1 --";
  const Sql sql = sql_of({AllOf{{{ReadsAs{{AttributeScope::span, evil}, evil}},
                                 {EventReadsAs{evil, evil}},
                                 {CompareIntrinsic{Intrinsic::name, Comparison::equal, evil}}}}});
  EXPECT_EQ(sql.text, "((rest_string(rest, ?) = ?) AND rest_event_has(rest, ?, ?) AND name = ?)");
  EXPECT_THAT(sql.parameters, ::testing::Each(store::Value(evil)));
  EXPECT_EQ(sql.parameters.size(), 5u);
}

TEST(Compile, OnlySpansThatMayHaveEventsAreLookedIntoForThem) {
  const Condition event{EventReadsAs{"k", "v"}};
  const Condition verdict{ReadsAs{{AttributeScope::span, "meshflow.verdict"}, "blocked"}};
  const auto parts_of = [](const Condition& condition) {
    std::vector<std::string> parts;
    const auto compiled = compile_by_events(condition, {});
    for (const Sql& part : compiled.value()) parts.push_back(part.text);
    return parts;
  };
  EXPECT_THAT(parts_of(verdict), ElementsAre("(meshflow_verdict = ?)"));
  EXPECT_THAT(parts_of({AnyOf{{verdict, event}}}),
              ElementsAre("events = 0 AND ((meshflow_verdict = ?))",
                          "events <> 0 AND ((meshflow_verdict = ?) OR rest_event_has(rest, ?, ?))"));
  EXPECT_THAT(parts_of({AllOf{{{NoneOf{{event}}}, verdict}}}),
              ElementsAre("events = 0 AND ((NOT coalesce(FALSE, FALSE)) AND (meshflow_verdict = ?))",
                          "events <> 0 AND ((NOT coalesce((rest_event_has(rest, ?, ?)), FALSE)) AND "
                          "(meshflow_verdict = ?))"));
  EXPECT_THAT(parts_of(event), ElementsAre("events = 0 AND FALSE", "events <> 0 AND rest_event_has(rest, ?, ?)"));
}

TEST(Compile, TheOnlyServiceThereIsIsNotAskedFor) {
  const auto of_service = [](std::uint64_t key, const char* name) {
    store::StoredResource resource{.key = key, .resource = {}};
    resource.resource.attributes = {{"service.name", {std::string(name)}}};
    return resource;
  };
  const auto service = [&](std::vector<store::StoredResource> resources) {
    return sql_of({CompareIntrinsic{Intrinsic::service, Comparison::equal, std::string("shop")}},
                  ResourceSet(std::move(resources)))
        .text;
  };
  EXPECT_EQ(service({of_service(1, "shop"), of_service(2, "shop")}), "TRUE");
  EXPECT_EQ(service({of_service(1, "shop"), of_service(2, "depot")}), "service = ?");
  EXPECT_EQ(service({of_service(1, "shop"), store::StoredResource{}}), "service = ?");
  EXPECT_EQ(service({}), "service = ?");
}

TEST(Compile, TextIsLookedForInItsColumnAlone) {
  const Sql sql = sql_of(compare(AttributeScope::span, "meshflow.verdict", Comparison::equal, "blocked"));
  EXPECT_EQ(sql.text, "meshflow_verdict = ?");
  EXPECT_THAT(sql.parameters, ElementsAre(store::Value("blocked")));
  EXPECT_EQ(sql_of({ReadsAs{{AttributeScope::span, "meshflow.verdict"}, "blocked"}}).text, "(meshflow_verdict = ?)");
}

TEST(Compile, AValueThatMayHaveAnotherTypeIsLookedForBesideItsColumnToo) {
  EXPECT_EQ(sql_of({ReadsAs{{AttributeScope::span, "meshflow.role"}, "true"}}).text,
            "(meshflow_role = ? OR (meshflow_role IS NULL AND (rest_string(rest, ?) = ?)))");
  EXPECT_EQ(sql_of({ReadsAs{{AttributeScope::span, "meshflow.tokens"}, "5"}}).text,
            "(meshflow_tokens = ? OR (meshflow_tokens IS NULL AND (rest_string(rest, ?) = ? OR rest_double(rest, ?) "
            "BETWEEN ? AND ?)))");
}

TEST(Compile, NumbersAreComparedWhereverTheyLie) {
  EXPECT_EQ(sql_of(compare(AttributeScope::span, "meshflow.tokens", Comparison::greater, number("5"))).text,
            "((meshflow_tokens > ?) OR (meshflow_tokens IS NULL AND ((rest_double(rest, ?) > ? AND NOT "
            "isnan(rest_double(rest, ?))))))");
  EXPECT_EQ(sql_of(compare(AttributeScope::span, "n", Comparison::less, number("5"))).text,
            "((rest_int(rest, ?) < ?) OR (rest_double(rest, ?) < ?))");
}

TEST(Compile, MoneyIsComparedInBillionths) {
  const Sql sql = sql_of(compare(AttributeScope::span, "meshflow.cost_usd", Comparison::greater, number("0.01")));
  EXPECT_THAT(sql.text, HasSubstr("round(meshflow_cost_usd * 1000000000.0) > ?"));
  EXPECT_EQ(sql.parameters.front(), store::Value(1e7));
  const Sql between =
      sql_of(compare(AttributeScope::span, "meshflow.cost_usd", Comparison::less, number("0.0000000015")));
  EXPECT_THAT(between.text, HasSubstr("round(meshflow_cost_usd * 1000000000.0) <= ?"));
  EXPECT_EQ(between.parameters.front(), store::Value(1.0));
}

TEST(Compile, ResourcesAreLookedAtBeforehand) {
  otlp::Resource a{{{"k", {std::string("v")}}}, 0, {}};
  otlp::Resource b{{{"k", {std::string("w")}}}, 0, {}};
  const ResourceSet resources({{7, a}, {8, b}});
  const Sql resource = sql_of({ReadsAs{{AttributeScope::resource, "k"}, "v"}}, resources);
  EXPECT_EQ(resource.text, "resource IN (?)");
  EXPECT_THAT(resource.parameters, ElementsAre(store::Value(std::uint64_t{7})));
  EXPECT_EQ(sql_of({ReadsAs{{AttributeScope::any, "k"}, "v"}}, resources).text,
            "((rest_string(rest, ?) = ?) OR resource IN (?))");
  EXPECT_EQ(sql_of({ReadsAs{{AttributeScope::resource, "k"}, "none"}}, resources).text, "FALSE");
}

TEST(Compile, AServiceIsAColumnUnlessItsNameIsJaegersForNone) {
  EXPECT_EQ(sql_of({CompareIntrinsic{Intrinsic::service, Comparison::equal, std::string("web")}}).text, "service = ?");
  const ResourceSet resources({{1, {}}, {2, {{{"service.name", {std::string("web")}}}, 0, {}}}});
  const Sql none =
      sql_of({CompareIntrinsic{Intrinsic::service, Comparison::equal, std::string(kNoServiceName)}}, resources);
  EXPECT_EQ(none.text, "resource IN (?)");
  EXPECT_THAT(none.parameters, ElementsAre(store::Value(std::uint64_t{1})));
}

TEST(Compile, WhatSqlCannotTellIsFalseBeforeItIsTurnedRound) {
  EXPECT_EQ(sql_of({NoneOf{{{CompareIntrinsic{Intrinsic::kind, Comparison::equal, number("2")}}}}}).text,
            "(NOT coalesce((kind = ?), FALSE))");
}

TEST(Compile, AnEmptyListHasItsTruth) {
  EXPECT_EQ(sql_of({AllOf{}}).text, "TRUE");
  EXPECT_EQ(sql_of({AnyOf{}}).text, "FALSE");
  EXPECT_EQ(sql_of({NoneOf{}}).text, "(NOT coalesce(FALSE, FALSE))");
}

TEST(Compile, TypesThatDoNotCompareAreFalse) {
  EXPECT_EQ(sql_of({CompareIntrinsic{Intrinsic::duration, Comparison::equal, std::string("5")}}).text, "FALSE");
  EXPECT_EQ(sql_of({CompareIntrinsic{Intrinsic::name, Comparison::equal, number("5")}}).text, "FALSE");
}

TEST(Compile, DepthAndSizeAreBounded) {
  Condition deep{AllOf{}};
  for (std::size_t i = 0; i <= kConditionDepthMax; ++i) deep = {NoneOf{{deep}}};
  EXPECT_EQ(compile(deep, {}).error().code, ErrorCode::limit_exceeded);
  AnyOf wide;
  for (std::size_t i = 0; i <= kConditionLeavesMax; ++i) wide.of.push_back({EventReadsAs{"k", "v"}});
  EXPECT_THAT(compile({wide}, {}).error().message, HasSubstr("kConditionLeavesMax"));
}

TEST(TraceIds, AreBigEndianNumbers) {
  const otlp::TraceId id{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  EXPECT_EQ(number_of(id), (store::U128{0x0001020304050607, 0x08090a0b0c0d0e0f}));
  EXPECT_EQ(trace_id_of(number_of(id)), id);
}

store::Piece piece(std::uint64_t from, std::uint64_t to, std::uint64_t rows) {
  store::Piece piece;
  piece.start_min = from;
  piece.start_max = to;
  piece.rows = rows;
  return piece;
}

TEST(WindowStart, HasAboutSoManySpansBehindIt) {
  const std::vector<store::Piece> pieces{piece(0, 999, 1'000), piece(1'000, 1'999, 4'000)};
  const std::uint64_t start = window_start(pieces, {0, 1'999}, 2'000);
  EXPECT_GE(start, 1'498u);
  EXPECT_LE(start, 1'502u);
  // All that is left where it is not much more.
  EXPECT_EQ(window_start(pieces, {0, 1'999}, 4'900), 0u);
  EXPECT_EQ(window_start(pieces, {300, 999}, 2'000), 300u);
  EXPECT_EQ(window_start({}, {5, 10}, 100), 5u);
}

TEST(WindowStart, EndsWhereAllSpansStartTogether) {
  const std::vector<store::Piece> pieces{piece(7, 7, 1'000'000)};
  EXPECT_EQ(window_start(pieces, {7, 7}, 1'000), 7u);
  EXPECT_EQ(window_start(pieces, {0, UINT64_MAX}, 1'000), 8u);
}

}  // namespace
}  // namespace meshflow::query
