// OTLP over HTTP: POST /v1/traces in protobuf or JSON (OTLP specification 1.x, "OTLP/HTTP").
#pragma once

#include <chrono>
#include <memory>

#include "meshflow/base/error.hpp"
#include "net/http_server.hpp"
#include "server/receiver_stats.hpp"
#include "server/span_sink.hpp"

namespace meshflow::server {

// Answers in the encoding of the request: 200 with an ExportTraceServiceResponse once the sink has the spans, whose
// partial_success is set only where spans were rejected; 400, 413, 415, 503 (with Retry-After) and 500 with a
// google.rpc.Status. JSON is decoded on a thread of its own. /v1/metrics and /v1/logs are 404.
// Each method may be called by any thread that is not one of the IoThreads.
class OtlpHttpReceiver {
 public:
  // Listens as `options` say (their render_error is the receiver's own). `threads` and `sink` must outlive it; every
  // request that the sink got must be done before the sink goes.
  [[nodiscard]] static Result<std::unique_ptr<OtlpHttpReceiver>> start(net::IoThreads& threads,
                                                                       net::HttpServerOptions options, SpanSink& sink);
  ~OtlpHttpReceiver();
  OtlpHttpReceiver(const OtlpHttpReceiver&) = delete;
  OtlpHttpReceiver& operator=(const OtlpHttpReceiver&) = delete;

  [[nodiscard]] const net::ListenAddress& address() const noexcept;
  [[nodiscard]] ReceiverStats stats() const;
  [[nodiscard]] net::HttpServerStats http_stats() const;

  // As HttpServer::stop.
  bool stop(std::chrono::milliseconds limit);

  class Implementation;

 private:
  explicit OtlpHttpReceiver(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace meshflow::server
