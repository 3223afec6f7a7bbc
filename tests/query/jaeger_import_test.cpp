#include "query/jaeger_import.hpp"

#include <gmock/gmock.h>

#include "query/jaeger_trace.hpp"
#include "query/json_writer.hpp"

namespace meshflow::query {
namespace {

using ::testing::HasSubstr;

otlp::TracesData read(std::string_view text) {
  const auto read = from_jaeger_json(text);
  EXPECT_TRUE(read) << read.error().message;
  return read ? read->value : otlp::TracesData{};
}

const otlp::Span& only_span(const otlp::TracesData& data) {
  static const otlp::Span none;
  const bool is_one = data.resource_spans.size() == 1 && data.resource_spans[0].scope_spans.size() == 1 &&
                      data.resource_spans[0].scope_spans[0].spans.size() == 1;
  EXPECT_TRUE(is_one);
  return is_one ? data.resource_spans[0].scope_spans[0].spans[0] : none;
}

// As Jaeger's documentation of its JSON shows a span, with each type of tag.
constexpr std::string_view kOne = R"({"data":[{"traceID":"5b8efff798038103d269b633813fc60c","spans":[{
  "traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b174","operationName":"checkout",
  "references":[{"refType":"CHILD_OF","traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b173"},
                {"refType":"FOLLOWS_FROM","traceID":"5b8efff798038103d269b633813fc60d","spanID":"0000000000000001"}],
  "startTime":1544712660000000,"duration":1500,
  "tags":[{"key":"span.kind","type":"string","value":"server"},{"key":"n","type":"int64","value":"9007199254740993"},
          {"key":"x","type":"float64","value":2},{"key":"ok","type":"bool","value":true},
          {"key":"raw","type":"binary","value":"AAEC"},{"key":"error","type":"bool","value":true},
          {"key":"otel.status_description","type":"string","value":"declined"},
          {"key":"otel.scope.name","type":"string","value":"shop.http"}],
  "logs":[{"timestamp":1544712660000100,"fields":[{"key":"event","type":"string","value":"retry"},
                                                  {"key":"try","type":"int64","value":2}]}],
  "processID":"p1","warnings":null}],
  "processes":{"p1":{"serviceName":"shop","tags":[{"key":"host","type":"string","value":"a"}]}}}]})";

TEST(FromJaegerJson, TagsBecomeWhatTheyWereMadeOf) {
  const otlp::TracesData data = read(kOne);
  const otlp::Span& span = only_span(data);
  EXPECT_EQ(span.name, "checkout");
  EXPECT_EQ(span.kind, otlp::SpanKind::server);
  EXPECT_EQ(span.status, (otlp::Status{"declined", otlp::StatusCode::error}));
  EXPECT_EQ(span.start_time_unix_nano, 1'544'712'660'000'000'000U);
  EXPECT_EQ(span.end_time_unix_nano, 1'544'712'660'001'500'000U);
  EXPECT_EQ(span.parent_span_id, (otlp::SpanId{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73}));
  const otlp::KeyValueList attributes{{"n", {std::int64_t{9'007'199'254'740'993}}},
                                      {"x", {2.0}},
                                      {"ok", {true}},
                                      {"raw", {otlp::Bytes{std::string("\0\1\2", 3)}}}};
  EXPECT_EQ(span.attributes, attributes);
  ASSERT_EQ(span.links.size(), 1U);
  EXPECT_EQ(span.links[0].span_id, (otlp::SpanId{0, 0, 0, 0, 0, 0, 0, 1}));
  ASSERT_EQ(span.events.size(), 1U);
  EXPECT_EQ(span.events[0].name, "retry");
  EXPECT_EQ(span.events[0].attributes, (otlp::KeyValueList{{"try", {std::int64_t{2}}}}));
  EXPECT_EQ(data.resource_spans[0].scope_spans[0].scope.name, "shop.http");
  const otlp::KeyValueList resource{{"service.name", {std::string("shop")}}, {"host", {std::string("a")}}};
  EXPECT_EQ(data.resource_spans[0].resource.attributes, resource);
}

TEST(FromJaegerJson, WhatWasReadIsWrittenTheSameAgain) {
  const auto written = [](const otlp::TracesData& data) {
    JsonWriter out;
    write_json(out, to_jaeger({only_span(data).trace_id, data}, JaegerAdjust::no));
    return out.take();
  };
  const std::string once = written(read(kOne));
  EXPECT_EQ(written(read(once)), once);
}

TEST(FromJaegerJson, ShortIdsHaveZerosBeforeThem) {
  const auto data = read(R"([{"spans":[{"traceID":"abc","spanID":"1","operationName":"a","processID":"p1"}]}])");
  EXPECT_EQ(only_span(data).trace_id, (otlp::TraceId{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xbc}));
}

TEST(FromJaegerJson, SpansWithoutUsableIdsAreCounted) {
  const auto read = from_jaeger_json(R"({"spans":[{"traceID":"0","spanID":"1"},{"traceID":"zz","spanID":"1"}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stats.rejected_spans, 2U);
  EXPECT_THAT(read->stats.rejection, HasSubstr("trace.spans[0]"));
}

TEST(FromJaegerJson, WhatIsNoSuchTextIsAnErrorWithItsPlace) {
  const std::pair<std::string, std::string> cases[] = {
      {"{", "no JSON"},
      {"3", "traces: not a list"},
      {R"({"data":7})", "data: not a list"},
      {R"({"data":[7]})", "data[0]: not an object"},
      {R"({"data":[{"spans":{}}]})", "data[0].spans: not a list"},
      {R"({"data":[{"spans":[{"traceID":7}]}]})", "data[0].spans[0].traceID: not a text"},
      {R"({"data":[{"spans":[{"traceID":"1","spanID":"1","startTime":-4}]}]})",
       "data[0].spans[0].startTime: no microseconds"},
      {R"({"data":[{"spans":[{"traceID":"1","spanID":"1","startTime":99999999999999999999}]}]})",
       "data[0].spans[0].startTime: no microseconds"},
      {std::string(100, '['), "no JSON"},
  };
  for (const auto& [text, says] : cases) {
    const auto read = from_jaeger_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(read.error().message, HasSubstr(says));
  }
}

}  // namespace
}  // namespace meshflow::query
