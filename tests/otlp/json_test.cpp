// OTLP/JSON, both ways. Expected texts follow the OTLP specification, "JSON Protobuf Encoding".
#include "otlp/json.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate.hpp"
#include "otlp/decode.hpp"
#include "otlp/encode.hpp"

namespace meshflow::otlp {
namespace {

using ::testing::HasSubstr;

// A request with one span, whose fields besides the ids are `fields`.
std::string request_of(std::string_view fields, std::string_view trace_id = "5b8efff798038103d269b633813fc60c",
                       std::string_view span_id = "eee19b7ec3c1b174") {
  return fmt::format(R"({{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{}","spanId":"{}"{}{}}}]}}]}}]}})",
                     trace_id, span_id, fields.empty() ? "" : ",", fields);
}

std::string attribute(std::string_view value) {
  return request_of(fmt::format(R"("attributes":[{{"key":"k","value":{}}}])", value));
}

Span read_span(const std::string& json) {
  const auto decoded = decode_traces_json(json);
  EXPECT_TRUE(decoded) << decoded.error().text();
  return decoded ? decoded->value.resource_spans.at(0).scope_spans.at(0).spans.at(0) : Span{};
}

AnyValue read_value(std::string_view value) { return read_span(attribute(value)).attributes.at(0).value; }

void expect_error(const std::string& json, std::string_view part) {
  const auto decoded = decode_traces_json(json);
  ASSERT_FALSE(decoded) << json;
  EXPECT_EQ(decoded.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(decoded.error().text(), HasSubstr(part));
}

TEST(OtlpJson, ASpanHasTheTextThatTheSpecificationGives) {
  Span span;
  span.trace_id = {0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c};
  span.span_id = {0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74};
  span.trace_state = "k=v";
  span.parent_span_id = {0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73};
  span.flags = 257;
  span.name = "say \"hi\"\n";
  span.kind = SpanKind::server;
  span.start_time_unix_nano = 1544712660000000000;
  span.end_time_unix_nano = std::numeric_limits<std::uint64_t>::max();
  span.attributes = {{"text", {std::string("v")}},
                     {"flag", {false}},
                     {"int", {std::numeric_limits<std::int64_t>::min()}},
                     {"double", {1.0}},
                     {"array", {ArrayValue{{0.1}, {}}}},
                     {"list", {KeyValueList{{"x", {Bytes{"hi?"}}}}}},
                     {"empty", {}}};
  span.dropped_attributes_count = 1;
  span.events = {{.time_unix_nano = 5, .name = "e", .attributes = {}, .dropped_attributes_count = 2}};
  span.dropped_events_count = 3;
  span.links = {{.trace_id = span.trace_id, .span_id = span.span_id, .trace_state = "", .attributes = {}, .flags = 1}};
  span.dropped_links_count = 4;
  span.status = {"bad", StatusCode::error};
  const TracesData traces{{{.resource = {{{"service.name", {std::string("s")}}}, 0, {}},
                            .scope_spans = {{.scope = {"lib", "1", {}, 0}, .spans = {span}, .schema_url = "u"}},
                            .schema_url = ""}}};
  const std::string expected =
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"lib","version":"1"},"spans":[{)"
      R"("traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","traceState":"k=v",)"
      R"("parentSpanId":"eee19b7ec3c1b173","flags":257,"name":"say \"hi\"\n","kind":2,)"
      R"("startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"18446744073709551615","attributes":[)"
      R"({"key":"text","value":{"stringValue":"v"}},{"key":"flag","value":{"boolValue":false}},)"
      R"({"key":"int","value":{"intValue":"-9223372036854775808"}},{"key":"double","value":{"doubleValue":1.0}},)"
      R"({"key":"array","value":{"arrayValue":{"values":[{"doubleValue":0.1},{}]}}},)"
      R"({"key":"list","value":{"kvlistValue":{"values":[{"key":"x","value":{"bytesValue":"aGk/"}}]}}},)"
      R"({"key":"empty","value":{}}],"droppedAttributesCount":1,)"
      R"("events":[{"timeUnixNano":"5","name":"e","droppedAttributesCount":2}],"droppedEventsCount":3,)"
      R"("links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":1}],)"
      R"("droppedLinksCount":4,"status":{"message":"bad","code":2}}],"schemaUrl":"u"}]}]})";
  EXPECT_EQ(encode_json(traces), expected);
  const auto decoded = decode_traces_json(expected);
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(decoded->value, traces);
}

TEST(OtlpJson, AResponseHasTheTextThatTheSpecificationGives) {
  EXPECT_EQ(encode_json(ExportTraceServiceResponse{}), "{}");
  const ExportTraceServiceResponse response{.rejected_spans = 3, .error_message = "no"};
  EXPECT_EQ(encode_json(response), R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}})");
  EXPECT_EQ(decode_response_json(encode_json(response))->value, response);
  EXPECT_EQ(decode_response_json(R"({"partialSuccess":{"rejectedSpans":3,"errorMessage":"no"}})")->value, response);
  EXPECT_EQ(decode_response_json(R"({"partialSuccess":null})")->value, ExportTraceServiceResponse{});
}

TEST(OtlpJson, GeneratedTracesComeBackAsTheyWereOnOneLine) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const TracesData traces = test::Generator(seed).traces();
    const std::string json = encode_json(traces);
    ASSERT_EQ(json.find_first_of("\r\n"), std::string::npos);
    const auto decoded = decode_traces_json(json);
    ASSERT_TRUE(decoded) << decoded.error().text() << ", seed " << seed;
    ASSERT_EQ(encode(decoded->value), encode(traces)) << "seed " << seed;  // bytes tell 0.0 from -0.0
    ASSERT_EQ(decoded->stats, DecodeStats{});
  }
}

TEST(OtlpJson, DoublesComeBackWithTheSameBits) {
  test::Generator generator(7);
  for (int i = 0; i < 20000; ++i) {
    const auto number = std::bit_cast<double>(generator.number(std::numeric_limits<std::uint64_t>::max()));
    if (!std::isfinite(number)) continue;
    TracesData traces;
    traces.resource_spans.emplace_back().resource.attributes = {{"d", {number}}};
    const auto decoded = decode_traces_json(encode_json(traces));
    const auto back = std::get<double>(decoded->value.resource_spans[0].resource.attributes[0].value.value);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(number)) << number;
  }
}

TEST(OtlpJson, NumbersAreReadInEveryForm) {
  EXPECT_EQ(read_value(R"({"intValue":"-5"})"), AnyValue{std::int64_t{-5}});
  EXPECT_EQ(read_value(R"({"intValue":-5})"), AnyValue{std::int64_t{-5}});
  EXPECT_EQ(read_value(R"({"intValue":1e3})"), AnyValue{std::int64_t{1000}});
  EXPECT_EQ(read_value(R"({"doubleValue":3})"), AnyValue{3.0});
  EXPECT_EQ(read_value(R"({"doubleValue":"2.5"})"), AnyValue{2.5});
  EXPECT_EQ(read_value(R"({"doubleValue":"-Infinity"})"), AnyValue{-std::numeric_limits<double>::infinity()});
  EXPECT_TRUE(std::isnan(std::get<double>(read_value(R"({"doubleValue":"NaN"})").value)));
  EXPECT_EQ(read_span(request_of(R"("startTimeUnixNano":18446744073709551615)")).start_time_unix_nano,
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read_span(request_of(R"("flags":"257","kind":"3")")).flags, 257u);
}

TEST(OtlpJson, WhatIsUnknownOrNullIsIgnored) {
  const Span span = read_span(request_of(
      R"("name":null,"events":null,"status":null,"newField":{"deep":[1,{"a":null}]},"start_time_unix_nano":"7","kind":3)"));
  EXPECT_EQ(span.name, "");
  EXPECT_EQ(span.start_time_unix_nano, 0u);  // keys are lowerCamelCase only
  EXPECT_EQ(span.kind, SpanKind::client);
  EXPECT_EQ(read_value("{}"), AnyValue{});
  EXPECT_EQ(read_value("null"), AnyValue{});
  EXPECT_EQ(read_value(R"({"newValue":1})"), AnyValue{});
  EXPECT_EQ(read_value(R"({"arrayValue":{}})"), AnyValue{ArrayValue{}});
  EXPECT_EQ(read_value(R"({"stringValue":null,"boolValue":true})"), AnyValue{true});
}

TEST(OtlpJson, IdsAreHexInEitherCase) {
  const Span span = read_span(request_of("", "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174"));
  EXPECT_EQ(span.trace_id[0], 0x5b);
  EXPECT_EQ(span.span_id[7], 0x74);
}

TEST(OtlpJson, SpansWithUnusableIdsAreRejectedAndTheRestIsKept) {
  const auto why = [](std::string_view trace_id, std::string_view span_id, std::string_view fields = "") {
    const auto decoded = decode_traces_json(request_of(fields, trace_id, span_id));
    EXPECT_TRUE(decoded) << decoded.error().text();
    EXPECT_EQ(decoded->stats.rejected_spans, 1u);
    EXPECT_TRUE(decoded->value.resource_spans.at(0).scope_spans.at(0).spans.empty());
    return decoded->stats.rejection;
  };
  constexpr std::string_view kTrace = "5b8efff798038103d269b633813fc60c";
  constexpr std::string_view kSpan = "eee19b7ec3c1b174";
  EXPECT_EQ(why("", kSpan), "span \"\": trace_id is missing or all zero");
  EXPECT_EQ(why(kTrace, "0000000000000000"), "span \"\": span_id is missing or all zero");
  EXPECT_EQ(why("5b8e", kSpan), "span \"\": trace_id has 2 bytes instead of 16");
  EXPECT_EQ(why("zz8efff798038103d269b633813fc60c", kSpan), "span \"\": trace_id is not hex");
  EXPECT_EQ(why(kTrace, kSpan, R"("parentSpanId":"01","name":"n")"),
            "span \"n\": parent_span_id has 1 bytes instead of 8");
  EXPECT_EQ(why(kTrace, kSpan, R"("links":[{"spanId":"x"}])"), "span \"\": a link's span_id is not hex");
}

TEST(OtlpJson, TextThatIsNoJsonIsNamedByLineAndColumn) {
  expect_error("", "1:1: not valid JSON");
  expect_error("{\"resourceSpans\":\n  [}", "2:4: not valid JSON");
  expect_error("{} x", "1:4: not valid JSON");
  expect_error("{\"resourceSpans\":[", "1:19: not valid JSON");
}

TEST(OtlpJson, AValueOfTheWrongTypeIsNamedByItsPath) {
  expect_error("[]", "the document: expected an object");
  expect_error(R"({"resourceSpans":{}})", "resourceSpans: expected an array");
  expect_error(R"({"resourceSpans":[{"scopeSpans":[{},7]}]})", "resourceSpans[0].scopeSpans[1]: expected an object");
  const std::string span = "resourceSpans[0].scopeSpans[0].spans[0].";
  expect_error(request_of(R"("kind":"SERVER")"), span + "kind: expected an integer of 32 bits");
  expect_error(request_of(R"("startTimeUnixNano":-1)"),
               span + "startTimeUnixNano: expected an unsigned integer of 64 bits");
  expect_error(request_of(R"("startTimeUnixNano":"1x")"), span + "startTimeUnixNano: expected an unsigned");
  expect_error(request_of(R"("flags":4294967296)"), span + "flags: expected an unsigned integer of 32 bits");
  expect_error(request_of(R"("flags":1.5)"), span + "flags: expected an unsigned integer");
  expect_error(request_of(R"("status":{"message":1})"), span + "status.message: expected a string");
  expect_error(attribute(R"({"intValue":9223372036854775808})"),
               span + "attributes[0].value.intValue: expected an integer");
  expect_error(attribute(R"({"intValue":9.3e18})"), "intValue: expected an integer");
  expect_error(attribute(R"({"doubleValue":"one"})"), "doubleValue: expected a number");
  expect_error(attribute(R"({"bytesValue":"a"})"), "bytesValue: expected base64");
  expect_error(attribute(R"({"boolValue":"true"})"), "boolValue: expected true or false");
  expect_error(attribute(R"({"arrayValue":{"values":[{},{"arrayValue":[]}]}})"),
               "value.arrayValue.values[1].arrayValue: expected an object");
}

TEST(OtlpJson, InvalidUtf8BecomesReplacementCharactersAndIsCounted) {
  const auto decoded = decode_traces_json(request_of("\"name\":\"a\xff\xc0\""));
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(decoded->value.resource_spans[0].scope_spans[0].spans[0].name, "a\uFFFD\uFFFD");
  EXPECT_EQ(decoded->stats.replaced_utf8, 2u);
  TracesData invalid;
  invalid.resource_spans.emplace_back().schema_url = "\xff";
  EXPECT_EQ(encode_json(invalid), "{\"resourceSpans\":[{\"schemaUrl\":\"\uFFFD\"}]}");
}

TEST(OtlpJson, TruncatedOrChangedTextGivesAnErrorOrAValueThatEncodesAgain) {
  int errors = 0;
  const auto must_hold = [&](std::string_view json) {
    const auto decoded = decode_traces_json(json);
    if (!decoded) {
      ++errors;
      EXPECT_EQ(decoded.error().code, ErrorCode::invalid_input) << decoded.error().text();
      return;
    }
    const std::string again = encode_json(decoded->value);
    EXPECT_EQ(encode_json(decode_traces_json(again).value().value), again);
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string json = encode_json(test::Generator(seed).traces());
    if (json.size() > 2500) continue;  // every prefix is parsed: the time grows with the square
    for (std::size_t size = 0; size < json.size(); ++size) must_hold(std::string_view(json).substr(0, size));
    for (std::size_t at = 0; at < json.size(); ++at) {
      std::string flipped = json;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
      must_hold(flipped);
    }
  }
  EXPECT_GT(errors, 1000);
}

// Each limit holds at its value and is named one past it.
void expect_limit(std::string_view within, std::string_view past, const DecodeLimits& limits, std::string_view name) {
  const auto good = decode_traces_json(within, limits);
  EXPECT_TRUE(good) << name << ": " << good.error().text();
  const auto bad = decode_traces_json(past, limits);
  ASSERT_FALSE(bad) << name;
  EXPECT_EQ(bad.error().code, ErrorCode::limit_exceeded);
  EXPECT_THAT(bad.error().message, HasSubstr("(limit " + std::string(name) + ")"));
}

std::string nested(int levels, std::string_view open, std::string_view close) {
  std::string value;
  for (int i = 0; i < levels; ++i) value += open;
  value += "{}";
  for (int i = 0; i < levels; ++i) value += close;
  return attribute(value);
}

TEST(OtlpJson, EveryLimitEndsDecodingAndIsNamed) {
  expect_limit("{}", "{} ", {.input_bytes_max = 2}, "input_bytes_max");
  const auto spans = [](std::string_view list) {
    return fmt::format(R"({{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}})", list);
  };
  expect_limit(spans("{}"), spans("{},{}"), {.spans_max = 1}, "spans_max");
  expect_limit(spans("{}"), spans("{},{}"), {.items_max = 3}, "items_max");
  expect_limit(request_of(R"("attributes":[{},{}])"), request_of(R"("attributes":[{},{},{}])"), {.attributes_max = 2},
               "attributes_max");
  const auto arrays = [](int levels) { return nested(levels, R"({"arrayValue":{"values":[)", "]}}"); };
  const auto lists = [](int levels) { return nested(levels, R"({"kvlistValue":{"values":[{"value":)", "}]}}"); };
  expect_limit(arrays(32), arrays(33), {}, "value_depth_max");
  expect_limit(lists(32), lists(33), {}, "value_depth_max");
  expect_limit(lists(32), lists(500), {}, "value_depth_max");
  expect_limit(R"({"x":[1]})", R"({"x":[[[[1]]]]})", {.json_values_max = 6}, "json_values_max");
  EXPECT_EQ(decode_traces_json(std::string(100000, '[')).error().code, ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace meshflow::otlp
