#include "query/jaeger_trace.hpp"

#include <cmath>

#include <gmock/gmock.h>

#include "query/resources.hpp"
#include "query/summary.hpp"

namespace meshflow::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr otlp::TraceId kTraceId{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

otlp::SpanId span_id(std::uint8_t last) { return {0, 0, 0, 0, 0, 0, 0, last}; }
otlp::KeyValue attribute(std::string key, otlp::AnyValue::Variant value) {
  return {std::move(key), {std::move(value)}};
}

otlp::Span span(std::uint8_t id, std::uint8_t parent, std::uint64_t start, std::uint64_t end) {
  otlp::Span span;
  span.trace_id = kTraceId;
  span.span_id = span_id(id);
  span.parent_span_id = span_id(parent);
  span.name = "s" + std::to_string(id);
  span.start_time_unix_nano = start;
  span.end_time_unix_nano = end;
  return span;
}

store::StoredTrace trace_of(std::vector<otlp::Span> spans,
                            otlp::KeyValueList resource = {{"service.name", {std::string("s")}}}) {
  store::StoredTrace trace;
  trace.trace_id = kTraceId;
  trace.data.resource_spans.push_back({{std::move(resource), 0, {}}, {{{}, std::move(spans), {}}}, {}});
  return trace;
}

std::string json_of(const JaegerTrace& trace) {
  JsonWriter out;
  write_json(out, trace);
  return out.take();
}

// Worked out from the specification's "OpenTelemetry to Jaeger Transformation" and model/json/model.go of Jaeger 1.48.
TEST(JaegerTrace, HasEveryFieldInJaegersForm) {
  otlp::Span root = span(1, 0, 5 * kSecond + 1'999, 6 * kSecond + 2'998);
  root.name = "GET /";
  root.kind = otlp::SpanKind::server;
  root.trace_state = "a=1";
  root.status = {"went wrong", otlp::StatusCode::error};
  root.attributes = {attribute("text", std::string("t\"")),
                     attribute("flag", true),
                     attribute("small", std::int64_t{-7}),
                     attribute("large", std::int64_t{9'007'199'254'740'992}),
                     attribute("real", 0.25),
                     attribute("bytes", otlp::Bytes{"\x01\x02"}),
                     attribute("nothing", std::monostate{})};
  otlp::Event event;
  event.time_unix_nano = 5 * kSecond + 7'000;
  event.name = "hello";
  event.attributes = {attribute("z", std::int64_t{1}), attribute("a", false)};
  root.events = {event};
  otlp::Link link;
  link.trace_id = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  link.span_id = span_id(8);
  root.links = {link};
  store::StoredTrace trace =
      trace_of({root}, {attribute("z", std::string("1")), attribute("service.name", std::string("shop")),
                        attribute("a", std::int64_t{2})});
  trace.data.resource_spans[0].scope_spans[0].scope = {"lib", "1.2", {}, 0};
  EXPECT_EQ(json_of(to_jaeger(trace)),
            R"({"traceID":"000102030405060708090a0b0c0d0e0f","spans":[{)"
            R"("traceID":"000102030405060708090a0b0c0d0e0f","spanID":"0000000000000001","operationName":"GET /",)"
            R"("references":[{"refType":"FOLLOWS_FROM","traceID":"0000000000000009","spanID":"0000000000000008"}],)"
            R"("startTime":5000001,"duration":1000000,"tags":[)"
            R"({"key":"otel.scope.name","type":"string","value":"lib"},)"
            R"({"key":"otel.scope.version","type":"string","value":"1.2"},)"
            R"({"key":"text","type":"string","value":"t\""},{"key":"flag","type":"bool","value":true},)"
            R"({"key":"small","type":"int64","value":-7},{"key":"large","type":"int64","value":"9007199254740992"},)"
            R"({"key":"real","type":"float64","value":0.25},{"key":"bytes","type":"binary","value":"AQI="},)"
            R"({"key":"nothing","type":"string","value":""},{"key":"span.kind","type":"string","value":"server"},)"
            R"({"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"error","type":"bool","value":true},)"
            R"({"key":"otel.status_description","type":"string","value":"went wrong"},)"
            R"({"key":"w3c.tracestate","type":"string","value":"a=1"}],)"
            R"("logs":[{"timestamp":5000007,"fields":[{"key":"event","type":"string","value":"hello"},)"
            R"({"key":"a","type":"bool","value":false},{"key":"z","type":"int64","value":1}]}],)"
            R"("processID":"p1","warnings":null}],)"
            R"("processes":{"p1":{"serviceName":"shop","tags":[{"key":"a","type":"int64","value":2},)"
            R"({"key":"z","type":"string","value":"1"}]}},"warnings":null})");
}

TEST(JaegerTrace, TheLargestIntegerOfJavaScriptIsANumberAndTheNextIsText) {
  otlp::Span root = span(1, 0, kSecond, kSecond);
  root.attributes = {attribute("a", (std::int64_t{1} << 53) - 1), attribute("b", -((std::int64_t{1} << 53) - 1)),
                     attribute("c", -(std::int64_t{1} << 53))};
  const std::string json = json_of(to_jaeger(trace_of({root})));
  EXPECT_THAT(json, HasSubstr(R"("value":9007199254740991})"));
  EXPECT_THAT(json, HasSubstr(R"("value":-9007199254740991})"));
  EXPECT_THAT(json, HasSubstr(R"("value":"-9007199254740992"})"));
}

// pcommon.Value.AsString of the OpenTelemetry Collector: encoding/json of the value.
TEST(JaegerTrace, ArraysAndListsAreTheirJson) {
  otlp::ArrayValue array{{std::string("a<b")}, {std::int64_t{1}},     {0.5},          {true},
                         {std::monostate{}},   {otlp::Bytes{"\xff"}}, {otlp::Bytes{}}};
  otlp::KeyValueList list{attribute("z", std::int64_t{1}), attribute("a", otlp::ArrayValue{}),
                          attribute("z", std::int64_t{2})};
  EXPECT_EQ(query::json_of(otlp::AnyValue{array}), R"(["a\u003cb",1,0.5,true,null,"/w==",null])");
  EXPECT_EQ(query::json_of(otlp::AnyValue{list}), R"({"a":[],"z":2})");
  EXPECT_EQ(query::json_of(otlp::AnyValue{otlp::ArrayValue{{std::nan("")}}}), "");
}

TEST(JaegerTrace, IdsOfSixtyFourBitsAreShort) {
  store::StoredTrace trace = trace_of({span(1, 0, 1, 2)});
  trace.trace_id = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5};
  trace.data.resource_spans[0].scope_spans[0].spans[0].trace_id = trace.trace_id;
  EXPECT_THAT(json_of(to_jaeger(trace)),
              HasSubstr(R"({"traceID":"0000000000000005","spans":[{"traceID":"0000000000000005",)"));
}

TEST(JaegerTrace, TheParentIsTheFirstReferenceAndALinkToItSaysItsKind) {
  otlp::Span child = span(2, 1, 10, 20);
  otlp::Link other;
  other.trace_id = kTraceId;
  other.span_id = span_id(7);
  otlp::Link to_parent = other;
  to_parent.span_id = span_id(1);
  otlp::Link as_child = other;
  as_child.span_id = span_id(6);
  as_child.attributes = {attribute("opentracing.ref_type", std::string("child_of"))};
  child.links = {other, to_parent, as_child};
  const JaegerTrace trace = to_jaeger(trace_of({span(1, 0, 0, 30), child}));
  const auto& references = trace.spans[1].references;
  ASSERT_EQ(references.size(), 3u);
  EXPECT_EQ(references[0].span_id, span_id(1));
  EXPECT_FALSE(references[0].is_child_of);
  EXPECT_EQ(references[1].span_id, span_id(7));
  EXPECT_EQ(references[2].span_id, span_id(6));
  EXPECT_TRUE(references[2].is_child_of);
}

TEST(JaegerTrace, ALinkToNowhereIsTakenAwayWithAWarning) {
  otlp::Span root = span(1, 0, 10, 20);
  root.links.emplace_back();
  const JaegerTrace trace = to_jaeger(trace_of({root}));
  EXPECT_THAT(trace.spans[0].references, IsEmpty());
  EXPECT_THAT(trace.spans[0].warnings,
              ElementsAre(HasSubstr("Invalid span reference removed {TraceID:0000000000000000")));
  EXPECT_EQ(to_jaeger(trace_of({root}), JaegerAdjust::no).spans[0].references.size(), 1u);
}

// model/adjuster/clockskew.go of Jaeger 1.48 with its default, --query.max-clock-skew-adjustment=0.
TEST(JaegerTrace, SpansOutsideOfTheirParentsAreNamed) {
  // The parent lasts 100 ms from 1 s on, the child 40 ms from 0.9 s on: (100 - 40) / 2 = 30 ms into the parent would be
  // 130 ms later.
  const JaegerTrace trace = to_jaeger(
      trace_of({span(1, 0, kSecond, kSecond + 100'000'000), span(2, 1, kSecond - 100'000'000, kSecond - 60'000'000),
                span(3, 1, kSecond, kSecond + 10'000'000), span(4, 9, kSecond, kSecond)}));
  ASSERT_EQ(trace.spans.size(), 4u);
  EXPECT_THAT(trace.spans[0].warnings,
              ElementsAre("clock skew adjustment disabled; not applying calculated delta of 130ms"));
  EXPECT_THAT(trace.spans[1].warnings, IsEmpty());
  EXPECT_THAT(trace.spans[2].warnings, IsEmpty());
  EXPECT_THAT(trace.spans[3].warnings,
              ElementsAre("invalid parent span IDs=0000000000000009; skipping clock skew adjustment"));
}

TEST(JaegerTrace, SpansOfOneHostShareTheirParentsSkew) {
  const JaegerTrace trace =
      to_jaeger(trace_of({span(1, 0, kSecond, 2 * kSecond), span(2, 1, 0, 10)},
                         {{"service.name", {std::string("s")}}, attribute("ip", std::string("10.0.0.1"))}));
  EXPECT_THAT(trace.spans[0].warnings, IsEmpty());
}

TEST(JaegerTrace, SpansThatAreEachOthersParentsEndNothing) {
  const JaegerTrace trace = to_jaeger(trace_of({span(1, 2, 0, 10), span(2, 1, 0, 10)}));
  EXPECT_EQ(trace.spans.size(), 2u);
}

TEST(JaegerTrace, NumericAddressesAreWrittenOut) {
  otlp::Span root = span(1, 0, 0, 10);
  root.attributes = {attribute("peer.ipv4", std::int64_t{0x0A000001}), attribute("other", std::int64_t{1})};
  const std::string json = json_of(to_jaeger(trace_of({root}, {attribute("ip", std::int64_t{0x7F000001})})));
  EXPECT_THAT(json, HasSubstr(R"({"key":"peer.ipv4","type":"string","value":"10.0.0.1"})"));
  EXPECT_THAT(json, HasSubstr(R"({"key":"ip","type":"string","value":"127.0.0.1"})"));
  EXPECT_THAT(json_of(to_jaeger(trace_of({root}), JaegerAdjust::no)), HasSubstr("167772161"));
}

TEST(JaegerTrace, EqualProcessesAreOneAndNumberedByTheSpans) {
  store::StoredTrace trace = trace_of({span(1, 0, 20, 30)}, {attribute("service.name", std::string("late"))});
  const store::StoredTrace early = trace_of({span(2, 0, 10, 30)}, {attribute("service.name", std::string("early"))});
  store::StoredTrace same = trace_of({span(3, 0, 15, 30)}, {attribute("service.name", std::string("late"))});
  trace.data.resource_spans.push_back(early.data.resource_spans[0]);
  trace.data.resource_spans.push_back(same.data.resource_spans[0]);
  const JaegerTrace out = to_jaeger(trace);
  ASSERT_EQ(out.processes.size(), 2u);
  EXPECT_EQ(out.processes[0].service, "early");
  EXPECT_EQ(out.spans[0].process, 0u);
  EXPECT_EQ(out.spans[1].process, 1u);
  EXPECT_EQ(out.spans[2].process, 1u);
}

// Of tracetranslator.ResourceNoServiceName and the collector's sanitizer.
TEST(ServiceName, IsWhatJaegerMakesOfAResource) {
  EXPECT_EQ(service_name_of({}), "OTLPResourceNoServiceName");
  EXPECT_EQ(service_name_of({{attribute("a", std::string("b"))}, 0, {}}), "empty-service-name");
  EXPECT_EQ(service_name_of({{attribute("service.name", std::string())}, 0, {}}), "empty-service-name");
  EXPECT_EQ(service_name_of({{attribute("service.name", std::int64_t{5})}, 0, {}}), "empty-service-name");
  EXPECT_EQ(service_name_of({{attribute("service.name", std::string("x"))}, 0, {}}), "x");
}

TEST(Resources, ValuesReadAsJaegerPrintsThem) {
  EXPECT_TRUE(reads_as({true}, "true"));
  EXPECT_TRUE(reads_as({std::int64_t{-5}}, "-5"));
  EXPECT_TRUE(reads_as({1.0 / 3}, "0.3333333333"));
  EXPECT_TRUE(reads_as({0.5}, "0.5"));
  EXPECT_TRUE(reads_as({otlp::Bytes{"\x01"}}, "AQ=="));
  EXPECT_FALSE(reads_as({std::int64_t{5}}, "5.0"));
  EXPECT_FALSE(reads_as({std::string("a")}, "A"));
}

TEST(Resources, ComparisonsKeepToTypes) {
  const auto greater = [](const char* number) {
    return CompareAttribute{{AttributeScope::resource, "k"}, Comparison::greater, parse_number(number).value()};
  };
  EXPECT_TRUE(holds(greater("1"), {std::int64_t{2}}));
  EXPECT_TRUE(holds(greater("1.5"), {std::int64_t{2}}));
  EXPECT_TRUE(holds(greater("1"), {1.5}));
  EXPECT_FALSE(holds(greater("1"), {std::string("2")}));
  EXPECT_FALSE(holds(greater("1"), {std::nan("")}));
  // 2^53 + 1 against 2^53: doubles could not tell.
  EXPECT_TRUE(holds(greater("9007199254740992"), {std::int64_t{9'007'199'254'740'993}}));
}

TEST(Resources, MoneyComparesInBillionths) {
  const CompareAttribute more{{AttributeScope::resource, "cost_usd"}, Comparison::greater, parse_number("0.3").value()};
  EXPECT_FALSE(holds(more, {0.1 + 0.2}));  // 0.30000000000000004
  EXPECT_TRUE(holds(more, {0.300000001}));
}

// querysvc/summary.go of Jaeger 2.20.
TEST(TraceSummary, CountsSpansErrorsAndOrphans) {
  otlp::Span failed = span(2, 1, kSecond + 1, kSecond + 2);
  failed.status.code = otlp::StatusCode::error;
  store::StoredTrace trace = trace_of({span(1, 0, kSecond, 2 * kSecond), failed, span(3, 9, kSecond - 5, kSecond)},
                                      {attribute("service.name", std::string("web"))});
  const store::StoredTrace other =
      trace_of({span(4, 2, kSecond, 3 * kSecond)}, {attribute("service.name", std::string("db"))});
  trace.data.resource_spans.push_back(other.data.resource_spans[0]);
  const TraceSummary summary = summarize(trace);
  EXPECT_EQ(summary,
            (TraceSummary{kTraceId, "web", "s1", kSecond - 5, 3 * kSecond, 4, 1, 1, {{"db", 1, 0}, {"web", 3, 1}}}));
  JsonWriter out;
  write_json(out, summary);
  EXPECT_EQ(
      out.take(),
      R"({"traceId":"000102030405060708090a0b0c0d0e0f","rootServiceName":"web","rootOperationName":"s1",)"
      R"("minStartTimeUnixNano":"999999995","maxEndTimeUnixNano":"3000000000","spanCount":4,"errorSpanCount":1,)"
      R"("orphanSpanCount":1,"services":[{"name":"db","spanCount":1},{"name":"web","spanCount":3,"errorSpanCount":1}]})");
}

TEST(TraceSummary, ATraceWithoutARootHasNoRootNames) {
  const TraceSummary summary = summarize(trace_of({span(2, 1, 5, 6)}));
  EXPECT_EQ(summary.root_operation, "");
  EXPECT_EQ(summary.orphan_spans, 1u);
  EXPECT_EQ(summarize({}).start_unix_nano, 0u);
}

}  // namespace
}  // namespace meshflow::query
