#include "server/tempo_api.hpp"

#include "base/version.hpp"
#include "otlp/decode.hpp"
#include "server/query_api_fixture.hpp"

namespace meshflow::server {
namespace {

using test::make_span;
using test::request_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kTrace1 = "4a000000000000000000000000000001";

class TempoApiTest : public test::QueryApiTest {
 protected:
  void keep_one() {
    otlp::Span span = make_span(1, 1, "work");
    span.parent_span_id = store::test::span_id(9);
    span.status.code = otlp::StatusCode::error;
    span.attributes = {{"n", {std::int64_t{5}}}, {"d", {0.5}}, {"b", {true}}, {"s", {std::string("t")}}};
    keep(request_of({span}, "shop"));
  }
};

TEST_F(TempoApiTest, AnswersWhoItIs) {
  const net::HttpResponse echo = tempo("/api/echo");
  EXPECT_EQ(echo.status, 200);
  EXPECT_EQ(echo.body, "echo");
  EXPECT_EQ(tempo("/ready").status, 200);
  EXPECT_THAT(tempo("/api/status/buildinfo").body, HasSubstr(std::string(R"({"version":")") + version() + '"'));
}

// jsonpb of tempopb.Trace, with "batches" for "resourceSpans" (pkg/tempopb/trace_utils.go of Tempo 3). The id's bytes
// 4a, fourteen zeros, 01 are SgAAAAAAAAAAAAAAAAAAAQ== in base64, the span's seven zeros and 01 AAAAAAAAAAE=.
TEST_F(TempoApiTest, ATraceIsInBatchesWithIdsInBase64) {
  keep_one();
  const net::HttpResponse response = tempo("/api/traces/" + kTrace1);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(response.body,
            R"({"batches":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},)"
            R"("scopeSpans":[{"scope":{"name":"test"},"spans":[{"traceId":"SgAAAAAAAAAAAAAAAAAAAQ==",)"
            R"("spanId":"AAAAAAAAAAE=","parentSpanId":"AAAAAAAAAAk=","name":"work","kind":"SPAN_KIND_INTERNAL",)"
            R"("startTimeUnixNano":"1764000000001000000","endTimeUnixNano":"1764000000006000000","attributes":[)"
            R"({"key":"n","value":{"intValue":"5"}},{"key":"d","value":{"doubleValue":0.5}},)"
            R"({"key":"b","value":{"boolValue":true}},{"key":"s","value":{"stringValue":"t"}}],)"
            R"("status":{"code":"STATUS_CODE_ERROR"}}]}]}]})");
}

TEST_F(TempoApiTest, TheSecondVersionWrapsTheTrace) {
  keep_one();
  EXPECT_THAT(tempo("/api/v2/traces/" + kTrace1).body,
              AllOf(::testing::StartsWith(R"({"trace":{"resourceSpans":[{"resource":)"),
                    HasSubstr(R"("metrics":{"inspectedBytes":")")));
}

TEST_F(TempoApiTest, ProtobufIsTheSameMessage) {
  keep_one();
  const net::HttpResponse first = tempo("/api/traces/" + kTrace1, {{"Accept", "application/protobuf"}});
  EXPECT_EQ(first.header("content-type"), "application/protobuf");
  const auto decoded = otlp::decode_traces(first.body);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->value.resource_spans[0].scope_spans[0].spans[0].name, "work");
  const std::string second = tempo("/api/v2/traces/" + kTrace1, {{"Accept", "application/protobuf"}}).body;
  // Field 1, length-delimited: the trace; the message is longer than 127 bytes, so the length has two.
  ASSERT_GT(second.size(), first.body.size() + 3);
  EXPECT_EQ(second[0], '\x0a');
  EXPECT_EQ(second.substr(3, first.body.size()), first.body);
  EXPECT_EQ(second[3 + first.body.size()], '\x12');
}

TEST_F(TempoApiTest, AMissingTraceIsNotFoundOrEmpty) {
  const net::HttpResponse first = tempo("/api/traces/ab");
  EXPECT_EQ(first.status, 404);
  EXPECT_EQ(first.body, "");
  const net::HttpResponse second = tempo("/api/v2/traces/ab");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, R"({"trace":{},"metrics":{}})");
}

// pkg/util/traceid.go of Tempo 3.
TEST_F(TempoApiTest, IdsThatAreNoneAreRefusedInTemposWords) {
  const net::HttpResponse not_hex = tempo("/api/traces/4az");
  EXPECT_EQ(not_hex.status, 400);
  EXPECT_EQ(not_hex.body, "trace IDs can only contain hex characters: invalid character 'z' at position 3");
  EXPECT_EQ(tempo("/api/v2/traces/" + std::string(34, 'a')).body, "trace IDs can't be larger than 128 bits");
  EXPECT_EQ(tempo("/api/traces/ab?start=x").status, 400);
}

}  // namespace
}  // namespace meshflow::server
