// OTLP logs, both encodings. Expected bytes are worked out by hand from logs.proto and the protobuf encoding guide.
#include "otlp/logs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace meshflow::otlp {
namespace {

using ::testing::HasSubstr;

std::string hex(std::string_view digits) { return from_hex(digits).value(); }

LogRecord record() {
  LogRecord record;
  record.time_unix_nano = 1;
  record.observed_time_unix_nano = 2;
  record.severity_number = 9;
  record.severity_text = "INFO";
  record.body = {std::string("hi")};
  record.attributes = {{"a", {true}}};
  record.dropped_attributes_count = 300;
  record.flags = 1;
  for (std::uint8_t i = 0; i < 16; ++i) record.trace_id[i] = i;
  for (std::uint8_t i = 0; i < 8; ++i) record.span_id[i] = static_cast<std::uint8_t>(0xa0 + i);
  record.event_name = "e";
  return record;
}

LogsData logs_of(LogRecord one) {
  ScopeLogs scope;
  scope.scope.name = "s";
  scope.log_records.push_back(std::move(one));
  ResourceLogs resource;
  resource.resource.attributes = {{"r", {std::string("x")}}};
  resource.scope_logs.push_back(std::move(scope));
  return {{std::move(resource)}};
}

TEST(OtlpLogs, ARecordHasTheBytesThatTheSpecificationGives) {
  const std::string expected_record =
      hex("090100000000000000"                    // 1 time_unix_nano, fixed64
          "1009"                                  // 2 severity_number
          "1a04494e464f"                          // 3 severity_text
          "2a040a026869"                          // 5 body: AnyValue, string_value
          "32070a016112021001"                    // 6 attributes
          "38ac02"                                // 7 dropped_attributes_count: 300 = 0x12c
          "4501000000"                            // 8 flags, fixed32
          "4a10000102030405060708090a0b0c0d0e0f"  // 9 trace_id
          "5208a0a1a2a3a4a5a6a7"                  // 10 span_id
          "590200000000000000"                    // 11 observed_time_unix_nano
          "620165");                              // 12 event_name
  // ResourceLogs {resource {attributes}, scope_logs {scope {name}, log_records}}
  const std::string record_field = hex("12") + static_cast<char>(expected_record.size()) + expected_record;
  const std::string scope_logs = hex("0a030a0173") + record_field;
  const std::string resource_logs =
      hex("0a0a0a080a017212030a0178") + hex("12") + static_cast<char>(scope_logs.size()) + scope_logs;
  ASSERT_LT(resource_logs.size(), 128U) << "lengths of one byte";
  const std::string expected = hex("0a") + static_cast<char>(resource_logs.size()) + resource_logs;
  EXPECT_EQ(to_hex(encode(logs_of(record()))), to_hex(expected));
  const auto decoded = decode_logs(expected);
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(decoded->value, logs_of(record()));
}

TEST(OtlpLogs, AJsonRequestMeansTheSame) {
  const auto decoded = decode_logs_json(R"({"resourceLogs":[{
      "resource":{"attributes":[{"key":"r","value":{"stringValue":"x"}}]},
      "scopeLogs":[{"scope":{"name":"s"},"logRecords":[{
        "timeUnixNano":"1","observedTimeUnixNano":2,"severityNumber":9,"severityText":"INFO",
        "body":{"stringValue":"hi"},"attributes":[{"key":"a","value":{"boolValue":true}}],
        "droppedAttributesCount":300,"flags":1,"traceId":"000102030405060708090A0B0C0D0E0F",
        "spanId":"a0a1a2a3a4a5a6a7","eventName":"e","unknown":[1]}]}]}]})");
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(decoded->value, logs_of(record()));
}

TEST(OtlpLogs, AnIdOfTheWrongLengthIsNone) {
  const auto decoded =
      decode_logs(hex("0a0a12081206"
                      "4a021111"
                      "620165"));
  // The record's length is 7: four bytes of a trace id with two bytes, three of a name.
  const auto right =
      decode_logs(hex("0a0b12091207"
                      "4a021111"
                      "620165"));
  EXPECT_FALSE(decoded);
  ASSERT_TRUE(right) << right.error().text();
  const LogRecord& read = right->value.resource_logs.at(0).scope_logs.at(0).log_records.at(0);
  EXPECT_EQ(read.trace_id, TraceId{});
  EXPECT_EQ(read.event_name, "e");
}

TEST(OtlpLogs, WhatIsNoRequestIsAnErrorThatSaysWhere) {
  EXPECT_EQ(decode_logs("x").error().code, ErrorCode::invalid_input);
  EXPECT_THAT(decode_logs_json(R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"flags":"x"}]}]}]})").error().message,
              HasSubstr("resourceLogs[0].scopeLogs[0].logRecords[0].flags"));
  EXPECT_TRUE(decode_logs("")->value.resource_logs.empty());
}

TEST(OtlpLogs, RecordsAreBounded) {
  ScopeLogs scope;
  scope.log_records.resize(3);
  LogsData logs;
  logs.resource_logs.emplace_back().scope_logs.push_back(scope);
  const std::string bytes = encode(logs);
  DecodeLimits limits;
  limits.spans_max = 3;
  EXPECT_TRUE(decode_logs(bytes, limits));
  limits.spans_max = 2;
  EXPECT_EQ(decode_logs(bytes, limits).error().code, ErrorCode::limit_exceeded);
}

TEST(OtlpLogs, TheAnswerSaysWhatWasRejected) {
  EXPECT_EQ(encode(ExportLogsServiceResponse{}), "");
  EXPECT_EQ(encode_json(ExportLogsServiceResponse{}), "{}");
  EXPECT_EQ(to_hex(encode(ExportLogsServiceResponse{2, "no"})),
            "0a060802"
            "12026e6f");
  EXPECT_EQ(encode_json(ExportLogsServiceResponse{2, "no"}),
            R"({"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"no"}})");
}

}  // namespace
}  // namespace meshflow::otlp
