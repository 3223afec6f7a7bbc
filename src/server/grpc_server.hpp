// A gRPC server on raw bytes: no generated code, messages as they were sent. The one source of the room that sees gRPC.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "net/http_server.hpp"
#include "net/listen_address.hpp"
#include "server/otlp_answer.hpp"

namespace meshflow::server {

struct GrpcServerOptions {
  std::string name = {};  // for messages: "otlp-grpc"
  // Nothing: it serves only the connections that it is given with take().
  std::optional<net::ListenAddress> address = {};
  net::HttpServerTls tls = {};
  std::string bearer_token = {};  // not empty: asked for in the metadata `authorization`
  bool insecure_public = false;  // consent to a non-loopback address without a token
  std::size_t message_bytes_max = std::size_t{64} << 20;  // as received; past it RESOURCE_EXHAUSTED
  // What gRPC may take for messages that are not whole yet.
  std::size_t transport_bytes_max = std::size_t{256} << 20;
  // Connections that were given with take() and are open; more are closed at once.
  std::size_t taken_connections_max = 128;
};

// One call, whose request has come. A handle: copies mean the same call. Each method may be called by any thread, also
// after the server was stopped. When the last copy goes and finish() was not called, the client gets UNAVAILABLE.
class GrpcCall {
 public:
  // Queues a message of the answer. Nothing after finish().
  void write(std::string message) const;
  // Ends the call, after what was written. Once; later ones are ignored.
  void finish() const;
  // The same with a last message, which costs less than write() and finish().
  void finish(std::string last_message) const;
  void finish(const RpcStatus& status) const;
  // False where the client has gone, or has cancelled: work that takes its time need not go on.
  [[nodiscard]] bool is_wanted() const;
  // Bytes that were written and the client has not taken.
  [[nodiscard]] std::size_t waiting_bytes() const;

  class State;
  explicit GrpcCall(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;  // shared with gRPC's own threads
};

// Refuses a call by its method ("/package.Service/Method") before its message is read. Called on gRPC's threads.
using GrpcCheck = std::function<std::optional<RpcStatus>(std::string_view method)>;
// The message may be gzip: gRPC would undo that without any limit. Called on gRPC's threads; must return soon.
using GrpcHandler = std::function<void(std::string_view method, std::string message, GrpcCall call)>;

// What begins like gzip is gzip, since no protobuf message begins so: 0x1F would be a field of wire type 7, which does
// not exist. limit_exceeded past `bytes_max`.
[[nodiscard]] Result<std::string> without_gzip(std::string message, std::size_t bytes_max);

// Each method may be called by any thread.
class GrpcServer {
 public:
  // Errors: an address that is taken or that check_may_listen refuses, TLS files.
  [[nodiscard]] static Result<std::unique_ptr<GrpcServer>> start(GrpcServerOptions options, GrpcCheck check,
                                                                 GrpcHandler handler);
  // stop() with no time to finish.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Where it listens; with the port that was given by the kernel.
  [[nodiscard]] const net::ListenAddress& address() const noexcept;

  // Serves a plain connection of which nothing has been read. Its descriptor, which must not block, is the server's.
  void take(int socket);

  // Accepts nothing more and waits up to `limit` for the calls that have begun; then they are cancelled. Returns once
  // all are finished. Idempotent.
  void stop(std::chrono::milliseconds limit);

 private:
  class Service;
  explicit GrpcServer(std::unique_ptr<Service> service);
  std::unique_ptr<Service> service_;
};

}  // namespace meshflow::server
