#include "server/otlp_grpc_receiver.hpp"

#include <atomic>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "otlp/encode.hpp"
#include "otlp/logs.hpp"
#include "server/grpc_server.hpp"
#include "server/logs_intake.hpp"
#include "server/otlp_answer.hpp"

namespace meshflow::server {
namespace {

constexpr std::string_view kTraces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr std::string_view kMetrics = "/opentelemetry.proto.collector.metrics.v1.";
constexpr std::string_view kLogs = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

std::optional<RpcStatus> check_method(std::string_view method) {
  if (method == kTraces || method == kLogs) return std::nullopt;
  if (method.starts_with(kMetrics)) {
    return RpcStatus{.code = RpcCode::unimplemented,
                     .message =
                         "this server keeps traces only, nothing was taken; set OTEL_METRICS_EXPORTER and "
                         "OTEL_LOGS_EXPORTER to none"};
  }
  return RpcStatus{.code = RpcCode::unimplemented,
                   .message = fmt::format("there is no {}; there is {}", method, kTraces)};
}

}  // namespace

class OtlpGrpcReceiver::Service {
 public:
  Service(OtlpGrpcOptions options, SpanSink& sink) : options_(std::move(options)), sink_(sink) {}

  Result<void> listen() {
    GrpcServerOptions grpc;
    grpc.name = options_.name;
    grpc.address = options_.address;
    grpc.tls = options_.tls;
    grpc.bearer_token = options_.bearer_token;
    grpc.insecure_public = options_.insecure_public;
    grpc.message_bytes_max = options_.limits.message_bytes_max;
    grpc.transport_bytes_max = options_.limits.transport_bytes_max;
    MESHFLOW_TRY(server_, GrpcServer::start(std::move(grpc), check_method,
                                            [this](std::string_view method, std::string message, GrpcCall call) {
                                              receive(std::move(message), call, method == kLogs);
                                            }));
    return {};
  }

  void stop(std::chrono::milliseconds limit) { server_->stop(limit); }
  const net::ListenAddress& address() const noexcept { return server_->address(); }
  ReceiverStats stats() const { return counters_.stats(); }

 private:
  void receive(std::string message, const GrpcCall& call, bool is_of_logs) {
    ++counters_.requests;
    auto bytes = without_gzip(std::move(message), options_.limits.decoded_message_bytes_max);
    if (!bytes) return refuse(call, bytes.error());
    counters_.body_bytes += bytes->size();
    if (is_of_logs) return take_logs_of(*bytes, call);
    if (bytes->empty()) return succeed(call, {});  // nothing to keep
    const std::size_t size = bytes->size();
    if (!hold(size)) {
      ++counters_.refused_overloaded;
      return call.finish({.code = RpcCode::resource_exhausted,
                          .message = "too many requests are being worked on",
                          .retry_delay = options_.limits.retry_after});
    }
    sink_.ingest(std::move(*bytes), [this, size, call](const Result<SpanSink::Accepted>& result) {
      release(size);
      if (!result) return refuse(call, result.error());
      succeed(call, *result);
    });
  }

  void take_logs_of(std::string_view bytes, const GrpcCall& call) {
    const auto logs = otlp::decode_logs(bytes);
    if (!logs) return refuse(call, logs.error());
    const auto response = take_logs(sink_, logs->value);
    if (!response) return call.finish({.code = RpcCode::unimplemented, .message = response.error().text()});
    ++counters_.acknowledged;
    call.finish(encode(*response));
  }

  bool hold(std::size_t bytes) {
    const std::size_t requests = ++requests_held_;
    const std::size_t all_bytes = bytes_held_ += bytes;
    if (requests <= options_.limits.requests_max && all_bytes <= options_.limits.requests_bytes_max) return true;
    release(bytes);
    return false;
  }
  void release(std::size_t bytes) {
    --requests_held_;
    bytes_held_ -= bytes;
  }

  void refuse(const GrpcCall& call, const Error& error) {
    call.finish(refusal_of(error, options_.limits.retry_after, counters_).status);
  }

  void succeed(const GrpcCall& call, const SpanSink::Accepted& accepted) {
    ++counters_.acknowledged;
    counters_.rejected_spans += accepted.rejected_spans;
    call.finish(otlp::encode(
        otlp::ExportTraceServiceResponse{.rejected_spans = static_cast<std::int64_t>(accepted.rejected_spans),
                                         .error_message = accepted.rejected_spans > 0 ? accepted.rejection : ""}));
  }

  const OtlpGrpcOptions options_;
  SpanSink& sink_;
  ReceiverCounters counters_;
  std::atomic<std::size_t> requests_held_{0};
  std::atomic<std::size_t> bytes_held_{0};
  std::unique_ptr<GrpcServer> server_;  // its calls use what stands above
};

Result<std::unique_ptr<OtlpGrpcReceiver>> OtlpGrpcReceiver::start(OtlpGrpcOptions options, SpanSink& sink) {
  auto service = std::make_unique<Service>(std::move(options), sink);
  MESHFLOW_CHECK(service->listen());
  return std::unique_ptr<OtlpGrpcReceiver>(new OtlpGrpcReceiver(std::move(service)));
}

OtlpGrpcReceiver::OtlpGrpcReceiver(std::unique_ptr<Service> service) : service_(std::move(service)) {}
OtlpGrpcReceiver::~OtlpGrpcReceiver() = default;

const net::ListenAddress& OtlpGrpcReceiver::address() const noexcept { return service_->address(); }
ReceiverStats OtlpGrpcReceiver::stats() const { return service_->stats(); }
void OtlpGrpcReceiver::stop(std::chrono::milliseconds limit) { service_->stop(limit); }

}  // namespace meshflow::server
