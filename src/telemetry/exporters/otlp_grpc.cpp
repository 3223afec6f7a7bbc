#include "telemetry/exporters/otlp_grpc.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <mutex>
#include <new>

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "net/url.hpp"
#include "otlp/decode.hpp"
#include "telemetry/exporters/pieces.hpp"
#include "telemetry/exporters/rpc_status.hpp"

namespace meshflow::telemetry {
namespace {

constexpr const char* kMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr std::uint64_t kPemBytesMax = 1u << 20;
// gRPC waits up to two minutes between connection attempts unless told otherwise; the retry loop decides here.
constexpr int kReconnectFirstMs = 200;
constexpr int kReconnectMaxMs = 2'000;
// What gRPC names the least time between attempts limits each handshake: a far peer's with TLS takes more than the
// first wait.
constexpr int kHandshakeMs = 10'000;

// What gRPC can send ("PROTOCOL-HTTP2", Custom-Metadata); it ends the process over anything else.
bool is_metadata(const std::string& key, const std::string& value) {
  const auto is_key_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  const auto is_value_character = [](char c) { return c >= 0x20 && c <= 0x7E; };
  return !key.empty() && !key.starts_with("grpc-") && std::all_of(key.begin(), key.end(), is_key_character) &&
         (key.ends_with("-bin") || std::all_of(value.begin(), value.end(), is_value_character));
}

bool is_transient(grpc::StatusCode code, const RpcStatus& details) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::OUT_OF_RANGE:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DATA_LOSS: return true;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return details.retry_delay.has_value();
    default: return false;
  }
}

std::string_view code_name(grpc::StatusCode code) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "an unknown code";
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (buffer.Valid() && buffer.Dump(&slices).ok()) {
    for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

struct TlsFiles {
  std::string authorities;
  std::string certificate;
  std::string key;
};

class OtlpGrpcExporter final : public SpanExporter {
 public:
  OtlpGrpcExporter(OtlpGrpcOptions options, TlsFiles tls, std::unique_ptr<RetryClock> clock)
      : options_(std::move(options)), tls_(std::move(tls)), clock_(std::move(clock)) {}
  ~OtlpGrpcExporter() override {
    if (is_parents_) {  // the threads that the destructors would wait for are in the parent
      (void)stub_.release();
      (void)new std::shared_ptr<grpc::Channel>(std::move(channel_));
    }
  }

  std::string_view name() const noexcept override { return "otlp_grpc"; }
  bool may_wait() const noexcept override { return true; }

  ExportOutcome export_batch(const SpanBatch& batch, SteadyTime deadline) override {
    if (is_parents_) {
      return {.exported = 0,
              .dropped = batch.span_count,
              .error = "gRPC was in use before this process was forked; http/protobuf survives a fork"};
    }
    deadline = std::min(deadline, clock_->now() + options_.timeout);
    return export_in_pieces(batch, options_.request_bytes_max, encode_request, [&](const std::string& request) {
      return try_until(
          deadline, *clock_, [this] { return cancelled_.load(); }, [&] { return call(request, deadline); });
    });
  }

  void cancel() noexcept override {
    cancelled_ = true;
    clock_->wake();
    const std::lock_guard lock(call_mutex_);
    if (call_ != nullptr) call_->TryCancel();
  }

  void after_fork_in_child() noexcept override {
    is_parents_ = channel_ != nullptr;
    clock_->after_fork_in_child();
    new (&call_mutex_) std::mutex;  // a thread of the parent may have held the old one
    call_ = nullptr;
  }

 private:
  void open() {
    grpc::ChannelArguments arguments;
    arguments.SetUserAgentPrefix(user_agent());
    arguments.SetMaxSendMessageSize(static_cast<int>(kRequestBytesMax));
    arguments.SetMaxReceiveMessageSize(static_cast<int>(kResponseBytesMax));
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirstMs);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kHandshakeMs);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
    auto credentials = options_.target.uses_tls ? grpc::SslCredentials({tls_.authorities, tls_.key, tls_.certificate})
                                                : grpc::InsecureChannelCredentials();
    channel_ = grpc::CreateCustomChannel(options_.target.address, credentials, arguments);
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
  }

  Attempt call(const std::string& request, SteadyTime deadline) {
    if (channel_ == nullptr) open();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + (deadline - clock_->now()));
    if (options_.gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    for (const auto& [key, value] : options_.headers) context.AddMetadata(key, value);

    // A copy: after a cancelled call gRPC's threads may still be writing from it.
    const grpc::Slice slice(request);
    const grpc::ByteBuffer message(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    grpc::CompletionQueue queue;
    const auto pending = stub_->PrepareUnaryCall(&context, kMethod, message, &queue);
    pending->StartCall();
    pending->Finish(&response, &status, nullptr);
    set_call(&context);
    void* tag = nullptr;
    bool is_ok = false;
    queue.Next(&tag, &is_ok);  // comes at the deadline at the latest
    set_call(nullptr);
    queue.Shutdown();
    while (queue.Next(&tag, &is_ok)) {
    }
    return judge(status, response);
  }

  void set_call(grpc::ClientContext* context) {
    const std::lock_guard lock(call_mutex_);
    call_ = context;
    if (context != nullptr && cancelled_) context->TryCancel();
  }

  [[nodiscard]] Attempt judge(const grpc::Status& status, const grpc::ByteBuffer& response) const {
    Attempt result;
    if (!status.ok()) {
      const RpcStatus details = parse_rpc_status(status.error_details());
      result.kind = is_transient(status.error_code(), details) ? Attempt::Kind::transient : Attempt::Kind::refused;
      result.retry_after = details.retry_delay;
      result.error = fmt::format("{} answered {}: {}", options_.target.address, code_name(status.error_code()),
                                 status.error_message());
      return result;
    }
    result.kind = Attempt::Kind::accepted;
    const auto answer = otlp::decode_response(bytes_of(response));
    if (!answer) return result;  // taken, whatever the words were
    result.rejected = static_cast<std::uint64_t>(std::max<std::int64_t>(0, answer->value.rejected_spans));
    if (result.rejected > 0 || !answer->value.error_message.empty()) {
      result.error = fmt::format("{} rejected {} spans: {}", options_.target.address, result.rejected,
                                 answer->value.error_message);
    }
    return result;
  }

  const OtlpGrpcOptions options_;
  const TlsFiles tls_;
  const std::unique_ptr<RetryClock> clock_;
  std::shared_ptr<grpc::Channel> channel_;  // shared because gRPC says so; null until the first batch
  std::unique_ptr<grpc::GenericStub> stub_;
  bool is_parents_ = false;  // the channel; this is a forked child
  std::atomic<bool> cancelled_{false};
  std::mutex call_mutex_;  // guards call_
  grpc::ClientContext* call_ = nullptr;
};

Result<std::string> read_pem(const std::string& path) {
  if (path.empty()) return std::string();
  return system_files().read_all(path, kPemBytesMax);
}

}  // namespace

Result<GrpcTarget> GrpcTarget::parse(std::string_view setting, std::string_view text, bool insecure) {
  const bool has_scheme = text.find("://") != std::string_view::npos;
  // Without a scheme a port is asked for: a lone word is more likely a mistake than a host.
  const bool has_port = text.rfind(':') != std::string_view::npos && text.rfind(':') + 1 < text.size();
  const std::string whole = has_scheme || !has_port ? std::string(text) : "http://" + std::string(text);
  MESHFLOW_TRY(const net::Url url, net::parse_endpoint_url(setting, whole));
  return GrpcTarget{url.authority(), has_scheme ? url.is_tls() : !insecure};
}

Result<std::unique_ptr<SpanExporter>> make_otlp_grpc_exporter(OtlpGrpcOptions options,
                                                              std::unique_ptr<RetryClock> clock) {
  for (auto& [key, value] : options.headers) {
    std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!is_metadata(key, value)) {
      return fail(ErrorCode::invalid_argument, fmt::format("gRPC cannot carry the OTLP header {}", key));
    }
  }
  TlsFiles tls;
  MESHFLOW_TRY(tls.authorities, read_pem(options.ca_file));
  MESHFLOW_TRY(tls.certificate, read_pem(options.client_certificate_file));
  MESHFLOW_TRY(tls.key,
               read_pem(options.client_key_file.empty() ? options.client_certificate_file : options.client_key_file));
  return std::make_unique<OtlpGrpcExporter>(std::move(options), std::move(tls), std::move(clock));
}

}  // namespace meshflow::telemetry
