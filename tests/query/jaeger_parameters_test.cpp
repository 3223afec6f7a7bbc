#include <gmock/gmock.h>

#include "query/jaeger_search.hpp"

namespace meshflow::query {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000'000'000;  // 2023-11-14T22:13:20Z
constexpr std::int64_t kHour = 3'600'000'000'000;

Parameters with_service(Parameters parameters) {
  parameters.insert(parameters.begin(), {"service", "s"});
  return parameters;
}
JaegerQuery parse(Parameters parameters) {
  auto query = parse_jaeger_query(with_service(std::move(parameters)), kNow);
  if (!query) throw std::runtime_error(query.error().text());
  return std::move(*query);
}
std::string error_of(Parameters parameters) {
  const auto query = parse_jaeger_query(with_service(std::move(parameters)), kNow);
  return query ? "" : query.error().message;
}

TEST(JaegerParameters, DefaultsAreJaegers) {
  const JaegerQuery query = parse({});
  EXPECT_EQ(query.service, "s");
  EXPECT_EQ(query.traces_max, 100u);
  EXPECT_EQ(query.range.to, static_cast<std::uint64_t>(kNow));
  EXPECT_EQ(query.range.from, static_cast<std::uint64_t>(kNow - 48 * kHour));
  EXPECT_FALSE(query.duration_min);
}

TEST(JaegerParameters, TimesAreMicroseconds) {
  const JaegerQuery query = parse({{"start", "1699999999000001"}, {"end", "1700000000000000"}});
  EXPECT_EQ(query.range.from, 1'699'999'999'000'001'000u);
  EXPECT_EQ(query.range.to, 1'700'000'000'000'000'000u);
}

TEST(JaegerParameters, LookbackCountsWhereThereIsNoStart) {
  EXPECT_EQ(parse({{"lookback", "1h"}}).range.from, static_cast<std::uint64_t>(kNow - kHour));
  EXPECT_EQ(parse({{"lookback", "2d"}}).range.from, static_cast<std::uint64_t>(kNow - 48 * kHour));
  EXPECT_EQ(parse({{"lookback", "custom"}}).range.from, static_cast<std::uint64_t>(kNow - 48 * kHour));
  EXPECT_EQ(parse({{"lookback", "1h"}, {"start", "1"}}).range.from, 1'000u);
}

TEST(JaegerParameters, TheFieldMayNameServiceOperationAndLookback) {
  const auto query = parse_jaeger_query(
      {{"tags", R"({"service:":"true","meshflow":"true","lookback:":"true","1h":"true"})"}, {"start", "1"}}, kNow);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->service, "meshflow");
  EXPECT_EQ(query->range.from, static_cast<std::uint64_t>(kNow - kHour));
}

TEST(JaegerParameters, DurationsAreGos) {
  const JaegerQuery query = parse({{"minDuration", "1.5ms"}, {"maxDuration", "2s"}});
  EXPECT_EQ(query.duration_min, 1'500'000);
  EXPECT_EQ(query.duration_max, 2'000'000'000);
  EXPECT_FALSE(parse({{"minDuration", "0s"}}).duration_min);
}

// cmd/query/app/query_parser.go of Jaeger 1.48, and what Go's strconv and time say.
TEST(JaegerParameters, ErrorsAreWordedAsJaegers) {
  EXPECT_EQ(parse_jaeger_query({}, kNow).error().message, "parameter 'service' is required");
  EXPECT_EQ(error_of({{"start", "x"}}),
            "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax");
  EXPECT_EQ(error_of({{"end", "99999999999999999999"}}),
            "unable to parse param 'end': strconv.ParseInt: parsing \"99999999999999999999\": value out of range");
  EXPECT_EQ(error_of({{"limit", "ten"}}), "strconv.ParseInt: parsing \"ten\": invalid syntax");
  EXPECT_EQ(error_of({{"minDuration", "10"}}),
            "unable to parse param 'minDuration': time: missing unit in duration \"10\"");
  EXPECT_EQ(error_of({{"maxDuration", "fast"}}),
            "unable to parse param 'maxDuration': time: invalid duration \"fast\"");
  EXPECT_EQ(error_of({{"minDuration", "2s"}, {"maxDuration", "1s"}}),
            "'maxDuration' should be greater than 'minDuration'");
  EXPECT_EQ(error_of({{"traceID", "xyz"}}),
            "cannot parse traceID param: strconv.ParseUint: parsing \"xyz\": invalid syntax");
}

TEST(JaegerParameters, NoLimitIsOurs) {
  EXPECT_EQ(parse({{"limit", "0"}}).traces_max, kTracesMax);
  EXPECT_EQ(parse({{"limit", "-1"}}).traces_max, kTracesMax);
  EXPECT_EQ(parse({{"limit", "20"}}).traces_max, 20u);
  EXPECT_EQ(error_of({{"limit", "10001"}}), "parameter 'limit' may be at most 10000");
}

TEST(JaegerParameters, TraceIdsNeedNoService) {
  const auto query = parse_jaeger_query({{"traceID", "a"}, {"traceID", "0000000000000001000000000000000B"}}, kNow);
  ASSERT_TRUE(query);
  ASSERT_EQ(query->trace_ids.size(), 2u);
  EXPECT_EQ(jaeger_trace_id(query->trace_ids[0]), "000000000000000a");
  EXPECT_EQ(jaeger_trace_id(query->trace_ids[1]), "0000000000000001000000000000000b");
}

// model.TraceIDFromString of Jaeger 1.48.
TEST(JaegerTraceId, ErrorsAreWordedAsJaegers) {
  EXPECT_EQ(parse_jaeger_trace_id("").error().message, "strconv.ParseUint: parsing \"\": invalid syntax");
  EXPECT_EQ(parse_jaeger_trace_id(std::string(33, 'a')).error().message,
            "TraceID cannot be longer than 32 hex characters: " + std::string(33, 'a'));
  EXPECT_EQ(parse_jaeger_trace_id("g0000000000000001").error().message,
            "strconv.ParseUint: parsing \"g\": invalid syntax");
  EXPECT_EQ(parse_jaeger_trace_id("1000000000000000g").error().message,
            "strconv.ParseUint: parsing \"000000000000000g\": invalid syntax");
}

TEST(JaegerTraceId, Base64IsReadWhereAsked) {
  // The bytes 00 … 0f.
  const auto id = parse_jaeger_trace_id("AAECAwQFBgcICQoLDA0ODw==", true);
  ASSERT_TRUE(id);
  EXPECT_EQ(jaeger_trace_id(*id), "000102030405060708090a0b0c0d0e0f");
  EXPECT_FALSE(parse_jaeger_trace_id("AAECAwQFBgcICQoLDA0ODw==", false));
}

TEST(Rfc3339, ReadsWhatItDefines) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2023-11-14T22:13:20Z"), kNow);
  EXPECT_EQ(parse_rfc3339("2023-11-14T23:13:20.000000001+01:00"), kNow + 1);
  EXPECT_EQ(parse_rfc3339("2023-11-14T17:43:20.5-04:30"), kNow + 500'000'000);
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), 1'709'164'800'000'000'000);
}

TEST(Rfc3339, RefusesAllElse) {
  for (const char* text :
       {"", "2023-11-14", "2023-11-14T22:13:20", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-11-31T00:00:00Z",
        "2023-11-14T24:00:00Z", "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20+0100", "1969-12-31T23:59:59Z",
        "2262-01-01T00:00:00Z", "2023-11-14T22:13:20Zx", "20230-11-14T22:13:20Z", "1970-01-01T00:00:00+01:00"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

JaegerQuery parse_v3(Parameters parameters) {
  parameters.insert(parameters.end(),
                    {{"query.startTimeMin", "2023-11-14T22:13:20Z"}, {"query.startTimeMax", "2023-11-14T22:13:21Z"}});
  auto query = parse_jaeger_v3_query(parameters);
  if (!query) throw std::runtime_error(query.error().text());
  return std::move(*query);
}

TEST(JaegerV3Parameters, BothSpellingsAreRead) {
  const JaegerQuery camel = parse_v3({{"query.serviceName", "s"},
                                      {"query.operationName", "o"},
                                      {"query.searchDepth", "7"},
                                      {"query.durationMin", "1ms"},
                                      {"query.durationMax", "1s"},
                                      {"query.attributes", R"({"a":"b"})"},
                                      {"query.rawTraces", "true"}});
  EXPECT_EQ(camel.service, "s");
  EXPECT_EQ(camel.operation, "o");
  EXPECT_EQ(camel.traces_max, 7u);
  EXPECT_EQ(camel.duration_min, 1'000'000);
  EXPECT_EQ(camel.duration_max, 1'000'000'000);
  EXPECT_EQ(camel.tags.size(), 1u);
  EXPECT_TRUE(camel.is_raw);
  EXPECT_EQ(camel.range.from, static_cast<std::uint64_t>(kNow));
  EXPECT_EQ(camel.range.to, static_cast<std::uint64_t>(kNow) + 1'000'000'000u);
  const JaegerQuery snake = parse_v3({{"query.service_name", "s"},
                                      {"query.operation_name", "o"},
                                      {"query.search_depth", "7"},
                                      {"query.duration_min", "1ms"},
                                      {"query.raw_traces", "1"}});
  EXPECT_EQ(snake.service, "s");
  EXPECT_EQ(snake.traces_max, 7u);
  EXPECT_EQ(parse_v3({{"query.num_traces", "3"}}).traces_max, 3u);
  EXPECT_TRUE(parse_v3({}).service.empty());
}

// apiv3/query_parser.go of Jaeger 2.20.
TEST(JaegerV3Parameters, ErrorsAreWordedAsJaegers) {
  EXPECT_EQ(parse_jaeger_v3_query({}).error().message, "query.startTimeMin and query.startTimeMax are required");
  const auto error_of = [](Parameters parameters) { return parse_jaeger_v3_query(parameters).error().message; };
  EXPECT_EQ(error_of({{"query.startTimeMin", "2023-11-14T22:13:20Z"}, {"query.startTimeMax", "2023-11-14T22:13:20Z"}}),
            "query.startTimeMin must be before query.startTimeMax");
  EXPECT_THAT(error_of({{"query.start_time_min", "now"}, {"query.startTimeMax", "2023-11-14T22:13:20Z"}}),
              ::testing::StartsWith("malformed parameter query.start_time_min: "));
  const Parameters range{{"query.startTimeMin", "2023-11-14T22:13:20Z"},
                         {"query.startTimeMax", "2023-11-14T22:13:21Z"}};
  Parameters depth = range;
  depth.emplace_back("query.searchDepth", "many");
  EXPECT_THAT(error_of(depth), ::testing::StartsWith("malformed parameter query.searchDepth: "));
  Parameters duration = range;
  duration.emplace_back("query.durationMin", "5");
  EXPECT_EQ(error_of(duration), "malformed parameter query.durationMin: time: missing unit in duration \"5\"");
}

// ---- what is searched for -------------------------------------------------------------------------------------------

Condition only_tag(const char* key, const char* text) {
  JaegerQuery query;
  query.tags.push_back({key, text, {}, {}});
  return std::get<AllOf>(searches_of(query).back().condition.value).of.front();
}
Condition reads_as(AttributeScope scope, const char* key, const char* text) { return {ReadsAs{{scope, key}, text}}; }

TEST(JaegerSearch, ATagIsTheSpansItsResourcesOrAnEvents) {
  EXPECT_EQ(only_tag("k", "v"),
            (Condition{AnyOf{{reads_as(AttributeScope::any, "k", "v"), {EventReadsAs{"k", "v"}}}}}));
}

TEST(JaegerSearch, ErrorIsAlsoTheStatus) {
  EXPECT_EQ(only_tag("error", "true"),
            (Condition{AnyOf{{{CompareIntrinsic{Intrinsic::status, Comparison::equal, number_of(2)}},
                              reads_as(AttributeScope::any, "error", "true"),
                              {EventReadsAs{"error", "true"}}}}}));
}

TEST(JaegerSearch, SpanKindIsAlsoTheKind) {
  EXPECT_EQ(only_tag("span.kind", "server"),
            (Condition{AnyOf{{{CompareIntrinsic{Intrinsic::kind, Comparison::equal, number_of(2)}},
                              reads_as(AttributeScope::any, "span.kind", "server"),
                              {EventReadsAs{"span.kind", "server"}}}}}));
}

TEST(JaegerSearch, AShortNameStandsForTheLessonsUnlessTheSpanHasOneOfThatVeryName) {
  const Condition real{
      AnyOf{{reads_as(AttributeScope::any, "verdict", "blocked"), {EventReadsAs{"verdict", "blocked"}}}}};
  const Condition in_full{AnyOf{
      {reads_as(AttributeScope::any, "meshflow.verdict", "blocked"), {EventReadsAs{"meshflow.verdict", "blocked"}}}}};
  const Condition has_none{NoneOf{{{HasAttribute{{AttributeScope::span, "verdict"}}}}}};
  EXPECT_EQ(only_tag("verdict", "blocked"), (Condition{AnyOf{{{AllOf{{in_full, has_none}}}, real}}}));
}

TEST(JaegerSearch, RunCostIsTheCostOfRunSpans) {
  JaegerQuery query;
  query.tags.push_back({"run_cost_usd", "", Comparison::greater, parse_number("0.01").value()});
  const Condition cost{
      CompareAttribute{{AttributeScope::any, "meshflow.cost_usd"}, Comparison::greater, parse_number("0.01").value()}};
  const Condition is_run{CompareIntrinsic{Intrinsic::name, Comparison::equal, std::string("meshflow.run")}};
  const auto searches = searches_of(query);
  const auto& any = std::get<AnyOf>(std::get<AllOf>(searches.back().condition.value).of.front().value);
  const auto& in_full = std::get<AllOf>(any.of.front().value);
  EXPECT_EQ(in_full.of[0], is_run);
  EXPECT_EQ(in_full.of[1], cost);
}

TEST(JaegerSearch, ARunIdIsLookedUpInTheIndexFirst) {
  JaegerQuery query;
  query.tags.push_back({"run_id", "run_1", {}, {}});
  const auto searches = searches_of(query);
  ASSERT_EQ(searches.size(), 2u);
  EXPECT_EQ(std::get<AllOf>(searches[0].condition.value).of.front(),
            (Condition{
                CompareAttribute{{AttributeScope::span, "meshflow.run_id"}, Comparison::equal, std::string("run_1")}}));
}

}  // namespace
}  // namespace meshflow::query
