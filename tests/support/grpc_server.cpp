#include "support/grpc_server.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

namespace meshflow::test {
namespace {

std::string bytes_of(grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (buffer.Dump(&slices).ok()) {
    for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

class GrpcServer::Implementation final : public grpc::CallbackGenericService {
 public:
  explicit Implementation(const TestCertificate* certificate) {
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
    if (certificate != nullptr) {
      grpc::SslServerCredentialsOptions options;
      options.pem_key_cert_pairs.push_back({certificate->key_pem, certificate->certificate_pem});
      credentials = grpc::SslServerCredentials(options);
    }
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port);
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(-1);
    server_ = builder.BuildAndStart();
    port_ = static_cast<std::uint16_t>(port);
  }
  ~Implementation() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::uint16_t port() const { return port_; }
  void script(GrpcReply reply) {
    const std::lock_guard lock(mutex_);
    scripts_.push_back(std::move(reply));
  }
  std::vector<GrpcRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  bool wait_for_requests(std::size_t count, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return requests_.size() >= count; });
  }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(Implementation& server, grpc::GenericCallbackServerContext& context) : server_(server), context_(context) {
      StartRead(&message_);
    }
    void OnReadDone(bool is_ok) override {
      if (!is_ok) return Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no message"));
      reply_ = server_.next_reply(context_, bytes_of(message_));
      if (reply_.hangs) {  // until OnCancel comes, unless it has
        if (end_.exchange(End::awaited) == End::come) Finish(grpc::Status::CANCELLED);
        return;
      }
      if (reply_.code != 0) {
        return Finish(grpc::Status(static_cast<grpc::StatusCode>(reply_.code), reply_.message, reply_.details));
      }
      const grpc::Slice slice(reply_.response);
      response_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnCancel() override {
      if (end_.exchange(End::come) == End::awaited) Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

   private:
    Implementation& server_;
    grpc::GenericCallbackServerContext& context_;
    grpc::ByteBuffer message_;
    grpc::ByteBuffer response_;
    GrpcReply reply_;
    // The client's going away, which another thread may tell before the reply is known that waits for it.
    enum class End { unknown, awaited, come };
    std::atomic<End> end_{End::unknown};
  };

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Reactor(*this, *context);  // deletes itself when gRPC is done with it
  }

  GrpcReply next_reply(const grpc::GenericCallbackServerContext& context, std::string message) {
    GrpcRequest request{context.method(), {}, std::move(message)};
    for (const auto& [key, value] : context.client_metadata()) {
      request.metadata[std::string(key.data(), key.size())] = std::string(value.data(), value.size());
    }
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.notify_all();
    if (scripts_.empty()) return {};
    GrpcReply reply = std::move(scripts_.front());
    scripts_.pop_front();
    return reply;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<GrpcReply> scripts_;
  std::vector<GrpcRequest> requests_;
  std::uint16_t port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

GrpcServer::GrpcServer(const TestCertificate* certificate)
    : implementation_(std::make_unique<Implementation>(certificate)) {}
GrpcServer::~GrpcServer() = default;
std::uint16_t GrpcServer::port() const { return implementation_->port(); }
void GrpcServer::script(GrpcReply reply) { implementation_->script(std::move(reply)); }
std::vector<GrpcRequest> GrpcServer::requests() const { return implementation_->requests(); }
bool GrpcServer::wait_for_requests(std::size_t count, std::chrono::milliseconds limit) const {
  return implementation_->wait_for_requests(count, limit);
}

}  // namespace meshflow::test
