// Tempo's streaming gRPC: tempopb.StreamingQuerier of pkg/tempopb/tempo.proto, Tempo 3, on connections that came to the
// port of its HTTP API.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "meshflow/base/error.hpp"
#include "server/grpc_server.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

struct TempoGrpcOptions {
  std::string bearer_token = {};  // not empty: asked for in the metadata `authorization`
};

// Search, SearchTags, SearchTagsV2, SearchTagValues, SearchTagValuesV2, MetricsQueryRange and MetricsQueryInstant.
// Answers come in messages of at most about a MiB: the traces of a search as they are found, then its metrics; of the
// others parts of the answer, one after the other. Errors: INVALID_ARGUMENT with the query's line and column;
// RESOURCE_EXHAUSTED with a limit's name, or where too many queries wait; DEADLINE_EXCEEDED; UNAVAILABLE before
// attach(); UNAUTHENTICATED; UNIMPLEMENTED for any other method. Each method may be called by any thread.
class TempoGrpc {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TempoGrpc>> start(const TempoGrpcOptions& options);
  ~TempoGrpc();
  TempoGrpc(const TempoGrpc&) = delete;
  TempoGrpc& operator=(const TempoGrpc&) = delete;

  // Answers from now on; `service` must outlive this object's stop(). Once.
  void attach(const QueryService& service) { service_ = &service; }
  // Serves a plain connection of which nothing has been read; its descriptor is this object's.
  void take(int socket) { server_->take(socket); }
  // As GrpcServer.
  void stop(std::chrono::milliseconds limit) { server_->stop(limit); }

 private:
  TempoGrpc() = default;
  void answer(std::string_view method, std::string message, const GrpcCall& call) const;

  std::atomic<const QueryService*> service_{nullptr};
  std::unique_ptr<GrpcServer> server_;
};

// An encoded message as several that are its sum, each of whole fields and, where a field alone is not longer, of at
// most `bytes_max`; at least one. Without the fields of number `left_out`. invalid_input where the bytes are none.
// Pure.
[[nodiscard]] Result<std::vector<std::string>> message_pieces(std::string_view message, std::size_t bytes_max,
                                                              std::uint32_t left_out = 0);

}  // namespace meshflow::server
