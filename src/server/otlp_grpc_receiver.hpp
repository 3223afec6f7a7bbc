// OTLP over gRPC: the unary TraceService/Export (OTLP specification 1.x, "OTLP/gRPC"), on raw bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "meshflow/base/error.hpp"
#include "net/http_server.hpp"
#include "net/listen_address.hpp"
#include "server/receiver_stats.hpp"
#include "server/span_sink.hpp"

namespace meshflow::server {

// Past a size comes RESOURCE_EXHAUSTED; past a number RESOURCE_EXHAUSTED with a RetryInfo.
struct OtlpGrpcLimits {
  // As received, and after decompression (OTLP: 64 MiB both).
  std::size_t message_bytes_max = std::size_t{64} << 20;
  std::size_t decoded_message_bytes_max = std::size_t{64} << 20;
  // Requests that the sink has, and their bytes.
  std::size_t requests_max = 256;
  std::size_t requests_bytes_max = std::size_t{192} << 20;
  // What gRPC may take for messages that are not whole yet.
  std::size_t transport_bytes_max = std::size_t{256} << 20;
  std::chrono::seconds retry_after{1};
};

struct OtlpGrpcOptions {
  std::string name = "otlp-grpc";  // for messages
  net::ListenAddress address = {};
  net::HttpServerTls tls = {};
  std::string bearer_token = {};  // not empty: asked for in the metadata `authorization`
  bool insecure_public = false;   // consent to a non-loopback address without a token
  OtlpGrpcLimits limits = {};
};

// Answers with an ExportTraceServiceResponse once the sink has the spans. Errors: INVALID_ARGUMENT for bad bytes,
// RESOURCE_EXHAUSTED past a limit, UNAVAILABLE with a RetryInfo where the sink asks to come back, UNAUTHENTICATED
// without the token, UNIMPLEMENTED for metrics, logs and anything else. Each method may be called by any thread.
class OtlpGrpcReceiver {
 public:
  // `sink` must outlive it. Errors: an address that is taken or that check_may_listen refuses, TLS files.
  [[nodiscard]] static Result<std::unique_ptr<OtlpGrpcReceiver>> start(OtlpGrpcOptions options, SpanSink& sink);
  // stop() with no time to finish.
  ~OtlpGrpcReceiver();
  OtlpGrpcReceiver(const OtlpGrpcReceiver&) = delete;
  OtlpGrpcReceiver& operator=(const OtlpGrpcReceiver&) = delete;

  [[nodiscard]] const net::ListenAddress& address() const noexcept;
  [[nodiscard]] ReceiverStats stats() const;

  // Accepts nothing more and waits up to `limit` for the calls that have begun; then they are cancelled. Returns once
  // the sink is done with what it got. Idempotent.
  void stop(std::chrono::milliseconds limit);

 private:
  class Service;
  explicit OtlpGrpcReceiver(std::unique_ptr<Service> service);
  std::unique_ptr<Service> service_;
};

}  // namespace meshflow::server
