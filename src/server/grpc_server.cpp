#include "server/grpc_server.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "net/bearer_token.hpp"
#include "net/content_encoding.hpp"

namespace meshflow::server {
namespace {

constexpr std::uint64_t kPemBytesMax = 1u << 20;
constexpr int kMetadataBytesMax = 16 << 10;
// A connection without calls for so long is closed; one whose client does not answer pings is, too.
constexpr int kIdleMs = 10 * 60 * 1000;
constexpr int kKeepaliveMs = 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;
// Clients may ping so often; gRPC's own limit of five minutes breaks those that follow OTLP's examples.
constexpr int kClientPingMinMs = 10 * 1000;

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

// Sockets that were given away, told apart by their inodes: a closed one's number comes again.
class TakenSockets {
 public:
  // False, without keeping it, where `most` are open.
  bool add(int socket, std::size_t most) {
    const std::lock_guard lock(mutex_);
    std::erase_if(sockets_, [](const auto& each) { return inode_of(each.first) != each.second; });
    if (sockets_.size() >= most) return false;
    sockets_.emplace_back(socket, inode_of(socket));
    return true;
  }

 private:
  static std::uint64_t inode_of(int socket) {
    struct stat facts{};
    return ::fstat(socket, &facts) == 0 ? facts.st_ino : 0;
  }
  std::mutex mutex_;
  std::vector<std::pair<int, std::uint64_t>> sockets_;
};

// What a call's handles share with its reactor: what is to be sent, and how the call ends. Thread-safe.
class Conversation {
 public:
  explicit Conversation(grpc::ServerGenericBidiReactor& reactor) : reactor_(&reactor) {}

  void write(std::string message) {
    const std::lock_guard lock(mutex_);
    if (status_ || reactor_ == nullptr || is_gone_) return;
    waiting_bytes_ += message.size();
    queue_.push_back(std::move(message));
    go_on();
  }
  void end(grpc::Status status, std::optional<std::string> last_message = {}) {
    const std::lock_guard lock(mutex_);
    if (status_) return;
    status_ = std::move(status);
    if (last_message) {
      waiting_bytes_ += last_message->size();
      queue_.push_back(std::move(*last_message));
    }
    go_on();
  }
  void written(bool is_ok) {
    const std::lock_guard lock(mutex_);
    waiting_bytes_ -= front_bytes_;
    is_writing_ = false;
    if (!is_ok) {
      queue_.clear();
      waiting_bytes_ = 0;
      is_gone_ = true;
    }
    go_on();
  }
  void leave() noexcept { is_gone_ = true; }
  // gRPC is done with the reactor.
  void close() {
    const std::lock_guard lock(mutex_);
    reactor_ = nullptr;
    is_gone_ = true;
  }
  [[nodiscard]] bool is_wanted() const noexcept { return !is_gone_; }
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }

 private:
  // The next message, or the end. gRPC calls nobody back from within these calls.
  void go_on() {
    if (is_writing_ || is_finished_ || reactor_ == nullptr) return;
    if (!queue_.empty()) {
      is_writing_ = true;
      front_bytes_ = queue_.front().size();
      const grpc::Slice slice(queue_.front());
      queue_.pop_front();
      response_ = grpc::ByteBuffer(&slice, 1);
      if (!queue_.empty() || !status_ || !status_->ok()) return reactor_->StartWrite(&response_);
      is_finished_ = true;
      return reactor_->StartWriteAndFinish(&response_, grpc::WriteOptions(), *status_);
    }
    if (!status_) return;
    is_finished_ = true;
    reactor_->Finish(*status_);
  }

  std::mutex mutex_;
  grpc::ServerGenericBidiReactor* reactor_;
  grpc::ByteBuffer response_;
  std::deque<std::string> queue_;
  std::optional<grpc::Status> status_;
  std::size_t front_bytes_ = 0;
  bool is_writing_ = false;
  bool is_finished_ = false;
  std::atomic<std::size_t> waiting_bytes_{0};
  std::atomic<bool> is_gone_{false};
};

// One call, from its headers to its status. Deletes itself when gRPC is done with it, which is after Finish.
class Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(const grpc::GenericCallbackServerContext& context, const GrpcHandler& handler)
      : method_(context.method()), handler_(handler), conversation_(std::make_shared<Conversation>(*this)) {}

  void begin(const std::optional<RpcStatus>& refusal) {
    if (refusal) return Finish(to_grpc(*refusal));
    StartRead(&request_);
  }

  void OnReadDone(bool is_ok) override;
  void OnWriteDone(bool is_ok) override {
    // This may be gone before the call returns.
    const std::shared_ptr<Conversation> conversation = conversation_;
    conversation->written(is_ok);
  }
  void OnCancel() override { conversation_->leave(); }
  void OnDone() override {
    conversation_->close();
    delete this;
  }

 private:
  const std::string method_;
  const GrpcHandler& handler_;
  grpc::ByteBuffer request_;
  const std::shared_ptr<Conversation> conversation_;  // shared with the handles
};

}  // namespace

// What the handles of one call have in common; with the last of them the call ends.
class GrpcCall::State {
 public:
  explicit State(std::shared_ptr<Conversation> of) : conversation(std::move(of)) {}
  ~State() { conversation->end(to_grpc({.code = RpcCode::unavailable, .message = "the server is stopping"})); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const std::shared_ptr<Conversation> conversation;
};

namespace {

void Call::OnReadDone(bool is_ok) {
  if (!is_ok) return Finish(to_grpc({.code = RpcCode::invalid_argument, .message = "the call has no message"}));
  std::string bytes = bytes_of(request_);
  request_.Clear();
  handler_(method_, std::move(bytes), GrpcCall(std::make_shared<GrpcCall::State>(conversation_)));
}

}  // namespace

void GrpcCall::write(std::string message) const { state_->conversation->write(std::move(message)); }
void GrpcCall::finish() const { state_->conversation->end(grpc::Status::OK); }
void GrpcCall::finish(std::string last_message) const {
  state_->conversation->end(grpc::Status::OK, std::move(last_message));
}
void GrpcCall::finish(const RpcStatus& status) const { state_->conversation->end(to_grpc(status)); }
bool GrpcCall::is_wanted() const { return state_->conversation->is_wanted(); }
std::size_t GrpcCall::waiting_bytes() const { return state_->conversation->waiting_bytes(); }

Result<std::string> without_gzip(std::string message, std::size_t bytes_max) {
  if (!is_gzip(message)) return message;
  constexpr std::size_t kExpectedRatio = 8;
  constexpr std::size_t kAtOnce = std::size_t{1} << 20;
  const auto decoder = net::ContentDecoder::make(net::ContentEncoding::gzip,
                                                 std::min(message.size() * kExpectedRatio, kAtOnce), bytes_max);
  MESHFLOW_CHECK(decoder->feed(message));
  return decoder->finish();
}

class GrpcServer::Service final : public grpc::CallbackGenericService {
 public:
  Service(GrpcServerOptions options, GrpcCheck check, GrpcHandler handler)
      : options_(std::move(options)), check_(std::move(check)), handler_(std::move(handler)) {}
  ~Service() override { stop(std::chrono::milliseconds(0)); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  Result<void> listen() {
    grpc::ServerBuilder builder;
    int port = 0;
    if (options_.address) {
      MESHFLOW_CHECK(net::check_may_listen(options_.name, *options_.address, !options_.bearer_token.empty(),
                                           options_.insecure_public));
      MESHFLOW_CHECK(net::check_is_free(options_.name, *options_.address));  // gRPC tells the log alone why it cannot
      MESHFLOW_TRY(const auto credentials, load_credentials(options_.tls));
      builder.AddListeningPort(options_.address->text(), credentials, &port);
    }
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
    builder.SetResourceQuota(grpc::ResourceQuota().Resize(options_.transport_bytes_max));
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
    if (server_ == nullptr || (options_.address && port == 0)) {
      return fail(ErrorCode::conflict,
                  fmt::format("{} cannot listen on {}", options_.name,
                              options_.address ? options_.address->text() : std::string("what it is given")),
                  "another program may listen there, or the TLS files may not fit; port 0 takes a free one");
    }
    address_ = options_.address.value_or(net::ListenAddress{});
    address_.port = static_cast<std::uint16_t>(port);
    return {};
  }

  void take(int socket) {
    const std::lock_guard lock(stop_mutex_);
    if (is_stopped_ || !taken_.add(socket, options_.taken_connections_max)) {
      ::close(socket);
      return;
    }
    grpc::AddInsecureChannelFromFd(server_.get(), socket);
  }

  void stop(std::chrono::milliseconds limit) {
    const std::lock_guard lock(stop_mutex_);
    if (server_ == nullptr || is_stopped_) return;
    is_stopped_ = true;
    server_->Shutdown(std::chrono::system_clock::now() + limit);
    server_->Wait();
  }

  const net::ListenAddress& address() const noexcept { return address_; }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    auto* const call = new Call(*context, handler_);  // deletes itself when gRPC is done with it
    call->begin(refusal_of(*context));
    return call;
  }

  std::optional<RpcStatus> refusal_of(const grpc::GenericCallbackServerContext& context) const {
    if (!options_.bearer_token.empty()) {
      const auto found = context.client_metadata().find("authorization");
      const bool is_there = found != context.client_metadata().end();
      if (!is_there || !net::is_authorized({found->second.data(), found->second.size()}, options_.bearer_token)) {
        return RpcStatus{.code = RpcCode::unauthenticated,
                         .message = "this server needs its token: authorization: Bearer TOKEN"};
      }
    }
    return check_(context.method());
  }

  const GrpcServerOptions options_;
  const GrpcCheck check_;
  const GrpcHandler handler_;
  net::ListenAddress address_;
  TakenSockets taken_;
  std::mutex stop_mutex_;
  bool is_stopped_ = false;
  std::unique_ptr<grpc::Server> server_;
};

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(GrpcServerOptions options, GrpcCheck check, GrpcHandler handler) {
  auto service = std::make_unique<Service>(std::move(options), std::move(check), std::move(handler));
  MESHFLOW_CHECK(service->listen());
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(service)));
}

GrpcServer::GrpcServer(std::unique_ptr<Service> service) : service_(std::move(service)) {}
GrpcServer::~GrpcServer() = default;

const net::ListenAddress& GrpcServer::address() const noexcept { return service_->address(); }
void GrpcServer::take(int socket) { service_->take(socket); }
void GrpcServer::stop(std::chrono::milliseconds limit) { service_->stop(limit); }

}  // namespace meshflow::server
