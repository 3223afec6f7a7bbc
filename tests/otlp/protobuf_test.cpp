// OTLP protobuf, both ways. Expected bytes are worked out by hand from the protobuf encoding guide.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "generate.hpp"
#include "otlp/decode.hpp"
#include "otlp/encode.hpp"

namespace meshflow::otlp {
namespace {

using ::testing::HasSubstr;

std::string hex(std::string_view digits) { return from_hex(digits).value(); }

// A field of type length-delimited with a body of less than 128 bytes.
std::string field(int number, std::string_view body) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(body.size())}.append(body);
}

constexpr std::string_view kTraceIdHex = "000102030405060708090a0b0c0d0e0f";
constexpr std::string_view kSpanIdHex = "a0a1a2a3a4a5a6a7";
const std::string kIds = field(1, hex(kTraceIdHex)) + field(2, hex(kSpanIdHex));

std::string request_of(std::string_view span) { return field(1, field(2, field(2, span))); }

TEST(OtlpProtobuf, ASpanHasTheBytesThatTheSpecificationGives) {
  Span span;
  for (std::uint8_t i = 0; i < 16; ++i) span.trace_id[i] = i;
  for (std::uint8_t i = 0; i < 8; ++i) span.span_id[i] = static_cast<std::uint8_t>(0xa0 + i);
  span.trace_state = "k=v";
  span.parent_span_id = {1, 0, 0, 0, 0, 0, 0, 2};
  span.flags = 0x101;
  span.name = "run";
  span.kind = SpanKind::client;
  span.start_time_unix_nano = 1;
  span.end_time_unix_nano = 0x0102030405060708;
  span.attributes = {{"a", {true}}};
  span.dropped_attributes_count = 300;
  span.events = {{.time_unix_nano = 2, .name = "e", .attributes = {{"b", {}}}, .dropped_attributes_count = 1}};
  span.dropped_events_count = 4;
  span.links = {{.trace_id = span.trace_id, .span_id = {}, .trace_state = "", .attributes = {}, .flags = 1}};
  span.dropped_links_count = 5;
  span.status = {"bad", StatusCode::error};
  const std::string expected =
      hex("0a10000102030405060708090a0b0c0d0e0f"  // 1 trace_id
          "1208a0a1a2a3a4a5a6a7"                  // 2 span_id
          "1a036b3d76"                            // 3 trace_state
          "22080100000000000002"                  // 4 parent_span_id
          "2a0372756e"                            // 5 name
          "3003"                                  // 6 kind
          "390100000000000000"                    // 7 start_time_unix_nano, fixed64
          "410807060504030201"                    // 8 end_time_unix_nano
          "4a070a016112021001"                    // 9 attributes
          "50ac02"                                // 10 dropped_attributes_count: 300 = 0x12c
          "5a15"                                  // 11 events, 21 bytes:
          "090200000000000000"                    //   1 time_unix_nano
          "120165"                                //   2 name
          "1a050a01621200"                        //   3 attributes; the value is empty
          "2001"                                  //   4 dropped_attributes_count
          "6004"                                  // 12 dropped_events_count
          "6a17"                                  // 13 links, 23 bytes:
          "0a10000102030405060708090a0b0c0d0e0f"  //   1 trace_id; no span_id
          "3501000000"                            //   6 flags, fixed32
          "7005"                                  // 14 dropped_links_count
          "7a07"                                  // 15 status
          "1203626164"                            //   2 message
          "1802"                                  //   3 code
          "850101010000");                        // 16 flags, fixed32
  EXPECT_EQ(to_hex(encode(span)), to_hex(expected));
  const auto decoded = decode_span(expected);
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(decoded->value, span);
  EXPECT_EQ(decoded->stats, DecodeStats{});
}

TEST(OtlpProtobuf, AResponseHasTheBytesThatTheSpecificationGives) {
  EXPECT_EQ(encode(ExportTraceServiceResponse{}), "");
  const ExportTraceServiceResponse response{.rejected_spans = 3, .error_message = "no"};
  const std::string expected = hex("0a06080312026e6f");  // 1 partial_success { 1 rejected_spans, 2 error_message }
  EXPECT_EQ(encode(response), expected);
  EXPECT_EQ(decode_response(expected)->value, response);
  EXPECT_EQ(decode_response("")->value, ExportTraceServiceResponse{});
}

TEST(OtlpProtobuf, GeneratedTracesComeBackAsTheyWereAndWithTheSameBytes) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const TracesData traces = test::Generator(seed).traces();
    const std::string bytes = encode(traces);
    const auto decoded = decode_traces(bytes);
    ASSERT_TRUE(decoded) << decoded.error().text() << ", seed " << seed;
    ASSERT_EQ(decoded->value, traces) << "seed " << seed;
    ASSERT_EQ(decoded->stats, DecodeStats{}) << "seed " << seed;
    ASSERT_EQ(encode(decoded->value), bytes) << "seed " << seed;
  }
}

TEST(OtlpProtobuf, SingleMessagesComeBackAsTheyWere) {
  test::Generator generator(1);
  for (int i = 0; i < 200; ++i) {
    const Span span = generator.span();
    EXPECT_EQ(decode_span(encode(span))->value, span);
    const Resource resource = generator.resource();
    EXPECT_EQ(decode_resource(encode(resource))->value, resource);
    const InstrumentationScope scope = generator.scope();
    EXPECT_EQ(decode_scope(encode(scope))->value, scope);
  }
}

TEST(OtlpProtobuf, NothingIsAnEmptyRequest) {
  const auto decoded = decode_traces("");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->value, TracesData{});
}

TEST(OtlpProtobuf, TruncatedOrFlippedBytesGiveAnErrorOrAValueThatEncodesAgain) {
  int errors = 0;
  const auto must_hold = [&](std::string_view bytes) {
    const auto decoded = decode_traces(bytes);
    if (!decoded) {
      ++errors;
      EXPECT_EQ(decoded.error().code, ErrorCode::invalid_input) << decoded.error().text();
      return;
    }
    const std::string again = encode(decoded->value);
    EXPECT_EQ(encode(decode_traces(again).value().value), again);
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string bytes = encode(test::Generator(seed).traces());
    for (std::size_t size = 0; size < bytes.size(); ++size) must_hold(std::string_view(bytes).substr(0, size));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
      must_hold(flipped);
    }
  }
  EXPECT_GT(errors, 1000);
}

TEST(OtlpProtobuf, BytesThatAreNoProtobufAreNamedAsSuch) {
  const auto decoded = decode_traces("\x0a\x05zz");  // says five bytes, has two
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(decoded.error().message, HasSubstr("not a protobuf message TracesData: end of buffer"));
}

TEST(OtlpProtobuf, UnknownFieldsAndOtherWireTypesAreSkipped) {
  const std::string unknown =
      hex("a00607"                // field 100, varint
          "a1060102030405060708"  // field 100, fixed64
          "a206026869"            // field 100, length-delimited
          "a50601020304"          // field 100, fixed32
          "2807");                // field 5, name, but as a varint
  const auto decoded = decode_traces(request_of(unknown + kIds + field(5, "run") + unknown));
  ASSERT_TRUE(decoded) << decoded.error().text();
  const Span& span = decoded->value.resource_spans.at(0).scope_spans.at(0).spans.at(0);
  EXPECT_EQ(span.name, "run");
}

TEST(OtlpProtobuf, RepeatedSingularFieldsMerge) {
  // A scalar: the last one. A message: joined. A oneof: the last one, but two arrays are joined.
  const std::string array_one = field(5, field(1, hex("1801")));
  const std::string array_two = field(5, field(1, hex("1802")));
  const std::string status = field(15, field(2, "bad")) + field(15, hex("1802"));
  const auto decoded = decode_span(kIds + field(5, "first") + field(5, "last") + status +
                                   field(9, field(1, "a") + field(2, array_one) + field(2, array_two)) +
                                   field(9, field(1, "b") + field(2, array_one + hex("1803"))));
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(decoded->value.name, "last");
  EXPECT_EQ(decoded->value.status, (Status{"bad", StatusCode::error}));
  EXPECT_EQ(decoded->value.attributes,
            (KeyValueList{{"a", {ArrayValue{{std::int64_t{1}}, {std::int64_t{2}}}}}, {"b", {std::int64_t{3}}}}));
}

TEST(OtlpProtobuf, InvalidUtf8BecomesReplacementCharactersAndIsCounted) {
  const auto decoded =
      decode_span(kIds + field(5, "a\xff") + field(9, field(1, "\xc0k") + field(2, field(1, "\xed\xa0\x80"))));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->value.name, "a\uFFFD");
  EXPECT_EQ(decoded->value.attributes, (KeyValueList{{"\uFFFDk", {std::string("\uFFFD\uFFFD\uFFFD")}}}));
  EXPECT_EQ(decoded->stats.replaced_utf8, 5u);
  // Bytes are no text.
  EXPECT_EQ(decode_span(kIds + field(9, field(2, field(7, "\xff"))))->stats.replaced_utf8, 0u);
}

struct BadSpan {
  std::string bytes;
  std::string why;
};

std::vector<BadSpan> bad_spans() {
  const std::string trace_id = field(1, hex(kTraceIdHex));
  const std::string span_id = field(2, hex(kSpanIdHex));
  return {
      {span_id, "trace_id is missing or all zero"},
      {trace_id, "span_id is missing or all zero"},
      {field(1, std::string(16, '\0')) + span_id, "trace_id is missing or all zero"},
      {trace_id + field(2, std::string(8, '\0')), "span_id is missing or all zero"},
      {field(1, std::string(15, 'x')) + span_id, "trace_id has 15 bytes instead of 16"},
      {trace_id + field(2, std::string(9, 'x')), "span_id has 9 bytes instead of 8"},
      {kIds + field(4, "x"), "parent_span_id has 1 bytes instead of 8"},
      {kIds + field(13, field(1, "x")), "a link's trace_id has 1 bytes instead of 16"},
      {kIds + field(13, field(2, "x")), "a link's span_id has 1 bytes instead of 8"},
  };
}

TEST(OtlpProtobuf, SpansWithUnusableIdsAreRejectedAndTheRestIsKept) {
  for (const BadSpan& bad : bad_spans()) {
    const std::string spans = field(2, kIds + field(5, "one")) + field(2, bad.bytes + field(5, "two")) +
                              field(2, bad.bytes) + field(2, kIds + field(5, "four"));
    const std::string scope_spans = hex("12") + std::string(1, static_cast<char>(spans.size() | 0x80)) +
                                    std::string(1, static_cast<char>(spans.size() >> 7)) + spans;
    const std::string request = hex("0a") + std::string(1, static_cast<char>(scope_spans.size() | 0x80)) +
                                std::string(1, static_cast<char>(scope_spans.size() >> 7)) + scope_spans;
    const auto decoded = decode_traces(request);
    ASSERT_TRUE(decoded) << decoded.error().text();
    const std::vector<Span>& kept = decoded->value.resource_spans.at(0).scope_spans.at(0).spans;
    ASSERT_EQ(kept.size(), 2u) << bad.why;
    EXPECT_EQ(kept[0].name, "one");
    EXPECT_EQ(kept[1].name, "four");
    EXPECT_EQ(decoded->stats.rejected_spans, 2u);
    EXPECT_EQ(decoded->stats.rejection, "span \"two\": " + bad.why);
  }
}

TEST(OtlpProtobuf, ASingleSpanWithUnusableIdsIsAnError) {
  for (const BadSpan& bad : bad_spans()) {
    const auto decoded = decode_span(bad.bytes);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(decoded.error().message, "not a usable OTLP span: " + bad.why);
  }
}

TEST(OtlpProtobuf, AParentOfZerosIsARoot) {
  const auto decoded = decode_span(kIds + field(4, std::string(8, '\0')));
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(is_set(decoded->value.parent_span_id));
}

// Each limit holds at its value and is named one past it.
void expect_limit(std::string_view within, std::string_view past, const DecodeLimits& limits, std::string_view name) {
  const auto good = decode_traces(within, limits);
  EXPECT_TRUE(good) << name << ": " << good.error().text();
  const auto bad = decode_traces(past, limits);
  ASSERT_FALSE(bad) << name;
  EXPECT_EQ(bad.error().code, ErrorCode::limit_exceeded);
  EXPECT_THAT(bad.error().message, HasSubstr("(limit " + std::string(name) + ")"));
}

std::string nested(int levels) {
  std::string value;
  for (int i = 0; i < levels; ++i) value = field(5, field(1, value));
  return request_of(kIds + field(9, field(2, value)));
}

std::string nested_lists(int levels) {
  std::string value;
  for (int i = 0; i < levels; ++i) value = field(6, field(1, field(2, value)));
  return request_of(kIds + field(9, field(2, value)));
}

TEST(OtlpProtobuf, EveryLimitEndsDecodingAndIsNamed) {
  const std::string one = request_of(kIds);
  expect_limit(one, one + one, {.input_bytes_max = one.size()}, "input_bytes_max");
  expect_limit(one, one + one, {.spans_max = 1}, "spans_max");
  const std::string attribute = field(9, field(1, "a"));
  expect_limit(request_of(kIds + attribute + attribute), request_of(kIds + attribute + attribute + attribute),
               {.attributes_max = 2}, "attributes_max");
  expect_limit(nested(3), nested(4), {.value_depth_max = 3}, "value_depth_max");
  expect_limit(nested_lists(3), nested_lists(4), {.value_depth_max = 3}, "value_depth_max");
  // A resource, a scope, a span and an event are four items.
  expect_limit(request_of(kIds + field(11, "")), request_of(kIds + field(11, "") + field(11, "")), {.items_max = 4},
               "items_max");
  expect_limit(request_of(kIds + field(13, "")), request_of(kIds + field(13, "") + field(13, "")), {.items_max = 4},
               "items_max");
}

}  // namespace
}  // namespace meshflow::otlp
