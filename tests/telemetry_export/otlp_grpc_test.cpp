#include "telemetry/exporters/otlp_grpc.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "otlp/decode.hpp"
#include "otlp/encode.hpp"
#include "support/grpc_server.hpp"
#include "telemetry/exporters/rpc_status.hpp"
#include "telemetry_export/batch_builder.hpp"
#include "telemetry_export/manual_retry_clock.hpp"

namespace meshflow::telemetry {
namespace {

using namespace std::chrono_literals;
using test::BatchBuilder;
using test::GrpcServer;
using test::make_span;
using test::ManualRetryClock;
using test::RetryWaits;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const auto kFarDeadline = SteadyTime::max();

// gRPC's status codes (grpc/status.h).
constexpr int kCancelled = 1, kInvalidArgument = 3, kDeadlineExceeded = 4, kPermissionDenied = 7,
              kResourceExhausted = 8, kAborted = 10, kOutOfRange = 11, kUnimplemented = 12, kInternal = 13,
              kUnavailable = 14, kDataLoss = 15, kUnauthenticated = 16;

// google.rpc.Status{code 8, details [Any{type.googleapis.com/google.rpc.RetryInfo, RetryInfo{retry_delay 2.5 s}}]},
// written out by hand: field 3 holds the Any, whose field 2 holds RetryInfo, whose field 1 holds Duration.
std::string status_with_retry_info() {
  const std::string duration("\x08\x02\x10\x80\xca\xb5\xee\x01", 8);  // seconds 2, nanos 500,000,000
  const std::string retry_info = "\x0a\x08" + duration;
  const std::string type = "type.googleapis.com/google.rpc.RetryInfo";
  const std::string any = "\x0a" + std::string(1, static_cast<char>(type.size())) + type + "\x12" +
                          std::string(1, static_cast<char>(retry_info.size())) + retry_info;
  return "\x08\x08\x12\x04"
         "busy"
         "\x1a" +
         std::string(1, static_cast<char>(any.size())) + any;
}

TEST(RpcStatus, MessageAndRetryDelayAreRead) {
  const RpcStatus status = parse_rpc_status(status_with_retry_info());
  EXPECT_EQ(status.message, "busy");
  EXPECT_EQ(status.retry_delay, 2500ms);
  EXPECT_FALSE(parse_rpc_status("\x08\x08").retry_delay);
  EXPECT_FALSE(parse_rpc_status(status_with_retry_info().substr(0, 20)).retry_delay);
}

class OtlpGrpc : public ::testing::Test {
 protected:
  GrpcTarget target(bool uses_tls = false) const { return {"127.0.0.1:" + std::to_string(server_.port()), uses_tls}; }
  std::unique_ptr<SpanExporter> make(OtlpGrpcOptions options = {}) {
    if (options.target.address.empty()) options.target = target();
    auto exporter = make_otlp_grpc_exporter(std::move(options), std::make_unique<ManualRetryClock>(waits_));
    EXPECT_TRUE(exporter);
    return std::move(*exporter);
  }

  GrpcServer server_;
  RetryWaits waits_;
  BatchBuilder two_spans_ = std::move(BatchBuilder().add(make_span("a", 1)).add(make_span("b", 2)));
};

TEST_F(OtlpGrpc, TheRequestArrivesWithItsMetadata) {
  const auto exporter = make({.headers = {{"X-Tenant", "blue"}}});
  const auto outcome = exporter->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u) << outcome.error;
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
  EXPECT_EQ(requests[0].metadata.at("x-tenant"), "blue");
  EXPECT_THAT(requests[0].metadata.at("user-agent"), HasSubstr("OTel-OTLP-Exporter-Cpp/"));
  EXPECT_EQ(requests[0].message, encode_request(two_spans_.batch()));
}

TEST_F(OtlpGrpc, GzipIsUndoneByThePeer) {
  EXPECT_EQ(make({.gzip = true})->export_batch(two_spans_.batch(), kFarDeadline).exported, 2u);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].message, encode_request(two_spans_.batch()));
}

// A peer behind a slow line: what is sent to it arrives half a second after the connection was made.
class SlowLine {
 public:
  explicit SlowLine(std::uint16_t to) : to_(to) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { carry(stop); });
  }
  ~SlowLine() {
    thread_.request_stop();
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  SlowLine(const SlowLine&) = delete;
  SlowLine& operator=(const SlowLine&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  // One connection after the other, both ways, until its ends close or the line is given up.
  void carry(const std::stop_token& stop) const {
    while (!stop.stop_requested()) {
      const int from = ::accept(listener_, nullptr, nullptr);
      if (from < 0) return;
      std::this_thread::sleep_for(500ms);
      const int to = ::socket(AF_INET, SOCK_STREAM, 0);
      const auto address = loopback(to_);
      if (::connect(to, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        std::array<pollfd, 2> ends{pollfd{from, POLLIN, 0}, pollfd{to, POLLIN, 0}};
        bool open = true;
        while (open && !stop.stop_requested()) {
          if (::poll(ends.data(), ends.size(), 50) < 0) break;
          for (std::size_t i = 0; i < 2 && open; ++i) {
            if (ends.at(i).revents == 0) continue;
            std::array<char, 4096> bytes{};
            const auto got = ::read(ends.at(i).fd, bytes.data(), bytes.size());
            open = got > 0 && ::write(ends.at(1 - i).fd, bytes.data(), static_cast<std::size_t>(got)) == got;
          }
        }
      }
      ::close(from);
      ::close(to);
    }
  }

  std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::jthread thread_;
};

TEST_F(OtlpGrpc, APeerWhoseHandshakeTakesHalfASecondIsReachedAtTheFirstTry) {
  const SlowLine line(static_cast<std::uint16_t>(server_.port()));
  const auto outcome = make({.target = {"127.0.0.1:" + std::to_string(line.port()), false}})
                           ->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u) << outcome.error;
  EXPECT_THAT(waits_.take(), IsEmpty());
}

TEST_F(OtlpGrpc, RetriesTheCodesThatTheSpecificationNames) {
  const auto codes = {kCancelled, kDeadlineExceeded, kAborted, kOutOfRange, kUnavailable, kDataLoss};
  for (const int code : codes) server_.script({.code = code});
  const auto outcome = make({.timeout = 100s})->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u) << outcome.error;
  EXPECT_EQ(server_.requests().size(), codes.size() + 1);
  EXPECT_EQ(waits_.take().size(), codes.size());
}

TEST_F(OtlpGrpc, RetriesNoOtherCode) {
  for (const int code :
       {kInvalidArgument, kPermissionDenied, kResourceExhausted, kUnimplemented, kInternal, kUnauthenticated}) {
    server_.script({.code = code, .message = "no way"});
    const auto outcome = make()->export_batch(two_spans_.batch(), kFarDeadline);
    EXPECT_EQ(outcome.dropped, 2u) << code;
    EXPECT_THAT(outcome.error, HasSubstr("no way"));
  }
  EXPECT_THAT(waits_.take(), IsEmpty());
}

TEST_F(OtlpGrpc, ResourceExhaustedIsRetriedWhereThePeerSaysWhen) {
  server_.script({.code = kResourceExhausted, .message = "busy", .details = status_with_retry_info()});
  EXPECT_EQ(make()->export_batch(two_spans_.batch(), kFarDeadline).exported, 2u);
  EXPECT_THAT(waits_.take(), ElementsAre(2500ms));
}

TEST_F(OtlpGrpc, PartialSuccessIsCountedAndNotRetried) {
  otlp::ExportTraceServiceResponse response;
  response.rejected_spans = 1;
  response.error_message = "span b is too old";
  server_.script({.response = otlp::encode(response)});
  const auto outcome = make()->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 1u);
  EXPECT_EQ(outcome.dropped, 1u);
  EXPECT_THAT(outcome.error, HasSubstr("span b is too old"));
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(OtlpGrpc, ALargeBatchIsSplit) {
  EXPECT_EQ(make({.request_bytes_max = encode_request(two_spans_.batch()).size() - 1})
                ->export_batch(two_spans_.batch(), kFarDeadline)
                .exported,
            2u);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(OtlpGrpc, ARefusedConnectionIsRetriedUntilTheTimeLimitThenCounted) {
  OtlpGrpcOptions options;
  options.target = {"127.0.0.1:" + std::to_string(test::unused_port()), false};
  options.timeout = 3s;
  const auto outcome = make(std::move(options))->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.dropped, 2u);
  EXPECT_THAT(outcome.error, HasSubstr("UNAVAILABLE"));
  EXPECT_GE(waits_.take().size(), 2u);
}

TEST_F(OtlpGrpc, AHangingPeerCostsTheTimeLimitAndNoMore) {
  server_.script({.hangs = true});
  const auto exporter = std::move(*make_otlp_grpc_exporter({.target = target(), .timeout = 60s}));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(exporter->export_batch(two_spans_.batch(), begin + 200ms).dropped, 2u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST_F(OtlpGrpc, CancelFromAnotherThreadEndsACall) {
  server_.script({.hangs = true});
  const auto exporter = std::move(*make_otlp_grpc_exporter({.target = target(), .timeout = 60s}));
  std::thread canceller([&] {
    EXPECT_TRUE(server_.wait_for_requests(1));
    exporter->cancel();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(exporter->export_batch(two_spans_.batch(), kFarDeadline).dropped, 2u);
  canceller.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
}

TEST_F(OtlpGrpc, TlsIsVerifiedAgainstTheGivenAuthority) {
  const auto certificate = test::TestCertificate::make();
  const GrpcServer secure(&certificate);
  const std::string path = ::testing::TempDir() + std::to_string(::getpid()) + "-grpc-ca.pem";
  std::ofstream(path) << certificate.certificate_pem;
  const GrpcTarget secure_target{"127.0.0.1:" + std::to_string(secure.port()), true};
  const auto outcome = make({.target = secure_target, .ca_file = path})->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u) << outcome.error;
  EXPECT_EQ(make({.target = secure_target, .timeout = 1s})->export_batch(two_spans_.batch(), kFarDeadline).dropped, 2u);
  std::filesystem::remove(path);
}

TEST_F(OtlpGrpc, WhatGrpcCannotCarryIsAnError) {
  for (const char* key : {"a b", "", "grpc-timeout"}) {
    const auto exporter = make_otlp_grpc_exporter({.target = target(), .headers = {{key, "x"}}});
    EXPECT_FALSE(exporter) << key;
  }
  EXPECT_FALSE(make_otlp_grpc_exporter({.target = target(), .headers = {{"a", "line\nbreak"}}}));
  EXPECT_FALSE(make_otlp_grpc_exporter({.target = target(), .ca_file = "/no/such/file"}));
}

}  // namespace
}  // namespace meshflow::telemetry
