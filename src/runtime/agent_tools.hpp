// Which tools an agent has: those that a program registered, and those of its workflow's tool servers.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/remote_call.hpp"

namespace meshflow::runtime {

// What a name among an agent's tools says of a server.
struct ServerTool {
  const CompiledToolServer* server = nullptr;
  std::string_view tool;  // a part of the name; empty: all of the server's
};
// Nothing where no server is meant. `servers` may be null.
[[nodiscard]] std::optional<ServerTool> find_server_tool(const ToolServers* servers, std::string_view name) noexcept;

// What the agent's model is told of them, in the order of the agent's list, each once; asks the servers. A name behind
// which there is nothing is left out. Fails where a server cannot be asked. On the run's strand.
Task<Result<std::vector<ToolDescription>>> describe_tools(std::shared_ptr<CallState> call,
                                                          std::shared_ptr<const Agent> agent);

// `served.tool` is not empty. `arguments`: as a model wrote them, empty for none; what is no JSON object is a failure
// that the model can mend (callback_failed). `limit`: 0: the server's, else the policy's, else a minute.
[[nodiscard]] Result<RemoteCall> make_server_tool_call(const CallState& call, const ServerTool& served,
                                                       std::string arguments, std::chrono::nanoseconds limit);

}  // namespace meshflow::runtime
