#include "server/otlp_grpc_receiver.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "net/content_encoding.hpp"
#include "net/raw_client.hpp"
#include "otlp/encode.hpp"
#include "server/decoding_sink.hpp"
#include "server/log_requests.hpp"
#include "support/http_server.hpp"
#include "telemetry/exporters/otlp_grpc.hpp"
#include "telemetry/exporters/rpc_status.hpp"
#include "telemetry_export/batch_builder.hpp"

namespace meshflow::server {
namespace {

using namespace std::chrono_literals;
using test::BatchBuilder;
using test::make_span;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kTraces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr const char* kLogs = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const auto kFarDeadline = std::chrono::steady_clock::time_point::max();

// Any bytes to any method.
class RawGrpcClient {
 public:
  struct Answer {
    grpc::Status status;
    std::string bytes;
  };
  explicit RawGrpcClient(const net::ListenAddress& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(address.text(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
  }
  Answer call(const std::string& method, const std::string& bytes,
              grpc_compression_algorithm compression = GRPC_COMPRESS_NONE, const std::string& token = "",
              std::chrono::milliseconds timeout = 60s) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    context.set_compression_algorithm(compression);
    if (!token.empty()) context.AddMetadata("authorization", token);
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer message(&slice, 1);
    grpc::CompletionQueue queue;
    const auto pending = stub_->PrepareUnaryCall(&context, method, message, &queue);
    pending->StartCall();
    grpc::ByteBuffer response;
    Answer answer;
    pending->Finish(&response, &answer.status, nullptr);
    void* tag = nullptr;
    bool is_ok = false;
    queue.Next(&tag, &is_ok);
    std::vector<grpc::Slice> slices;
    if (response.Valid() && response.Dump(&slices).ok()) {
      for (const auto& each : slices) answer.bytes.append(reinterpret_cast<const char*>(each.begin()), each.size());
    }
    return answer;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

class OtlpGrpcReceiverTest : public ::testing::Test {
 protected:
  OtlpGrpcReceiverTest() { start({}); }

  void start(OtlpGrpcOptions options) {
    receiver_.reset();
    auto receiver = OtlpGrpcReceiver::start(std::move(options), sink_);
    if (!receiver) throw std::runtime_error(receiver.error().text());
    receiver_ = std::move(*receiver);
    client_ = std::make_unique<RawGrpcClient>(receiver_->address());
  }
  telemetry::ExportOutcome export_spans(int count, telemetry::OtlpGrpcOptions options) {
    BatchBuilder builder;
    for (int i = 1; i <= count; ++i) builder.add(make_span("step", static_cast<std::uint8_t>(i % 255 + 1)));
    options.target.address = receiver_->address().text();
    auto exporter = telemetry::make_otlp_grpc_exporter(std::move(options));
    return (*exporter)->export_batch(builder.batch(), kFarDeadline);
  }
  static std::string request() {
    otlp::TracesData data;
    data.resource_spans.resize(1);
    data.resource_spans[0].scope_spans.resize(1);
    data.resource_spans[0].scope_spans[0].spans = {make_span("a", 1)};
    return otlp::encode(data);
  }

  DecodingSink sink_;
  std::unique_ptr<OtlpGrpcReceiver> receiver_;
  std::unique_ptr<RawGrpcClient> client_;
};

TEST_F(OtlpGrpcReceiverTest, TakesWhatTheExporterSends) {
  for (const bool gzip : {false, true}) {
    const auto outcome = export_spans(300, {.gzip = gzip});
    EXPECT_EQ(outcome.exported, 300u) << outcome.error;
    EXPECT_THAT(outcome.error, IsEmpty());
  }
  EXPECT_THAT(sink_.spans(), SizeIs(600));
  EXPECT_EQ(sink_.spans().front(), make_span("step", 2));
  EXPECT_EQ(receiver_->stats().acknowledged, 2u);
}

TEST_F(OtlpGrpcReceiverTest, AcceptsAnEmptyRequestWithoutBotheringTheSink) {
  const auto answer = client_->call(kTraces, "");
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.bytes, "");
  EXPECT_THAT(sink_.requests(), IsEmpty());
}

TEST_F(OtlpGrpcReceiverTest, ReportsRejectedSpans) {
  otlp::TracesData data;
  data.resource_spans.resize(1);
  data.resource_spans[0].scope_spans.resize(1);
  data.resource_spans[0].scope_spans[0].spans = {make_span("good", 1), make_span("bad", 0)};
  const auto answer = client_->call(kTraces, otlp::encode(data));
  EXPECT_TRUE(answer.status.ok());
  const auto response = otlp::decode_response(answer.bytes);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->value.rejected_spans, 1);
  EXPECT_EQ(response->value.error_message, "span \"bad\": span_id is missing or all zero");
}

TEST_F(OtlpGrpcReceiverTest, RefusesBadBytesOnceAndForAll) {
  const std::string whole = request();
  for (const std::string& bytes :
       {whole.substr(0, whole.size() - 1), std::string("hello"), std::string("\x1F\x8Bnogzip")}) {
    const auto answer = client_->call(kTraces, bytes);
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    const auto details = telemetry::parse_rpc_status(answer.status.error_details());
    EXPECT_EQ(details.message, answer.status.error_message());
    EXPECT_FALSE(details.retry_delay);
  }
  EXPECT_EQ(receiver_->stats().refused_bad, 3u);
}

TEST_F(OtlpGrpcReceiverTest, AsksToComeBackWhereTheSinkCannotTakeIt) {
  start({.limits = {.retry_after = 7s}});
  sink_.fail_with(ErrorCode::unavailable, "no space left on the disk");
  const auto answer = client_->call(kTraces, request());
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(answer.status.error_message(), "no space left on the disk");
  EXPECT_EQ(telemetry::parse_rpc_status(answer.status.error_details()).retry_delay, 7s);
  sink_.fail_with(ErrorCode::limit_exceeded, "too many spans");
  const auto too_many = client_->call(kTraces, request());
  EXPECT_EQ(too_many.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_FALSE(telemetry::parse_rpc_status(too_many.status.error_details()).retry_delay);
}

TEST_F(OtlpGrpcReceiverTest, AsksToComeBackBeyondItsOwnLimits) {
  start({.limits = {.requests_max = 1}});
  sink_.hold();
  std::thread first([this] { EXPECT_TRUE(client_->call(kTraces, request()).status.ok()); });
  sink_.wait_until_held(1);
  const auto answer = client_->call(kTraces, request());
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(telemetry::parse_rpc_status(answer.status.error_details()).retry_delay, 1s);
  sink_.do_one();
  first.join();
  EXPECT_EQ(receiver_->stats().refused_overloaded, 1u);
}

TEST_F(OtlpGrpcReceiverTest, TakesTheEventThatTellsOfSpans) {
  const auto taken = client_->call(kLogs, otlp::encode(logs_of({"meshflow.span.start", "exception"})));
  EXPECT_TRUE(taken.status.ok()) << taken.status.error_message();
  EXPECT_THAT(taken.bytes, AllOf(HasSubstr("\x08\x01"), HasSubstr("1 records were left out")));
  ASSERT_EQ(sink_.starts().size(), 1u);
  EXPECT_EQ(sink_.starts()[0].name, "work");
  EXPECT_TRUE(client_->call(kLogs, "").status.ok());
  EXPECT_EQ(client_->call(kLogs, "x").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(OtlpGrpcReceiverTest, SaysWhatItDoesNotKeep) {
  for (const auto& [method, message] :
       {std::pair("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", std::string("x")),
        std::pair(kLogs, otlp::encode(logs_of({"exception"})))}) {
    const auto answer = client_->call(method, message);
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_THAT(answer.status.error_message(), HasSubstr("traces only"));
  }
  const auto unknown = client_->call("/a.b/C", "x");
  EXPECT_EQ(unknown.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(unknown.status.error_message(), AllOf(HasSubstr("/a.b/C"), HasSubstr(kTraces)));
  const auto deflated = client_->call(kTraces, request() + std::string(1000, '\x0A'), GRPC_COMPRESS_DEFLATE);
  EXPECT_EQ(deflated.status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << deflated.status.error_message();
}

TEST_F(OtlpGrpcReceiverTest, StopsACompressionBombAtItsLimit) {
  start({.limits = {.message_bytes_max = 1 << 20, .decoded_message_bytes_max = 2 << 20}});
  const auto bomb = client_->call(kTraces, std::string(100 << 20, '\0'), GRPC_COMPRESS_GZIP);
  EXPECT_EQ(bomb.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(bomb.status.error_message(), HasSubstr("2097152"));
  const auto large = client_->call(kTraces, std::string(2 << 20, 'x'));
  EXPECT_EQ(large.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(sink_.requests(), IsEmpty());
}

TEST_F(OtlpGrpcReceiverTest, AsksForItsToken) {
  start({.bearer_token = "s3cret"});
  for (const char* token : {"", "Bearer wrong", "s3cret"}) {
    EXPECT_EQ(client_->call(kTraces, "", GRPC_COMPRESS_NONE, token).status.error_code(),
              grpc::StatusCode::UNAUTHENTICATED)
        << token;
  }
  EXPECT_TRUE(client_->call(kTraces, "", GRPC_COMPRESS_NONE, "Bearer s3cret").status.ok());
}

TEST_F(OtlpGrpcReceiverTest, SpeaksTls) {
  const auto certificate = test::TestCertificate::make();
  const std::string file =
      (std::filesystem::path(::testing::TempDir()) / fmt::format("{}-grpc.pem", ::getpid())).string();
  std::ofstream(file) << certificate.certificate_pem << certificate.key_pem;
  start({.tls = {.certificate_file = file}});
  const auto outcome = export_spans(3, {.target = {.address = "", .uses_tls = true}, .ca_file = file});
  EXPECT_EQ(outcome.exported, 3u) << outcome.error;
  const auto missing = OtlpGrpcReceiver::start({.tls = {.certificate_file = file + ".no"}}, sink_);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr(file + ".no"));
}

TEST_F(OtlpGrpcReceiverTest, SaysThatAnAddressIsTakenOrPublic) {
  const auto taken = OtlpGrpcReceiver::start({.address = receiver_->address()}, sink_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::conflict);
  EXPECT_THAT(taken.error().message, HasSubstr(receiver_->address().text()));
  const auto open = OtlpGrpcReceiver::start({.address = {"0.0.0.0", 0}}, sink_);
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().text(), HasSubstr("--insecure-public"));
}

TEST_F(OtlpGrpcReceiverTest, SurvivesBytesThatAreNoHttp2) {
  for (const char* bytes : {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xFF\xFF\xFF\xFF\xFF", "\x16\x03\x01\x02"}) {
    net::RawClient client(receiver_->address().port);
    client.send(bytes);
    client.shutdown_send();
    client.read_to_end();
  }
  EXPECT_TRUE(client_->call(kTraces, request()).status.ok());
}

TEST_F(OtlpGrpcReceiverTest, FinishesWhatHasBegunBeforeItStops) {
  sink_.hold();
  grpc::Status status(grpc::StatusCode::UNKNOWN, "no answer");
  std::thread caller([&] { status = client_->call(kTraces, request()).status; });
  sink_.wait_until_held(1);
  std::thread stopping([this] { receiver_->stop(20s); });
  sink_.do_one();
  stopping.join();
  caller.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(sink_.spans(), SizeIs(1));
}

}  // namespace
}  // namespace meshflow::server
