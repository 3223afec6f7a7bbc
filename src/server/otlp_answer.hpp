// What a receiver answers, in the terms of OTLP (OTLP specification 1.x, "OTLP/gRPC Response", "OTLP/HTTP Response").
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "server/receiver_stats.hpp"
#include "server/span_sink.hpp"

namespace meshflow::server {

// google.rpc.Code, the values that are used here.
enum class RpcCode {
  cancelled = 1,
  invalid_argument = 3,
  deadline_exceeded = 4,
  permission_denied = 7,
  resource_exhausted = 8,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  unauthenticated = 16,
};

// google.rpc.Status. `retry_delay` becomes a RetryInfo among its details.
struct RpcStatus {
  RpcCode code = RpcCode::internal;
  std::string message = {};  // invalid UTF-8 is replaced as it is encoded
  std::optional<std::chrono::seconds> retry_delay = std::nullopt;
};

[[nodiscard]] std::string encode(const RpcStatus& status);
[[nodiscard]] std::string encode_json(const RpcStatus& status);

// Why a sink, or decoding, refused a request; counts it. `retry_after` goes with what a later try may pass.
struct Refusal {
  RpcStatus status;
  int http_status = 500;
};
[[nodiscard]] Refusal refusal_of(const Error& error, std::chrono::seconds retry_after, ReceiverCounters& counters);

// The code that goes with an HTTP status of the server's own.
[[nodiscard]] RpcCode rpc_code_of(int http_status) noexcept;

}  // namespace meshflow::server
