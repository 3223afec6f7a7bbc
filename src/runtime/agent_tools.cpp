#include "runtime/agent_tools.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "runtime/json_path.hpp"

namespace meshflow::runtime {
namespace {

RemoteCallOptions options_for(const CallState& call, const CompiledToolServer& server, std::string who) {
  RemoteCallOptions options;
  options.who = std::move(who);
  options.risk = server.risk;
  if (server.timeout_s > 0) {
    options.limit = std::chrono::nanoseconds(static_cast<std::int64_t>(server.timeout_s * 1e9));
  } else if (const auto policy = step_limit(call.run->policy()); policy.count() > 0) {
    options.limit = policy;
  }
  return options;
}

void add_once(std::vector<ToolDescription>& to, ToolDescription tool) {
  if (std::ranges::find(to, tool.name, &ToolDescription::name) == to.end()) to.push_back(std::move(tool));
}

}  // namespace

std::optional<ServerTool> find_server_tool(const ToolServers* servers, std::string_view name) noexcept {
  if (servers == nullptr) return std::nullopt;
  const auto border = std::min(name.find(kToolServerBorder), name.size());
  const auto found = std::ranges::find(*servers, name.substr(0, border), &CompiledToolServer::name);
  if (found == servers->end()) return std::nullopt;
  if (border == name.size()) return ServerTool{&*found, {}};
  const auto tool = name.substr(border + kToolServerBorder.size());
  return tool.empty() ? std::nullopt : std::optional(ServerTool{&*found, tool});
}

Task<Result<std::vector<ToolDescription>>> describe_tools(std::shared_ptr<CallState> call,
                                                          std::shared_ptr<const Agent> agent) {
  const auto& registered = call->run->services->tools;
  std::vector<ToolDescription> described;
  std::vector<ToolDescription> listed;  // of `listed_of`
  const CompiledToolServer* listed_of = nullptr;
  for (const std::string& name : agent->tools) {
    if (const auto found = registered.find(name); found != registered.end()) {
      add_once(described, {name, found->second->description, found->second->parameters_schema});
      continue;
    }
    const auto served = find_server_tool(call->tool_servers.get(), name);
    if (!served) continue;
    if (listed_of != served->server) {
      auto options = options_for(*call, *served->server, fmt::format("the tools of {}", served->server->name));
      auto listing = list_mcp_tools(call, *served->server, std::move(options));
      auto tools = co_await std::move(listing);
      if (!tools) co_return tl::unexpected(std::move(tools).error());
      listed = std::move(*tools);
      listed_of = served->server;
    }
    for (const ToolDescription& tool : listed) {
      if (served->tool.empty() || tool.name == name) add_once(described, tool);
    }
  }
  co_return described;
}

Result<RemoteCall> make_server_tool_call(const CallState& call, const ServerTool& served, std::string arguments,
                                         std::chrono::nanoseconds limit) {
  const std::string who = fmt::format("the tool {}{}{}", served.server->name, kToolServerBorder, served.tool);
  if (arguments.empty()) arguments = "{}";
  const auto read = read_json(arguments);
  if (!read || !read->is_object()) {
    return fail(ErrorCode::callback_failed, fmt::format("the arguments of {} are no JSON object", who));
  }
  RemoteCallOptions options = options_for(call, *served.server, who);
  if (limit.count() > 0) options.limit = limit;
  return make_mcp_call(*call.run, served.server->server, EnvironmentScope(), std::string(served.tool),
                       std::move(arguments), std::move(options));
}

}  // namespace meshflow::runtime
