// google.rpc.Status, as OTLP peers say why they refuse (google/rpc/status.proto, error_details.proto).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace meshflow::telemetry {

struct RpcStatus {
  std::string message;                                    // invalid UTF-8 replaced
  std::optional<std::chrono::milliseconds> retry_delay;   // of a RetryInfo among the details
};

// Reads what can be read of an encoded Status; a broken one is as empty.
[[nodiscard]] RpcStatus parse_rpc_status(std::string_view bytes);

}  // namespace meshflow::telemetry
