// What nodes of kind http and mcp do: each becomes the work of a tool call.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// For texts that may name variables of the process's environment alone.
class EnvironmentScope final : public TemplateScope {
 public:
  [[nodiscard]] std::string_view input() const override { return {}; }
  [[nodiscard]] std::string_view task() const override { return {}; }
  [[nodiscard]] std::optional<std::string_view> output_of(std::string_view) const override { return std::nullopt; }
  [[nodiscard]] std::optional<std::string> environment(std::string_view name) const override;
};

// Fails (invalid_input, limit_exceeded) where a template cannot be filled in.
[[nodiscard]] Result<RemoteCall> make_http_call(const RunState& run, const CompiledHttp& http,
                                                const TemplateScope& scope, RemoteCallOptions options);
// `tool`: which of the server's. `arguments`: JSON, filled in.
[[nodiscard]] Result<RemoteCall> make_mcp_call(const RunState& run, const CompiledMcp& server,
                                               const TemplateScope& scope, std::string tool, std::string arguments,
                                               RemoteCallOptions options);

// What models are told of a server's tools, each as NAME__TOOL. Asks the server, as one call of it. On the run's
// strand.
Task<Result<std::vector<ToolDescription>>> list_mcp_tools(std::shared_ptr<CallState> call,
                                                          const CompiledToolServer& server, RemoteCallOptions options);

}  // namespace meshflow::runtime
