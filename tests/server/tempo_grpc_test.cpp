// tempopb.StreamingQuerier on the port of Tempo's HTTP API, asked by a real gRPC client. Messages are written here by
// hand, after pkg/tempopb/tempo.proto of Tempo 3.
#include "server/tempo_grpc.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <protozero/pbf_writer.hpp>

#include "net/http_client.hpp"
#include "net/raw_client.hpp"
#include "server/trace_server.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::server {
namespace {

using namespace std::chrono_literals;
using store::test::kStart;
using store::test::make_span;
using store::test::request_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kService = "/tempopb.StreamingQuerier/";
const std::string kTrace1 = "4a000000000000000000000000000001";
const std::string kTrace2 = "4a000000000000000000000000000002";

struct Answer {
  std::vector<std::string> messages;
  grpc::Status status;
  // Messages of one type, one after the other, are their sum.
  [[nodiscard]] std::string sum() const {
    std::string all;
    for (const std::string& each : messages) all += each;
    return all;
  }
};

class TempoGrpcTest : public store::test::StoreTest {
 protected:
  void SetUp() override {
    open();
    otlp::Span span = make_span(1, 1, "meshflow.agent");
    span.attributes = {{"meshflow.role", {std::string("planner")}}};
    keep(request_of({span}, "meshflow"));
    keep(request_of({make_span(2, 2)}, "shop"));
  }
  void start(const std::string& token = "", bool is_attached = true) {
    TraceServerOptions options;
    options.tempo = net::ListenAddress{};
    options.bearer_token = token;
    auto server = TraceServer::start(std::move(options));
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
    if (is_attached) server_->attach(*store_);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(address().text(), grpc::InsecureChannelCredentials(), arguments);
  }
  [[nodiscard]] net::ListenAddress address() const { return server_->listeners().front().address; }

  Answer call(const std::string& method, const std::string& request, const std::string& token = "",
              grpc_compression_algorithm compression = GRPC_COMPRESS_NONE) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    context.set_compression_algorithm(compression);
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(channel_);
    const auto stream = stub.PrepareCall(&context, method, &queue);
    const auto is_done = [&queue] {
      void* tag = nullptr;
      bool is_ok = false;
      queue.Next(&tag, &is_ok);
      return is_ok;
    };
    stream->StartCall(nullptr);
    (void)is_done();
    const grpc::Slice slice(request);
    stream->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    (void)is_done();
    Answer answer;
    for (;;) {
      grpc::ByteBuffer message;
      stream->Read(&message, nullptr);
      if (!is_done()) break;
      std::vector<grpc::Slice> slices;
      std::string& bytes = answer.messages.emplace_back();
      if (!message.Dump(&slices).ok()) continue;
      for (const auto& each : slices) bytes.append(reinterpret_cast<const char*>(each.begin()), each.size());
    }
    stream->Finish(&answer.status, nullptr);
    (void)is_done();
    return answer;
  }

  static std::string search(const std::string& query, std::uint32_t limit = 0) {
    std::string bytes;
    protozero::pbf_writer request(bytes);
    if (limit > 0) request.add_uint32(4, limit);
    request.add_string(8, query);
    return bytes;
  }

  std::unique_ptr<TraceServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(TempoGrpcTest, ASearchSendsTracesAndThenItsMetrics) {
  start();
  const Answer answer = call(kService + "Search", search("{ }"));
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_GE(answer.messages.size(), 2u);
  // The newest first; traces are field 1, whose field 1 is the id of 32 digits.
  const std::string all = answer.sum();
  EXPECT_LT(all.find("\x0a\x20" + kTrace2), all.find("\x0a\x20" + kTrace1));
  EXPECT_EQ(all.find("\x0a\x20" + kTrace1), all.rfind("\x0a\x20" + kTrace1)) << "each trace once";
  // The last message is the metrics alone: field 2, inspectedTraces (1) is 2.
  EXPECT_TRUE(answer.messages.back().starts_with('\x12'));
  EXPECT_THAT(answer.messages.back(), HasSubstr("\x08\x02"));
}

TEST_F(TempoGrpcTest, TagsOfARequestAreAskedFor) {
  start();
  std::string bytes;
  protozero::pbf_writer request(bytes);
  request.add_message(1, std::string("\x0a\x0cservice.name\x12\x04shop"));
  const Answer answer = call(kService + "Search", bytes);
  EXPECT_THAT(answer.sum(), HasSubstr(kTrace2));
  EXPECT_THAT(answer.sum(), ::testing::Not(HasSubstr(kTrace1)));
}

TEST_F(TempoGrpcTest, NamesAndValuesOfTagsAreAnswered) {
  start();
  std::string scope;
  protozero::pbf_writer(scope).add_string(1, "resource");
  // SearchTagsResponse: tagNames (1), then metrics (2): totalJobs (2), completedJobs (3).
  EXPECT_EQ(call(kService + "SearchTags", scope).sum(), "\x0a\x0cservice.name\x12\x04\x10\x01\x18\x01");
  // SearchTagsV2Response: scopes (1) of name (1) and tags (2).
  EXPECT_EQ(call(kService + "SearchTagsV2", scope).sum(),
            "\x0a\x18\x0a\x08resource\x12\x0cservice.name\x12\x04\x10\x01\x18\x01");
  std::string tag;
  protozero::pbf_writer(tag).add_string(1, "service.name");
  EXPECT_EQ(call(kService + "SearchTagValues", tag).sum(), "\x0a\x08meshflow\x0a\x04shop\x12\x04\x10\x01\x18\x01");
  std::string field;
  protozero::pbf_writer(field).add_string(1, "span.meshflow.role");
  // TagValue: type (1), value (2).
  EXPECT_EQ(call(kService + "SearchTagValuesV2", field).sum(),
            "\x0a\x11\x0a\x06string\x12\x07planner\x12\x04\x10\x01\x18\x01");
}

TEST_F(TempoGrpcTest, MetricsAreAnswered) {
  start();
  const auto request = [](bool is_range) {
    std::string bytes;
    protozero::pbf_writer made(bytes);
    made.add_string(1, "{ } | count_over_time()");
    made.add_uint64(2, kStart);
    made.add_uint64(3, kStart + 60'000'000'000);
    if (is_range) made.add_uint64(4, 60'000'000'000);
    return bytes;
  };
  // TimeSeries: labels (1), samples (2): timestampMs (2) 1764000060000, value (1) 2.0.
  const std::string sample("\x10\xe0\xa4\xe3\xb4\xab\x33\x09\x00\x00\x00\x00\x00\x00\x00\x40", 16);
  EXPECT_THAT(call(kService + "MetricsQueryRange", request(true)).sum(), HasSubstr(sample));
  // InstantSeries: labels (1), value (2).
  const std::string value("\x11\x00\x00\x00\x00\x00\x00\x00\x40", 9);
  EXPECT_THAT(call(kService + "MetricsQueryInstant", request(false)).sum(), HasSubstr(value));
}

TEST_F(TempoGrpcTest, WhatIsWrongIsToldWithItsPlace) {
  start();
  const Answer wrong = call(kService + "Search", search("{ statsu = error }"));
  EXPECT_EQ(wrong.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(wrong.status.error_message(), "invalid TraceQL query: 1:3: unknown name \"statsu\" (did you mean status?)");
  EXPECT_EQ(call(kService + "Search", "\xff").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(call(kService + "SearchTagValuesV2", "").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(call(kService + "MetricsQueryRange", "").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(call(kService + "Nothing", "").status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(call("/tempopb.Querier/FindTraceByID", "").status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(call(kService + "Search", std::string(300'000, 'x')).status.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(TempoGrpcTest, ARequestMayBeCompressed) {
  start();
  const Answer answer =
      call(kService + "Search", search("{ name = \"" + std::string(200, 'x') + "\" }"), "", GRPC_COMPRESS_GZIP);
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
}

TEST_F(TempoGrpcTest, TheTokenIsAskedFor) {
  start("secret");
  EXPECT_EQ(call(kService + "Search", search("{ }")).status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(call(kService + "Search", search("{ }"), "secret").status.ok());
}

TEST_F(TempoGrpcTest, BeforeTheStoreIsThereItIsUnavailable) {
  start("", false);
  EXPECT_EQ(call(kService + "Search", search("{ }")).status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TempoGrpcTest, HttpGoesOnOnTheSamePort) {
  start();
  (void)call(kService + "Search", search("{ }"));
  net::HttpClient client;
  const std::string url = "http://" + address().text() + "/api/echo";
  net::HttpRequest request;
  request.url = url;
  request.method = "GET";
  const auto echo = client.send(request);
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->body, "echo");
  // A request whose first bytes come one by one is HTTP/1 all the same.
  net::RawClient slow(address().port);
  for (const char c : std::string("GET /api/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) {
    ASSERT_TRUE(slow.send(std::string_view(&c, 1)));
  }
  EXPECT_THAT(slow.read_to_end(), HasSubstr("\r\n\r\necho"));
}

TEST_F(TempoGrpcTest, AClientThatGoesAtOnceLeavesNothing) {
  start();
  for (int i = 0; i < 20; ++i) net::RawClient(address().port).send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_TRUE(call(kService + "Search", search("{ }")).status.ok());
}

TEST_F(TempoGrpcTest, StoppingEndsItsCalls) {
  start();
  (void)call(kService + "Search", search("{ }"));
  server_->stop(5s);
  EXPECT_FALSE(call(kService + "Search", search("{ }")).status.ok());
}

TEST(MessagePieces, AMessageIsCutBetweenItsFields) {
  std::string message;
  protozero::pbf_writer writer(message);
  for (const char* const text : {"aaaa", "bbbb", "cccc"}) writer.add_string(1, text);  // six bytes each
  writer.add_uint32(2, 5);
  const auto pieces = message_pieces(message, 12);
  ASSERT_TRUE(pieces);
  EXPECT_THAT(*pieces, ElementsAre("\x0a\x04"
                                   "aaaa\x0a\x04"
                                   "bbbb",
                                   "\x0a\x04"
                                   "cccc\x10\x05"));
  EXPECT_THAT(*message_pieces(message, 1), ::testing::SizeIs(4));
  EXPECT_THAT(*message_pieces(message, 100, 1), ElementsAre("\x10\x05"));
  EXPECT_THAT(*message_pieces("", 100), ElementsAre(""));
  EXPECT_FALSE(message_pieces("\x0a\x05x", 100));
}

}  // namespace
}  // namespace meshflow::server
