// Searches over a real store, while its spans are in memory and once they are in DuckDB: the same answers.
#include "query/trace_search.hpp"

#include <cmath>

#include "query/dependencies.hpp"
#include "query/jaeger_search.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::query {
namespace {

using store::test::kStart;
using store::test::make_span;
using store::test::request_of;
using store::test::trace_id;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kMillisecond = 1'000'000;

otlp::KeyValue attribute(std::string key, otlp::AnyValue::Variant value) {
  return {std::move(key), {std::move(value)}};
}
Condition compare(std::string key, Comparison comparison, Literal literal,
                  AttributeScope scope = AttributeScope::span) {
  return {CompareAttribute{{scope, std::move(key)}, comparison, std::move(literal)}};
}
Condition reads_as(std::string key, std::string text, AttributeScope scope = AttributeScope::any) {
  return {ReadsAs{{scope, std::move(key)}, std::move(text)}};
}
Number number(const char* text) { return parse_number(text).value(); }

std::string where_name(const ::testing::TestParamInfo<bool>& where) { return where.param ? "InDuckDb" : "InMemory"; }

class TraceSearchTest : public store::test::StoreTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { open(); }
  // To DuckDB where this run of the tests asks for it.
  void settle() {
    if (!GetParam()) return;
    ASSERT_TRUE(store_->flush());
  }
  std::vector<FoundTrace> find(Condition condition, std::size_t traces_max = 20, store::TimeRange range = {}) {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    auto found = find_traces(*snapshot, {std::move(condition), range, traces_max});
    EXPECT_TRUE(found) << found.error().text();
    return found ? std::move(*found) : std::vector<FoundTrace>{};
  }
  std::vector<otlp::TraceId> ids(Condition condition, std::size_t traces_max = 20, store::TimeRange range = {}) {
    std::vector<otlp::TraceId> ids;
    for (const FoundTrace& each : find(std::move(condition), traces_max, range)) ids.push_back(each.trace_id);
    return ids;
  }
  bool fits(Condition condition) { return !find(std::move(condition)).empty(); }
  std::vector<otlp::TraceId> search(JaegerQuery query) {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    auto found = find_jaeger_traces(*snapshot, query);
    EXPECT_TRUE(found) << found.error().text();
    std::vector<otlp::TraceId> ids;
    if (found) {
      for (const FoundTrace& each : *found) ids.push_back(each.trace_id);
    }
    return ids;
  }
  std::vector<otlp::TraceId> search_tag(const char* key, const char* value) {
    JaegerQuery query;
    query.tags = parse_jaeger_tags({}, {std::string("{\"") + key + "\":\"" + value + "\"}"}).value().tags;
    return search(std::move(query));
  }
};
INSTANTIATE_TEST_SUITE_P(Where, TraceSearchTest, ::testing::Bool(), where_name);

TEST_P(TraceSearchTest, TheNewestComeFirst) {
  std::vector<otlp::Span> spans;
  for (const std::uint64_t trace : {3, 1, 2}) spans.push_back(make_span(trace, trace));
  keep(request_of(spans));
  settle();
  EXPECT_THAT(ids({AllOf{}}), ElementsAre(trace_id(3), trace_id(2), trace_id(1)));
  EXPECT_THAT(ids({AllOf{}}, 2), ElementsAre(trace_id(3), trace_id(2)));
  EXPECT_EQ(find({AllOf{}}, 1).front().start, kStart + 3 * kMillisecond);
  EXPECT_THAT(ids({AllOf{}}, 0), IsEmpty());
}

TEST_P(TraceSearchTest, TracesThatStartTogetherAreInTheOrderOfTheirIds) {
  std::vector<otlp::Span> spans;
  for (const std::uint64_t trace : {5, 4, 6}) {
    otlp::Span span = make_span(trace, trace);
    span.start_time_unix_nano = kStart;
    spans.push_back(span);
  }
  keep(request_of(spans));
  settle();
  EXPECT_THAT(ids({AllOf{}}), ElementsAre(trace_id(4), trace_id(5), trace_id(6)));
  EXPECT_THAT(ids({AllOf{}}, 2), ElementsAre(trace_id(4), trace_id(5)));
}

TEST_P(TraceSearchTest, ATraceWithManySpansThatFitHidesNoOther) {
  std::vector<otlp::Span> spans{make_span(1, 1), make_span(2, 2)};
  for (std::uint64_t i = 10; i < 500; ++i) spans.push_back(make_span(3, i));
  keep(request_of(spans));
  settle();
  EXPECT_THAT(ids({AllOf{}}, 3), ElementsAre(trace_id(3), trace_id(2), trace_id(1)));
}

TEST_P(TraceSearchTest, ATraceIsAsNewAsItsNewestSpanThatFits) {
  otlp::Span old_match = make_span(1, 1, "match");
  otlp::Span newest = make_span(1, 9, "other");
  otlp::Span match = make_span(2, 5, "match");
  keep(request_of({old_match, newest, match}));
  settle();
  const Condition is_match{CompareIntrinsic{Intrinsic::name, Comparison::equal, std::string("match")}};
  EXPECT_THAT(ids(is_match), ElementsAre(trace_id(2), trace_id(1)));
}

TEST_P(TraceSearchTest, SpansOfManyYearsAreFoundInOrder) {
  constexpr std::uint64_t kYear = 365ULL * 24 * 3'600 * 1'000'000'000;
  std::vector<otlp::Span> spans;
  for (std::uint64_t year = 0; year < 40; ++year) {
    otlp::Span span = make_span(year + 1, year + 1);
    span.start_time_unix_nano = kStart - 1'000 + year * kYear;
    spans.push_back(span);
  }
  keep(request_of(spans));
  settle();
  const auto found = ids({AllOf{}}, 40);
  ASSERT_EQ(found.size(), 40u);
  EXPECT_EQ(found.front(), trace_id(40));
  EXPECT_EQ(found.back(), trace_id(1));
}

TEST_P(TraceSearchTest, TheRangeIsOfTheSpanThatFits) {
  keep(request_of({make_span(1, 1), make_span(2, 2), make_span(3, 3)}));
  settle();
  const store::TimeRange second{kStart + 2 * kMillisecond, kStart + 2 * kMillisecond};
  EXPECT_THAT(ids({AllOf{}}, 20, second), ElementsAre(trace_id(2)));
  EXPECT_THAT(ids({AllOf{}}, 20, {kStart + 4 * kMillisecond, UINT64_MAX}), IsEmpty());
  EXPECT_THAT(ids({AllOf{}}, 20, {5, 1}), IsEmpty());
}

// One span with an attribute of every type, under keys with columns and without.
class ConditionTest : public TraceSearchTest {
 protected:
  void SetUp() override {
    TraceSearchTest::SetUp();
    otlp::Span span = make_span(1, 1, "work");
    span.kind = otlp::SpanKind::client;
    span.status = {"no luck", otlp::StatusCode::error};
    span.attributes = {attribute("meshflow.verdict", std::string("blocked")),
                       attribute("meshflow.tokens", std::int64_t{634}),
                       attribute("meshflow.cost_usd", 0.1 + 0.2),
                       attribute("meshflow.uncertainty", std::nan("")),
                       attribute("meshflow.role", std::int64_t{7}),  // not the type of its column
                       attribute("http.response.status_code", std::string("500")),
                       attribute("text", std::string("words")),
                       attribute("large", std::int64_t{9'007'199'254'740'993}),
                       attribute("real", 1.0 / 3),
                       attribute("flag", true),
                       attribute("bytes", otlp::Bytes{"\x01\x02"}),
                       attribute("list", otlp::ArrayValue{{std::int64_t{1}}, {std::string("a")}})};
    otlp::Event event;
    event.name = "retry";
    event.attributes = {attribute("attempt", std::int64_t{3}), attribute("third", 1.0 / 3)};
    otlp::Event named_by_itself;
    named_by_itself.name = "hidden";
    named_by_itself.attributes = {attribute("event", std::string("shown"))};
    span.events = {event, named_by_itself};
    otlp::TracesData request = request_of({span}, "shop");
    request.resource_spans[0].resource.attributes.push_back(attribute("host.name", std::string("h1")));
    request.resource_spans[0].resource.attributes.push_back(attribute("cores", std::int64_t{8}));
    keep(request);
    settle();
  }
};
INSTANTIATE_TEST_SUITE_P(Where, ConditionTest, ::testing::Bool(), where_name);

TEST_P(ConditionTest, TextComparesWithText) {
  EXPECT_TRUE(fits(compare("meshflow.verdict", Comparison::equal, "blocked")));
  EXPECT_FALSE(fits(compare("meshflow.verdict", Comparison::not_equal, "blocked")));
  EXPECT_TRUE(fits(compare("text", Comparison::equal, "words")));
  EXPECT_TRUE(fits(compare("text", Comparison::greater, "vords")));
  EXPECT_FALSE(fits(compare("text", Comparison::equal, "Words")));
  EXPECT_FALSE(fits(compare("missing", Comparison::not_equal, "words")));
  EXPECT_FALSE(fits(compare("large", Comparison::equal, "9007199254740993")));
}

TEST_P(ConditionTest, NumbersCompareWithNumbersOfEitherType) {
  EXPECT_TRUE(fits(compare("meshflow.tokens", Comparison::greater, number("633.5"))));
  EXPECT_FALSE(fits(compare("meshflow.tokens", Comparison::greater, number("634"))));
  EXPECT_TRUE(fits(compare("meshflow.role", Comparison::equal, number("7"))));
  EXPECT_TRUE(fits(compare("large", Comparison::greater, number("9007199254740992"))));
  EXPECT_TRUE(fits(compare("real", Comparison::less, number("0.34"))));
  EXPECT_TRUE(fits(compare("real", Comparison::greater, number("0"))));
  EXPECT_FALSE(fits(compare("text", Comparison::greater, number("0"))));
  EXPECT_FALSE(fits(compare("meshflow.uncertainty", Comparison::greater, number("0.5"))));
  EXPECT_FALSE(fits(compare("missing", Comparison::not_equal, number("0"))));
}

TEST_P(ConditionTest, MoneyComparesInBillionths) {
  EXPECT_TRUE(fits(compare("meshflow.cost_usd", Comparison::equal, number("0.3"))));
  EXPECT_FALSE(fits(compare("meshflow.cost_usd", Comparison::greater, number("0.3"))));
  EXPECT_TRUE(fits(compare("meshflow.cost_usd", Comparison::greater_equal, number("0.3"))));
  EXPECT_TRUE(fits(compare("meshflow.cost_usd", Comparison::greater, number("0.2999999999"))));
  EXPECT_TRUE(fits(compare("meshflow.cost_usd", Comparison::less, number("0.3000000001"))));
  EXPECT_FALSE(fits(compare("meshflow.cost_usd", Comparison::equal, number("0.3000000001"))));
}

TEST_P(ConditionTest, FlagsCompareWithFlags) {
  EXPECT_TRUE(fits(compare("flag", Comparison::equal, true)));
  EXPECT_FALSE(fits(compare("flag", Comparison::equal, false)));
  EXPECT_FALSE(fits(compare("text", Comparison::equal, true)));
}

TEST_P(ConditionTest, ValuesOfAnyTypeReadAsJaegerPrintsThem) {
  EXPECT_TRUE(fits(reads_as("meshflow.verdict", "blocked")));
  EXPECT_TRUE(fits(reads_as("meshflow.tokens", "634")));
  EXPECT_FALSE(fits(reads_as("meshflow.tokens", "0634")));
  EXPECT_TRUE(fits(reads_as("meshflow.role", "7")));
  EXPECT_TRUE(fits(reads_as("http.response.status_code", "500")));
  EXPECT_TRUE(fits(reads_as("meshflow.cost_usd", "0.3")));  // 0.30000000000000004 in ten digits
  EXPECT_TRUE(fits(reads_as("large", "9007199254740993")));
  EXPECT_TRUE(fits(reads_as("real", "0.3333333333")));
  EXPECT_TRUE(fits(reads_as("flag", "true")));
  EXPECT_TRUE(fits(reads_as("bytes", "AQI=")));
  EXPECT_TRUE(fits(reads_as("list", "[1,\"a\"]")));
  EXPECT_FALSE(fits(reads_as("missing", "")));
}

TEST_P(ConditionTest, ResourcesAndEventsAreLookedAtToo) {
  EXPECT_TRUE(fits(reads_as("host.name", "h1")));
  EXPECT_FALSE(fits(reads_as("host.name", "h1", AttributeScope::span)));
  EXPECT_FALSE(fits(reads_as("text", "words", AttributeScope::resource)));
  EXPECT_TRUE(fits(compare("cores", Comparison::greater, number("4"), AttributeScope::any)));
  EXPECT_TRUE(fits({EventReadsAs{"attempt", "3"}}));
  EXPECT_TRUE(fits({EventReadsAs{"third", "0.3333333333"}}));
  EXPECT_TRUE(fits({EventReadsAs{"event", "retry"}}));
  EXPECT_TRUE(fits({EventReadsAs{"event", "shown"}}));
  EXPECT_FALSE(fits({EventReadsAs{"event", "hidden"}}));
  EXPECT_FALSE(fits({EventReadsAs{"attempt", "4"}}));
  EXPECT_FALSE(fits({EventReadsAs{"text", "words"}}));
}

TEST_P(ConditionTest, WhatEverySpanHasCompares) {
  const auto intrinsic = [](Intrinsic what, Comparison comparison, Literal literal) {
    return Condition{CompareIntrinsic{what, comparison, std::move(literal)}};
  };
  EXPECT_TRUE(fits(intrinsic(Intrinsic::name, Comparison::equal, "work")));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::service, Comparison::equal, "shop")));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::service, Comparison::not_equal, "web")));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::kind, Comparison::equal, number("3"))));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::status, Comparison::equal, number("2"))));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::status_message, Comparison::equal, "no luck")));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::duration, Comparison::equal, number("5000000"))));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::duration, Comparison::less, number("5000000.5"))));
  EXPECT_FALSE(fits(intrinsic(Intrinsic::duration, Comparison::greater, number("5000000"))));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::parent_id, Comparison::equal, std::uint64_t{0})));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::span_id, Comparison::equal, std::uint64_t{1})));
  EXPECT_TRUE(fits(intrinsic(Intrinsic::trace_id, Comparison::equal, number_of(trace_id(1)))));
  EXPECT_FALSE(fits(intrinsic(Intrinsic::trace_id, Comparison::equal, number_of(trace_id(2)))));
}

TEST_P(ConditionTest, ExistenceAndNegationKnowWhatIsMissing) {
  for (const char* key : {"meshflow.verdict", "meshflow.role", "text", "flag", "bytes"}) {
    EXPECT_TRUE(fits({HasAttribute{{AttributeScope::span, key}}})) << key;
    EXPECT_FALSE(fits({NoneOf{{{HasAttribute{{AttributeScope::span, key}}}}}})) << key;
  }
  EXPECT_TRUE(fits({HasAttribute{{AttributeScope::any, "host.name"}}}));
  EXPECT_FALSE(fits({HasAttribute{{AttributeScope::span, "missing"}}}));
  EXPECT_TRUE(fits({NoneOf{{compare("missing", Comparison::equal, "x")}}}));
}

// ---- searches -------------------------------------------------------------------------------------------------------

TEST_P(TraceSearchTest, ARunIdAndATraceIdAreLookedUp) {
  otlp::Span mine = make_span(1, 1);
  mine.attributes = {attribute("meshflow.run_id", std::string("run_1"))};
  otlp::Span other = make_span(2, 2);
  other.attributes = {attribute("meshflow.run_id", std::string("run_2")), attribute("run_id", std::string("batch"))};
  keep(request_of({mine, other}));
  settle();
  EXPECT_THAT(search_tag("meshflow.run_id", "run_1"), ElementsAre(trace_id(1)));
  EXPECT_THAT(search_tag("run_id", "run_1"), ElementsAre(trace_id(1)));
  EXPECT_THAT(search_tag("run_id", "batch"), ElementsAre(trace_id(2)));
  EXPECT_THAT(search_tag("meshflow.run_id", "run_3"), IsEmpty());
  const std::string first_trace = "4a000000000000000000000000000001";
  EXPECT_THAT(search_tag("meshflow.trace_id", first_trace.c_str()), ElementsAre(trace_id(1)));
  EXPECT_THAT(search_tag("trace_id", first_trace.c_str()), ElementsAre(trace_id(1)));
  EXPECT_THAT(search_tag("trace_id", "4a00000000000000000000000000000f"), IsEmpty());
  JaegerQuery both;
  both.tags = parse_jaeger_tags({"meshflow.run_id:run_1"}, {}).value().tags;
  both.operation = "something else";
  EXPECT_THAT(search(both), IsEmpty());
}

TEST_P(TraceSearchTest, ShortNamesStandForTheLessonsUnlessThereIsOneOfThatName) {
  otlp::Span lesson = make_span(1, 1);
  lesson.attributes = {attribute("meshflow.verdict", std::string("blocked"))};
  otlp::Span real = make_span(2, 2);
  real.attributes = {attribute("verdict", std::string("blocked"))};
  otlp::Span overridden = make_span(3, 3);
  overridden.attributes = {attribute("meshflow.verdict", std::string("blocked")),
                           attribute("verdict", std::string("allowed"))};
  keep(request_of({lesson, real, overridden}));
  settle();
  EXPECT_THAT(search_tag("verdict", "blocked"), ElementsAre(trace_id(2), trace_id(1)));
  EXPECT_THAT(search_tag("meshflow.verdict", "blocked"), ElementsAre(trace_id(3), trace_id(1)));
  EXPECT_THAT(search_tag("verdict", "allowed"), ElementsAre(trace_id(3)));
}

// The lesson's exercise 4: runs over one cent.
TEST_P(TraceSearchTest, CostsAreFoundOfAnySpanAndOfRunSpans) {
  otlp::Span cheap_run = make_span(1, 1, "meshflow.run");
  cheap_run.attributes = {attribute("meshflow.cost_usd", 0.01)};
  otlp::Span agent = make_span(2, 2, "meshflow.agent");
  agent.attributes = {attribute("meshflow.cost_usd", 0.02)};
  otlp::Span dear_run = make_span(3, 3, "meshflow.run");
  dear_run.attributes = {attribute("meshflow.cost_usd", 0.010000001)};
  keep(request_of({cheap_run, agent, dear_run}, "meshflow"));
  settle();
  EXPECT_THAT(search_tag("cost_usd", "> 0.01"), ElementsAre(trace_id(3), trace_id(2)));
  EXPECT_THAT(search_tag("run_cost_usd", ">0.01"), ElementsAre(trace_id(3)));
  JaegerQuery as_the_lesson_says;
  as_the_lesson_says.service = "meshflow";
  as_the_lesson_says.operation = "meshflow.run";
  as_the_lesson_says.tags = parse_jaeger_tags({}, {R"({"cost_usd":"true",">":"true","0.01":"true"})"}).value().tags;
  EXPECT_THAT(search(as_the_lesson_says), ElementsAre(trace_id(3)));
}

TEST_P(TraceSearchTest, OneSpanMustFitAllThatIsAsked) {
  otlp::Span a = make_span(1, 1);
  a.attributes = {attribute("x", std::string("1"))};
  otlp::Span b = make_span(1, 2);
  b.attributes = {attribute("y", std::string("1"))};
  keep(request_of({a, b}));
  settle();
  JaegerQuery query;
  query.tags = parse_jaeger_tags({"x:1", "y:1"}, {}).value().tags;
  EXPECT_THAT(search(query), IsEmpty());
  EXPECT_THAT(search_tag("x", "1"), ElementsAre(trace_id(1)));
}

TEST_P(TraceSearchTest, JaegersOwnTagsAreFound) {
  otlp::Span failed = make_span(1, 1);
  failed.status = {"why", otlp::StatusCode::error};
  otlp::Span fine = make_span(2, 2);
  fine.status.code = otlp::StatusCode::ok;
  fine.kind = otlp::SpanKind::server;
  otlp::Span marked = make_span(3, 3);
  marked.attributes = {attribute("error", std::string("true"))};
  keep(request_of({failed, fine, marked}));
  settle();
  EXPECT_THAT(search_tag("error", "true"), ElementsAre(trace_id(3), trace_id(1)));
  EXPECT_THAT(search_tag("error", "false"), ElementsAre(trace_id(2)));
  EXPECT_THAT(search_tag("span.kind", "server"), ElementsAre(trace_id(2)));
  EXPECT_THAT(search_tag("otel.status_code", "ERROR"), ElementsAre(trace_id(1)));
  EXPECT_THAT(search_tag("otel.status_description", "why"), ElementsAre(trace_id(1)));
}

TEST_P(TraceSearchTest, DurationsAndServicesNarrow) {
  otlp::Span quick = make_span(1, 1);
  otlp::Span slow = make_span(2, 2);
  slow.end_time_unix_nano = slow.start_time_unix_nano + 2'000'000'000;
  keep(request_of({quick, slow}, "a"));
  keep(request_of({make_span(3, 3)}, "b"));
  settle();
  JaegerQuery query;
  query.service = "a";
  EXPECT_THAT(search(query), ElementsAre(trace_id(2), trace_id(1)));
  query.duration_min = 2'000'000'000;
  EXPECT_THAT(search(query), ElementsAre(trace_id(2)));
  query.duration_min.reset();
  query.duration_max = 5'000'000;
  EXPECT_THAT(search(query), ElementsAre(trace_id(1)));
}

TEST_P(TraceSearchTest, SpansWithoutAServiceAreFoundUnderJaegersNameForThem) {
  otlp::TracesData none = request_of({make_span(1, 1)});
  none.resource_spans[0].resource.attributes.clear();
  otlp::TracesData other = request_of({make_span(2, 2)});
  other.resource_spans[0].resource.attributes = {attribute("a", std::string("b"))};
  keep(none);
  keep(other);
  settle();
  JaegerQuery query;
  query.service = "OTLPResourceNoServiceName";
  EXPECT_THAT(search(query), ElementsAre(trace_id(1)));
  query.service = "empty-service-name";
  EXPECT_THAT(search(query), ElementsAre(trace_id(2)));
}

TEST_P(TraceSearchTest, WhatIsBothInMemoryAndInDuckDbIsOneList) {
  keep(request_of({make_span(1, 1), make_span(2, 4)}));
  ASSERT_TRUE(store_->flush());
  keep(request_of({make_span(3, 2), make_span(4, 3), make_span(1, 5)}));
  EXPECT_THAT(ids({AllOf{}}), ElementsAre(trace_id(1), trace_id(2), trace_id(4), trace_id(3)));
  EXPECT_THAT(ids({AllOf{}}, 3), ElementsAre(trace_id(1), trace_id(2), trace_id(4)));
}

TEST_P(TraceSearchTest, ASearchThatTakesTooLongEnds) {
  keep(request_of({make_span(1, 1)}));
  settle();
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  store::QueryLimits limits;
  limits.time_max = std::chrono::milliseconds(0);
  EXPECT_EQ(find_traces(*snapshot, {}, limits).error().code, ErrorCode::timeout);
}

TEST_P(TraceSearchTest, DependenciesCountCallsBetweenServices) {
  otlp::Span root = make_span(1, 1);
  otlp::Span call = make_span(1, 2);
  call.parent_span_id = root.span_id;
  otlp::Span again = make_span(1, 3);
  again.parent_span_id = root.span_id;
  otlp::Span within = make_span(1, 4);
  within.parent_span_id = again.span_id;
  otlp::Span orphan = make_span(1, 5);
  orphan.parent_span_id = store::test::span_id(99);
  keep(request_of({root}, "web"));
  keep(request_of({call, again, within, orphan}, "db"));
  settle();
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto found = find_dependencies(*snapshot, {kStart, kStart + 1'000 * kMillisecond});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_THAT(*found, ElementsAre(Dependency{"web", "db", 2}));
  EXPECT_THAT(*find_dependencies(*snapshot, {0, 1}), IsEmpty());
}

}  // namespace
}  // namespace meshflow::query
