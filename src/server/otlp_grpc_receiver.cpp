#include "server/otlp_grpc_receiver.hpp"

#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "net/bearer_token.hpp"
#include "net/content_encoding.hpp"
#include "otlp/encode.hpp"
#include "server/otlp_answer.hpp"

namespace meshflow::server {
namespace {

constexpr std::string_view kTraces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr std::string_view kMetrics = "/opentelemetry.proto.collector.metrics.v1.";
constexpr std::string_view kLogs = "/opentelemetry.proto.collector.logs.v1.";
constexpr std::uint64_t kPemBytesMax = 1u << 20;
constexpr int kMetadataBytesMax = 16 << 10;
// A connection without calls for so long is closed; one whose client does not answer pings is, too.
constexpr int kIdleMs = 10 * 60 * 1000;
constexpr int kKeepaliveMs = 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;
// Clients may ping so often; gRPC's own limit of five minutes breaks those that follow OTLP's examples.
constexpr int kClientPingMinMs = 10 * 1000;

// Messages come as they were sent: gRPC would undo a compression without any limit. What begins like gzip is gzip,
// since no protobuf message begins so: 0x1F would be a field of wire type 7, which does not exist.
bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1F\x8B"); }

grpc::Status to_grpc(const RpcStatus& status) {
  return {static_cast<grpc::StatusCode>(status.code), status.message, encode(status)};
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

Result<std::string> undo_gzip(std::string_view bytes, std::size_t bytes_max) {
  constexpr std::size_t kExpectedRatio = 8;
  constexpr std::size_t kAtOnce = std::size_t{1} << 20;
  const auto decoder = net::ContentDecoder::make(net::ContentEncoding::gzip,
                                                 std::min(bytes.size() * kExpectedRatio, kAtOnce), bytes_max);
  MESHFLOW_CHECK(decoder->feed(bytes));
  return decoder->finish();
}

Result<std::shared_ptr<grpc::ServerCredentials>> load_credentials(const net::HttpServerTls& tls) {
  if (tls.certificate_file.empty()) return grpc::InsecureServerCredentials();
  MESHFLOW_TRY(std::string certificate, system_files().read_all(tls.certificate_file, kPemBytesMax));
  std::string key = certificate;
  if (!tls.key_file.empty()) {
    MESHFLOW_TRY(key, system_files().read_all(tls.key_file, kPemBytesMax));
  }
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(certificate)});
  return grpc::SslServerCredentials(options);
}

}  // namespace

class OtlpGrpcReceiver::Service final : public grpc::CallbackGenericService {
 public:
  Service(OtlpGrpcOptions options, SpanSink& sink) : options_(std::move(options)), sink_(sink) {}
  ~Service() override { stop(std::chrono::milliseconds(0)); }

  Result<void> listen() {
    MESHFLOW_CHECK(net::check_may_listen(options_.name, options_.address, !options_.bearer_token.empty(),
                                         options_.insecure_public));
    MESHFLOW_CHECK(net::check_is_free(options_.name, options_.address));  // gRPC tells the log alone why it cannot
    MESHFLOW_TRY(const auto credentials, load_credentials(options_.tls));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(options_.address.text(), credentials, &port);
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.limits.message_bytes_max));
    builder.SetResourceQuota(grpc::ResourceQuota().Resize(options_.limits.transport_bytes_max));
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, int>>{
             {GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0},
             {GRPC_ARG_ALLOW_REUSEPORT, 0},  // a port that is taken is an error
             {GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax},
             {GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs},
             {GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs},
             {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs},
             {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
             {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kClientPingMinMs}}) {
      builder.AddChannelArgument(name, value);
    }
    // deflate is not among them: it cannot be told from a message by its first bytes.
    builder.AddChannelArgument(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
                               1 << GRPC_COMPRESS_NONE | 1 << GRPC_COMPRESS_GZIP);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return fail(ErrorCode::conflict, fmt::format("{} cannot listen on {}", options_.name, options_.address.text()),
                  "another program may listen there, or the TLS files may not fit; port 0 takes a free one");
    }
    options_.address.port = static_cast<std::uint16_t>(port);
    return {};
  }

  void stop(std::chrono::milliseconds limit) {
    const std::lock_guard lock(stop_mutex_);
    if (server_ == nullptr || is_stopped_) return;
    is_stopped_ = true;
    server_->Shutdown(std::chrono::system_clock::now() + limit);
    server_->Wait();
  }

  const net::ListenAddress& address() const noexcept { return options_.address; }
  ReceiverStats stats() const { return counters_.stats(); }

 private:
  class Call;

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

  OtlpGrpcOptions options_;
  SpanSink& sink_;
  ReceiverCounters counters_;
  std::atomic<std::size_t> requests_held_{0};
  std::atomic<std::size_t> bytes_held_{0};
  std::mutex stop_mutex_;
  bool is_stopped_ = false;
  std::unique_ptr<grpc::Server> server_;
};

// One call, from its headers to its status. Deletes itself when gRPC is done with it, which is after Finish was called;
// Finish is called once: for a call that is refused at once, or when the sink is done.
class OtlpGrpcReceiver::Service::Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(Service& service, const grpc::GenericCallbackServerContext& context) : service_(service) {
    if (const auto refused = check(context)) {
      Finish(to_grpc(*refused));
    } else {
      StartRead(&message_);
    }
  }

  void OnReadDone(bool is_ok) override {
    if (!is_ok) return Finish(to_grpc({.code = RpcCode::invalid_argument, .message = "the call has no message"}));
    std::string bytes = bytes_of(message_);
    message_.Clear();
    ReceiverCounters& counters = service_.counters_;
    ++counters.requests;
    if (is_gzip(bytes)) {
      auto decoded = undo_gzip(bytes, service_.options_.limits.decoded_message_bytes_max);
      if (!decoded) return refuse(decoded.error());
      bytes = std::move(*decoded);
    }
    counters.body_bytes += bytes.size();
    if (bytes.empty()) return succeed({});  // nothing to keep
    if (!hold(bytes.size())) {
      ++counters.refused_overloaded;
      return Finish(to_grpc({.code = RpcCode::resource_exhausted,
                             .message = "too many requests are being worked on",
                             .retry_delay = service_.options_.limits.retry_after}));
    }
    service_.sink_.ingest(std::move(bytes), [this](const Result<SpanSink::Accepted>& result) {
      release();
      if (!result) return refuse(result.error());
      succeed(*result);
    });
  }

  void OnDone() override { delete this; }

 private:
  std::optional<RpcStatus> check(const grpc::GenericCallbackServerContext& context) const {
    const std::string& token = service_.options_.bearer_token;
    if (!token.empty()) {
      const auto found = context.client_metadata().find("authorization");
      const bool is_there = found != context.client_metadata().end();
      if (!is_there || !net::is_authorized({found->second.data(), found->second.size()}, token)) {
        return RpcStatus{.code = RpcCode::unauthenticated,
                         .message = "this server needs its token: authorization: Bearer TOKEN"};
      }
    }
    const std::string& method = context.method();
    if (method == kTraces) return std::nullopt;
    if (method.starts_with(kMetrics) || method.starts_with(kLogs)) {
      return RpcStatus{.code = RpcCode::unimplemented,
                       .message =
                           "this server keeps traces only, nothing was taken; set OTEL_METRICS_EXPORTER and "
                           "OTEL_LOGS_EXPORTER to none"};
    }
    return RpcStatus{.code = RpcCode::unimplemented,
                     .message = fmt::format("there is no {}; there is {}", method, kTraces)};
  }

  bool hold(std::size_t bytes) {
    held_bytes_ = bytes;
    const OtlpGrpcLimits& limits = service_.options_.limits;
    const bool is_within = ++service_.requests_held_ <= limits.requests_max;
    if ((service_.bytes_held_ += bytes) <= limits.requests_bytes_max && is_within) return true;
    release();
    return false;
  }
  void release() {
    --service_.requests_held_;
    service_.bytes_held_ -= held_bytes_;
  }

  void refuse(const Error& error) {
    Finish(to_grpc(refusal_of(error, service_.options_.limits.retry_after, service_.counters_).status));
  }

  void succeed(const SpanSink::Accepted& accepted) {
    ++service_.counters_.acknowledged;
    service_.counters_.rejected_spans += accepted.rejected_spans;
    const grpc::Slice slice(otlp::encode(
        otlp::ExportTraceServiceResponse{.rejected_spans = static_cast<std::int64_t>(accepted.rejected_spans),
                                         .error_message = accepted.rejected_spans > 0 ? accepted.rejection : ""}));
    response_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
  }

  Service& service_;
  grpc::ByteBuffer message_;
  grpc::ByteBuffer response_;
  std::size_t held_bytes_ = 0;
};

grpc::ServerGenericBidiReactor* OtlpGrpcReceiver::Service::CreateReactor(grpc::GenericCallbackServerContext* context) {
  return new Call(*this, *context);
}

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
