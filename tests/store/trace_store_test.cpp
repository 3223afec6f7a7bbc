#include "store/trace_store.hpp"

#include <cmath>

#include "otlp/generate.hpp"
#include "store/span_reader.hpp"
#include "store_fixture.hpp"

namespace meshflow::store::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A generated request as it must come back: per trace, resource and scope, spans sorted, duplicate keys resolved.
struct Expected {
  otlp::Resource resource;
  std::string resource_url;
  otlp::InstrumentationScope scope;
  std::string scope_url;
  otlp::Span span;
};

void resolve(otlp::Span& span) {
  resolve_duplicate_keys(span.attributes);
  for (auto& event : span.events) resolve_duplicate_keys(event.attributes);
  for (auto& link : span.links) resolve_duplicate_keys(link.attributes);
}

std::map<std::pair<otlp::TraceId, otlp::SpanId>, Expected> expected_of(const otlp::TracesData& traces) {
  std::map<std::pair<otlp::TraceId, otlp::SpanId>, Expected> expected;
  for (const auto& resource : traces.resource_spans) {
    for (const auto& scope : resource.scope_spans) {
      for (const auto& span : scope.spans) {
        Expected one{resource.resource, resource.schema_url, scope.scope, scope.schema_url, span};
        resolve_duplicate_keys(one.resource.attributes);
        resolve_duplicate_keys(one.scope.attributes);
        resolve(one.span);
        expected.try_emplace({span.trace_id, span.span_id}, std::move(one));  // of equal ids the first counts
      }
    }
  }
  return expected;
}

class RoundTrip : public StoreTest {
 protected:
  void expect_back(const std::vector<otlp::TracesData>& requests) {
    std::map<std::pair<otlp::TraceId, otlp::SpanId>, Expected> expected;
    std::set<otlp::TraceId> ids;
    for (const auto& request : requests) {
      for (auto& one : expected_of(request)) {
        ids.insert(one.first.first);
        expected.insert(std::move(one));
      }
    }
    std::size_t found = 0;
    for (const auto& trace : traces({ids.begin(), ids.end()})) {
      for (const auto& resource : trace.data.resource_spans) {
        for (const auto& scope : resource.scope_spans) {
          for (const auto& span : scope.spans) {
            ++found;
            const auto at = expected.find({span.trace_id, span.span_id});
            ASSERT_NE(at, expected.end());
            EXPECT_EQ(span, at->second.span) << "span " << span.name;
            EXPECT_EQ(resource.resource, at->second.resource);
            EXPECT_EQ(resource.schema_url, at->second.resource_url);
            EXPECT_EQ(scope.scope, at->second.scope);
            EXPECT_EQ(scope.schema_url, at->second.scope_url);
          }
        }
      }
    }
    EXPECT_EQ(found, expected.size());
  }
};

TEST_F(RoundTrip, EveryFieldOfGeneratedSpansComesBackFromMemoryFromTablesAndAfterAReopening) {
  open();
  otlp::test::Generator generator(42);
  std::vector<otlp::TracesData> requests;
  for (int i = 0; i < 60; ++i) {
    requests.push_back(generator.traces());
    keep(requests.back());
  }
  expect_back(requests);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(store_->stats().recent_spans, 0u);
  expect_back(requests);
  open();
  expect_back(requests);
}

TEST_F(RoundTrip, AttributesWithColumnsComeBackInTheirOrderWithWhateverTypeTheyHave) {
  open();
  auto span = make_span(1, 1);
  span.attributes = {
      {"z", {std::string("last")}},
      {"meshflow.trace_id", {std::string("4a000000000000000000000000000001")}},  // as make_span's trace
      {"meshflow.cost_usd", {0.0024}},
      {"meshflow.role", {std::string("researcher")}},
      {"meshflow.tokens", {std::int64_t{148}}},
      {"a", {true}},
      {"http.response.status_code", {std::string("200")}},  // text where the column is a number
      {"meshflow.uncertainty", {std::int64_t{1}}},
      {"meshflow.carbon_g", {-0.0}},
      {"meshflow.verdict", {}},
      {"gen_ai.request.model", {otlp::ArrayValue{{std::string("m")}}}},
  };
  auto other = make_span(1, 2);
  other.attributes = {{"meshflow.trace_id", {std::string("4a000000000000000000000000000002")}},
                      {"meshflow.cost_usd", {std::nextafter(0.1, 1)}}};
  keep(request_of({span, other}));
  expect_back({request_of({span, other})});
  ASSERT_TRUE(store_->flush());
  expect_back({request_of({span, other})});
  EXPECT_TRUE(std::signbit(std::get<double>(spans_of(trace_id(1)).at(span_id(1)).attributes[8].value.value)));
}

TEST_F(StoreTest, OfAttributesWithOneKeyTheLastValueCountsInThePlaceOfTheFirst) {
  open();
  auto span = make_span(1, 1);
  span.attributes = {{"a", {std::int64_t{1}}},
                     {"meshflow.role", {std::string("x")}},
                     {"a", {std::int64_t{2}}},
                     {"meshflow.role", {std::string("y")}}};
  keep(request_of({span}));
  const otlp::KeyValueList expected{{"a", {std::int64_t{2}}}, {"meshflow.role", {std::string("y")}}};
  EXPECT_EQ(spans_of(trace_id(1)).at(span_id(1)).attributes, expected);
}

TEST_F(StoreTest, InvalidUtf8BecomesReplacementCharactersAndIsCounted) {
  open();
  auto span = make_span(1, 1, "caf\xff");
  span.attributes = {{"meshflow.role", {std::string("\xc3(")}}, {"other\x80", {std::string("\xfe")}}};
  keep(request_of({span}));
  const auto stored = spans_of(trace_id(1)).at(span_id(1));
  EXPECT_EQ(stored.name, "caf\xEF\xBF\xBD");
  const otlp::KeyValueList expected{{"meshflow.role", {std::string("\xEF\xBF\xBD(")}},
                                    {"other\xEF\xBF\xBD", {std::string("\xEF\xBF\xBD")}}};
  EXPECT_EQ(stored.attributes, expected);
  EXPECT_EQ(store_->stats().replaced_utf8, 4u);
}

TEST_F(StoreTest, ASpanThatComesAgainIsStoredOnceWhereverTheFirstLies) {
  open();
  auto first = make_span(1, 1, "first");
  auto second = make_span(1, 1, "second");
  keep(request_of({first, second}));  // twice in one request
  keep(request_of({second}));         // while the first is recent
  ASSERT_TRUE(store_->flush());
  keep(request_of({second}));  // once it is in the tables
  open();
  keep(request_of({second, make_span(1, 2, "new")}));  // in another process
  const auto spans = spans_of(trace_id(1));
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(spans.at(span_id(1)).name, "first");
  EXPECT_EQ(spans.at(span_id(2)).name, "new");
  EXPECT_EQ(store_->stats().duplicate_spans, 1u);
  EXPECT_EQ(count(), 2u);
}

TEST_F(StoreTest, TheSameSpanIdInAnotherTraceIsAnotherSpan) {
  open();
  keep(request_of({make_span(1, 1)}));
  keep(request_of({make_span(2, 1)}));
  EXPECT_EQ(count(), 2u);
}

TEST_F(StoreTest, ATraceThatComesInPiecesIsFoundWhole) {
  open();
  for (std::uint64_t i = 1; i <= 6; ++i) {
    auto span = make_span(7, i);
    span.start_time_unix_nano += i * 3'600'000'000'000;  // hours apart
    span.end_time_unix_nano += i * 3'600'000'000'000;
    keep(request_of({span, make_span(100 + i, 1)}));
    if (i % 2 == 0) {
      ASSERT_TRUE(store_->flush());
    }
  }
  EXPECT_THAT(spans_of(trace_id(7)), SizeIs(6));
}

TEST_F(StoreTest, WhatWasAcknowledgedIsThereAfterAReopeningWithoutAFlush) {
  {
    open();
    keep(request_of({make_span(1, 1)}));
  }
  open();
  EXPECT_THAT(spans_of(trace_id(1)), SizeIs(1));
}

TEST_F(StoreTest, RejectedSpansAreToldAndTheRestIsKept) {
  open();
  auto bad = make_span(1, 2, "bad");
  bad.span_id = {};
  const auto kept = ingest(otlp::encode(request_of({make_span(1, 1), bad, make_span(1, 3)})));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->spans, 2u);
  EXPECT_EQ(kept->rejected_spans, 1u);
  EXPECT_THAT(kept->rejection, HasSubstr("span_id"));
  ASSERT_TRUE(store_->wait_until_visible(kLimit));
  EXPECT_THAT(spans_of(trace_id(1)), SizeIs(2));
}

TEST_F(StoreTest, BytesThatAreNoRequestAreRefusedAndNothingElseSuffers) {
  open();
  const auto kept = ingest("\x0a\xff");
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::invalid_input);
  keep(request_of({make_span(1, 1)}));
  EXPECT_EQ(count(), 1u);
  EXPECT_EQ(store_->stats().refused_requests, 1u);
}

TEST_F(StoreTest, ASecondStoreOnTheFolderIsRefusedWithThePid) {
  open();
  const auto second = TraceStore::open(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
}

TEST_F(StoreTest, ServicesAndOperationsAreListedOfMemoryAndTables) {
  open();
  auto client = make_span(1, 2, "call");
  client.kind = otlp::SpanKind::client;
  keep(request_of({make_span(1, 1, "work"), client}, "shop"));
  ASSERT_TRUE(store_->flush());
  keep(request_of({make_span(2, 1, "pay")}, "bank"));
  const auto expect_lists = [this] {
    EXPECT_THAT(store_->services(), ElementsAre("bank", "shop"));
    EXPECT_THAT(store_->operations("shop"), ElementsAre(Operation{"shop", "call", 3}, Operation{"shop", "work", 1}));
    EXPECT_THAT(store_->operations("other"), IsEmpty());
  };
  expect_lists();
  open();
  expect_lists();
}

TEST_F(StoreTest, ASnapshotStaysWhatItWas) {
  open();
  keep(request_of({make_span(1, 1)}));
  auto before = store_->snapshot();
  ASSERT_TRUE(before);
  keep(request_of({make_span(1, 2)}));
  ASSERT_TRUE(store_->flush());
  const std::vector<otlp::TraceId> ids{trace_id(1)};
  const auto found = before->traces(ids);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_THAT(found->front().data.resource_spans[0].scope_spans[0].spans, SizeIs(1));
  EXPECT_THAT(spans_of(trace_id(1)), SizeIs(2));
}

TEST_F(StoreTest, ARunIsFoundByItsId) {
  open();
  const auto with_run = [](std::uint64_t trace, std::uint64_t span, const std::string& run) {
    auto made = make_span(trace, span);
    made.attributes = {{"meshflow.run_id", {run}}};
    return made;
  };
  keep(request_of({with_run(1, 1, "run_a"), with_run(1, 2, "run_a"), with_run(2, 1, "run_b")}));
  ASSERT_TRUE(store_->flush());
  keep(request_of({with_run(3, 1, "run_c"), with_run(4, 2, "run_a")}));
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto traces_of = [&snapshot](const char* run) {
    std::vector<otlp::TraceId> ids;
    const auto found = snapshot->traces_of_run(run);
    EXPECT_TRUE(found);
    if (found) {
      for (const auto& candidate : *found) ids.push_back(candidate.trace_id);
    }
    return ids;
  };
  EXPECT_THAT(traces_of("run_a"), ElementsAre(trace_id(1), trace_id(4)));
  EXPECT_THAT(traces_of("run_b"), ElementsAre(trace_id(2)));
  EXPECT_THAT(traces_of("run_c"), ElementsAre(trace_id(3)));
  EXPECT_THAT(traces_of("run_d"), IsEmpty());
}

TEST_F(StoreTest, WhatHasNoColumnIsAskedByFunctions) {
  open();
  auto span = make_span(1, 1);
  span.attributes = {{"text", {std::string("x\"y")}},
                     {"int", {std::int64_t{-5}}},
                     {"real", {2.5}},
                     {"flag", {true}},
                     {"list", {otlp::ArrayValue{{std::string("a")}, {std::int64_t{1}}}}}};
  span.events = {{.time_unix_nano = 1, .name = "retry", .attributes = {{"attempt", {std::int64_t{2}}}}}};
  keep(request_of({span, make_span(1, 2)}));
  ASSERT_TRUE(store_->flush());
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const std::string source = snapshot->pieces()[0].source;
  const auto rows = snapshot->query(
      "SELECT rest_text(rest, 'text'), rest_int(rest, 'int'), rest_double(rest, 'real'), rest_bool(rest, 'flag'), "
      "rest_string(rest, 'list'), rest_string(rest, 'int'), rest_text(rest, 'int'), "
      "rest_event_has(rest, 'attempt', '2'), rest_event_has(rest, 'event', 'retry'), rest_event_has(rest, 'event', "
      "'x'), "
      "rest_keys(rest) FROM " +
      source + " ORDER BY span_id");
  ASSERT_TRUE(rows) << rows.error().text();
  const std::vector<Value> first{std::string("x\"y"),
                                 std::int64_t{-5},
                                 2.5,
                                 true,
                                 std::string("[\"a\",1]"),
                                 std::string("-5"),
                                 std::monostate{},
                                 true,
                                 true,
                                 false,
                                 std::string("[text, int, real, flag, list]")};
  EXPECT_EQ(rows->rows[0], first);
  EXPECT_EQ(rows->rows[1][0], Value{});
  EXPECT_EQ(rows->rows[1][7], Value{false});
  const Value parameter{std::string("int")};
  const auto found =
      snapshot->query("SELECT count(*) FROM " + source + " WHERE rest_int(rest, ?) = -5", {&parameter, 1});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->rows[0][0], Value{std::int64_t{1}});
}

TEST_F(StoreTest, AQueryEndsAtItsLimits) {
  open();
  keep(request_of({make_span(1, 1)}));
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto slow =
      snapshot->query("SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE a.range + b.range = 3", {},
                      {.time_max = std::chrono::milliseconds(100)});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, ErrorCode::timeout);
  auto again = store_->snapshot();
  ASSERT_TRUE(again);
  const auto many = again->query("SELECT * FROM range(100)", {}, {.rows_max = 10});
  ASSERT_TRUE(many);
  EXPECT_THAT(many->rows, SizeIs(10));
  EXPECT_TRUE(many->is_cut);
  const auto wrong = again->query("SELECT nothing FROM nowhere");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid_input);
}

}  // namespace
}  // namespace meshflow::store::test
