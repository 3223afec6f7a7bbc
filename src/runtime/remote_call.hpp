// What nodes of kind http and mcp do: each becomes the work of a tool call.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "meshflow/base/error.hpp"
#include "runtime/graph.hpp"
#include "runtime/tool_work.hpp"

namespace meshflow::runtime {

// One try, where neither the node nor the policy has a limit of its own.
inline constexpr std::chrono::seconds kRemoteCallTime{60};

// A call, its templates filled in.
struct RemoteCall {
  std::shared_ptr<const ToolWork> work;
  std::string arguments;  // JSON: what the ledger's digest and captured content are of
};

struct RemoteCallOptions {
  std::string who;  // "node fetch"
  Risk risk = Risk::external_io;
  std::chrono::nanoseconds limit = kRemoteCallTime;
};

// Fails (invalid_input, limit_exceeded) where a template cannot be filled in.
[[nodiscard]] Result<RemoteCall> make_http_call(const RunState& run, const CompiledHttp& http,
                                                const TemplateScope& scope, RemoteCallOptions options);
// `tool`: which of the server's. `arguments`: JSON, filled in.
[[nodiscard]] Result<RemoteCall> make_mcp_call(const RunState& run, const CompiledMcp& server,
                                               const TemplateScope& scope, std::string tool, std::string arguments,
                                               RemoteCallOptions options);

}  // namespace meshflow::runtime
