// TraceQL searches over a real store, while its spans are in memory and once they are in DuckDB: the same answers.
#include "query/traceql/search.hpp"

#include <cmath>

#include "query/traceql/parser.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::query::traceql {
namespace {

using store::test::kStart;
using store::test::make_span;
using store::test::request_of;
using store::test::span_id;
using store::test::trace_id;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kMillisecond = 1'000'000;

std::string where_name(const ::testing::TestParamInfo<bool>& where) { return where.param ? "InDuckDb" : "InMemory"; }

class TraceqlSearchTest : public store::test::StoreTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { open(); }
  void settle() {
    if (!GetParam()) return;
    ASSERT_TRUE(store_->flush());
  }
  Result<SearchResult> ask(const std::string& text, const SearchOptions& options = {}) {
    auto query = parse(text);
    EXPECT_TRUE(query) << query.error().text();
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    return search(*snapshot, std::get<Pipeline>(query->of), options);
  }
  std::vector<FoundTrace> find(const std::string& text, const SearchOptions& options = {}) {
    auto found = ask(text, options);
    EXPECT_TRUE(found) << found.error().text();
    return found ? std::move(found->traces) : std::vector<FoundTrace>{};
  }
  std::vector<otlp::TraceId> ids(const std::string& text, const SearchOptions& options = {}) {
    std::vector<otlp::TraceId> found;
    for (const FoundTrace& each : find(text, options)) found.push_back(each.trace_id);
    return found;
  }
  static otlp::Span with(std::uint64_t trace, std::uint64_t span, std::string key, otlp::AnyValue::Variant value) {
    otlp::Span made = make_span(trace, span);
    made.attributes = {{std::move(key), {std::move(value)}}};
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(Where, TraceqlSearchTest, ::testing::Bool(), where_name);

TEST_P(TraceqlSearchTest, TracesComeByTheirStartNewestFirst) {
  // Trace 1 starts first and has the newest span.
  keep(request_of({make_span(1, 1, "a"), make_span(1, 9, "a"), make_span(3, 3, "a"), make_span(2, 2, "a")}));
  settle();
  EXPECT_THAT(ids("{ name = \"a\" }"), ElementsAre(trace_id(3), trace_id(2), trace_id(1)));
  SearchOptions two;
  two.traces_max = 2;
  EXPECT_THAT(ids("{ name = \"a\" }", two), ElementsAre(trace_id(3), trace_id(2)));
  two.traces_max = 0;
  EXPECT_THAT(ids("{ name = \"a\" }", two), IsEmpty());
}

TEST_P(TraceqlSearchTest, ASetShowsItsFirstSpansAndCountsThemAll) {
  keep(request_of({make_span(1, 1), make_span(1, 2), make_span(1, 3), make_span(1, 4, "other")}));
  settle();
  SearchOptions options;
  options.spans_per_set_max = 2;
  const auto found = find("{ name = \"work\" }", options);
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(found[0].sets.size(), 1u);
  EXPECT_EQ(found[0].sets[0].matched, 3u);
  ASSERT_EQ(found[0].sets[0].spans.size(), 2u);
  EXPECT_EQ(found[0].sets[0].spans[0].span_id, span_id(1));
  EXPECT_EQ(found[0].sets[0].spans[1].start, kStart + 2 * kMillisecond);
}

TEST_P(TraceqlSearchTest, ATraceIsSaidWithItsRootAndItsTimes) {
  otlp::Span child = make_span(1, 2, "child");
  child.parent_span_id = span_id(1);
  child.end_time_unix_nano = kStart + 70 * kMillisecond;
  keep(request_of({make_span(1, 1, "root"), child}));
  settle();
  const auto found = find("{ name = \"child\" }");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].has_root);
  EXPECT_EQ(found[0].root_name, "root");
  EXPECT_EQ(found[0].root_service, "shop");
  EXPECT_EQ(found[0].start, kStart + kMillisecond);
  EXPECT_EQ(found[0].duration_nanos, 69 * kMillisecond);
}

TEST_P(TraceqlSearchTest, ATraceWithoutARootIsFoundToo) {
  otlp::Span orphan = make_span(1, 2, "orphan");
  orphan.parent_span_id = span_id(77);
  keep(request_of({orphan}));
  settle();
  const auto found = find("{ name = \"orphan\" }");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].has_root);
}

TEST_P(TraceqlSearchTest, SpansShowWhatTheQueryNames) {
  otlp::Span span = make_span(1, 1);
  span.attributes = {{"meshflow.role", {std::string("critic")}}, {"depth", {std::int64_t{4}}}};
  keep(request_of({span}));
  settle();
  const auto found = find("{ span.depth > 3 } | by(span.meshflow.role) | count() = 1 | select(span.missing)");
  ASSERT_EQ(found.size(), 1u);
  const FoundSet& set = found[0].sets.at(0);
  ASSERT_EQ(set.attributes.size(), 2u);
  EXPECT_EQ(set.attributes[0].first, "by(span.meshflow.role)");
  EXPECT_EQ(text_of(set.attributes[0].second), "critic");
  EXPECT_EQ(set.attributes[1].first, "count()");
  ASSERT_EQ(set.spans.at(0).attributes.size(), 2u);
  EXPECT_EQ(text_of(set.spans[0].attributes[0].value), "4");
}

TEST_P(TraceqlSearchTest, TheRangeIsOfTheSpansThatAreFound) {
  otlp::Span late = make_span(1, 50, "b");
  late.parent_span_id = span_id(1);
  keep(request_of({make_span(1, 1, "a"), late, make_span(2, 2, "a")}));
  settle();
  SearchOptions options;
  options.range = {kStart + 40 * kMillisecond, kStart + 60 * kMillisecond};
  EXPECT_THAT(ids("{ name = \"b\" }", options), ElementsAre(trace_id(1)));
  EXPECT_THAT(ids("{ name = \"a\" }", options), IsEmpty());
  // Its parent lies before the range.
  EXPECT_THAT(ids("{ name = \"a\" } >> { name = \"b\" }", options), ElementsAre(trace_id(1)));
  EXPECT_THAT(ids("{ name = \"b\" } << { name = \"a\" }", options), IsEmpty());
  options.range = {5, 1};
  EXPECT_THAT(ids("{ }", options), IsEmpty());
}

TEST_P(TraceqlSearchTest, AnAttributeWithAColumnIsFoundWhateverItsType) {
  keep(request_of({with(1, 1, "meshflow.role", std::string("critic")), with(2, 2, "meshflow.role", std::int64_t{7}),
                   with(3, 3, "meshflow.role", otlp::ArrayValue{{std::string("critic")}, {std::string("judge")}}),
                   with(4, 4, "meshflow.tokens", 2.5), with(5, 5, "meshflow.tokens", std::int64_t{2}),
                   with(6, 6, "meshflow.cost_usd", -0.0), with(7, 7, "meshflow.cost_usd", NAN)}));
  settle();
  EXPECT_THAT(ids("{ span.meshflow.role = \"critic\" }"), ElementsAre(trace_id(3), trace_id(1)));
  EXPECT_THAT(ids("{ span.meshflow.role = 7 }"), ElementsAre(trace_id(2)));
  EXPECT_THAT(ids("{ span.meshflow.role != \"critic\" }"), IsEmpty());
  EXPECT_THAT(ids("{ span.meshflow.role =~ \"crit.*\" }"), ElementsAre(trace_id(3), trace_id(1)));
  EXPECT_THAT(ids("{ span.meshflow.tokens >= 2 }"), ElementsAre(trace_id(5), trace_id(4)));
  EXPECT_THAT(ids("{ span.meshflow.tokens > 2.4 }"), ElementsAre(trace_id(4)));
  EXPECT_THAT(ids("{ span.meshflow.cost_usd = 0.0 }"), ElementsAre(trace_id(6)));
  EXPECT_THAT(ids("{ span.meshflow.cost_usd > 0 }"), IsEmpty());
}

TEST_P(TraceqlSearchTest, WhatComesLaterMayHaveOtherTypes) {
  keep(request_of({with(1, 1, "meshflow.role", std::string("critic"))}));
  settle();
  EXPECT_THAT(ids("{ span.meshflow.role = 7 }"), IsEmpty());
  keep(request_of({with(2, 2, "meshflow.role", std::int64_t{7})}));
  settle();
  EXPECT_THAT(ids("{ span.meshflow.role = 7 }"), ElementsAre(trace_id(2)));
}

TEST_P(TraceqlSearchTest, ARunIsFoundByItsId) {
  keep(request_of(
      {with(1, 1, "meshflow.run_id", std::string("run_a")), with(2, 2, "meshflow.run_id", std::string("run_b"))}));
  settle();
  EXPECT_THAT(ids("{ span.meshflow.run_id = \"run_a\" }"), ElementsAre(trace_id(1)));
  EXPECT_THAT(ids("{ .meshflow.run_id = \"run_b\" && name = \"work\" }"), ElementsAre(trace_id(2)));
  EXPECT_THAT(ids("{ span.meshflow.run_id = \"run_c\" }"), IsEmpty());
  EXPECT_THAT(ids("{ trace:id = \"4a000000000000000000000000000002\" }"), ElementsAre(trace_id(2)));
  EXPECT_THAT(ids("{ trace:id = \"4a000000000000000000000000000003\" }"), IsEmpty());
}

TEST_P(TraceqlSearchTest, AWordOfTheTraceIdIsAnAttributeThoughItIsNotStored) {
  keep(request_of({with(1, 1, "meshflow.trace_id", std::string("4a000000000000000000000000000001"))}));
  settle();
  EXPECT_THAT(ids("{ span.meshflow.trace_id =~ \"4a0+1\" }"), ElementsAre(trace_id(1)));
  EXPECT_THAT(ids("{ span.meshflow.trace_id = \"4a0+1\" }"), IsEmpty());
}

TEST_P(TraceqlSearchTest, SeveralSetsBesideAStructuralOperatorAreRefused) {
  keep(request_of({make_span(1, 1, "a"), make_span(1, 2, "b")}));
  settle();
  const auto refused = ask("({ } | by(name)) > { }");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
}

TEST_P(TraceqlSearchTest, LimitsAreNamed) {
  keep(request_of({make_span(1, 1), make_span(1, 2), make_span(1, 3)}));
  settle();
  SearchOptions options;
  options.limits.rows_max = 2;
  const auto many = ask("{ } | count() > 1", options);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::limit_exceeded);
  EXPECT_THAT(many.error().message, ::testing::HasSubstr("rows_max"));
  options.limits = {};
  options.limits.time_max = std::chrono::milliseconds(0);
  const auto late = ask("{ }", options);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::timeout);
  const std::atomic<bool> cancelled{true};
  options.limits = {};
  options.limits.cancelled = &cancelled;
  const auto ended = ask("{ }", options);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace meshflow::query::traceql
