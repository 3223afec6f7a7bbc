// The tool call of an mcp node: on a thread that may block, with a session of the pool's.
#include <mutex>

#include <fmt/format.h>

#include "base/environment.hpp"
#include "base/try.hpp"
#include "net/url.hpp"
#include "runtime/attributes.hpp"
#include "runtime/mcp/session.hpp"
#include "runtime/remote_call.hpp"
#include "runtime/remote_url.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::size_t kHeaderBytesMax = std::size_t{16} << 10;

// What all tries of a call share. Constant once made.
struct PreparedCall {
  std::string who;
  mcp::ServerAddress server;
  std::string tool;
  std::string arguments;
  Risk risk = Risk::external_io;
  std::chrono::nanoseconds limit{0};
};

// The session that a try has on its thread, for a cancellation that comes from the run's.
class SessionInUse {
 public:
  // False: the call was cancelled before it began.
  [[nodiscard]] bool begin(mcp::Session& session) {
    const std::lock_guard lock(mutex_);
    if (!is_cancelled_) session_ = &session;
    return !is_cancelled_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    session_ = nullptr;
  }
  void cancel() {
    const std::lock_guard lock(mutex_);
    is_cancelled_ = true;
    if (session_ != nullptr) session_->cancel();
  }

 private:
  std::mutex mutex_;
  mcp::Session* session_ = nullptr;
  bool is_cancelled_ = false;
};

void record(CallFacts& facts, const mcp::CallReport& report) {
  if (!report.version.empty()) facts.set(names::kMcpVersion, report.version);
  if (!report.session_id.empty()) facts.set(names::kMcpSession, report.session_id);
  if (report.request_id > 0) facts.set(names::kJsonRpcId, std::to_string(report.request_id));
  if (!report.tool_description.empty()) facts.set(names::kGenAiToolDescription, report.tool_description);
}

Error error_of(const PreparedCall& call, mcp::Failure failed, CallFacts& facts) {
  if (failed.rpc_code) facts.set(names::kRpcStatus, fmt::format("{}", *failed.rpc_code));
  // Who cancelled it knows why: the time was up, or the run was.
  const bool was_cancelled = failed.error.code == ErrorCode::cancelled;
  if (!failed.type.empty() && !was_cancelled) facts.set_error_type(failed.type);
  // A tool that only reads may be asked again wherever its server failed it.
  const bool was_lost = failed.is_broken && failed.error.code == ErrorCode::callback_failed;
  if (was_lost && call.risk == Risk::read_only) failed.error.code = ErrorCode::unavailable;
  failed.error.message = fmt::format("{}: {}", call.who, failed.error.message);
  return std::move(failed.error);
}

Result<std::string> ask_server(const PreparedCall& call, mcp::SessionPool& pool, const mcp::Headers& trace,
                               SessionInUse& in_use, CallFacts& facts) {
  auto session = pool.take(call.server);
  if (!in_use.begin(*session)) return fail(ErrorCode::cancelled, fmt::format("{} was cancelled", call.who));
  mcp::ToolCallRequest request;
  request.tool = call.tool;
  request.arguments = call.arguments;
  request.trace = trace;
  mcp::CallReport report;
  // The run's own timer cuts the call off first, and says so in its words.
  const auto deadline = std::chrono::steady_clock::now() + call.limit + std::chrono::seconds(1);
  auto text = session->call_tool(request, deadline, report);
  in_use.end();
  record(facts, report);
  if (text || !text.error().is_broken) pool.give_back(call.server, std::move(session));
  if (text) return std::move(*text);
  return tl::unexpected(error_of(call, std::move(text).error(), facts));
}

// One try. The trace goes on in the message itself, whatever carries it.
Task<Result<std::string>> start_call(std::shared_ptr<Callee> callee, std::shared_ptr<CallFacts> facts,
                                     std::shared_ptr<const PreparedCall> prepared) {
  CallState& call = *callee->call;
  mcp::Headers trace;
  telemetry::Carrier carrier;
  std::vector<telemetry::Propagator> standard;  // those for which the protocol has reserved keys
  for (const auto propagator : call.run->services->propagators) {
    const bool is_standard =
        propagator == telemetry::Propagator::tracecontext || propagator == telemetry::Propagator::baggage;
    if (is_standard) standard.push_back(propagator);
  }
  telemetry::inject(call.span, carrier, standard);
  for (const auto& [name, value] : carrier) trace.emplace_back(name, value);

  auto in_use = std::make_shared<SessionInUse>();
  const auto token = call.cancellation.add([in_use](const Error&) { in_use->cancel(); });
  std::function<Result<std::string>()> work = [prepared, pool = call.run->services->mcp_sessions,
                                               trace = std::move(trace), in_use,
                                               facts] { return ask_server(*prepared, *pool, trace, *in_use, *facts); };
  auto result = co_await run_user_function<std::string>(call.waiting(), std::move(work), prepared->who, callee);
  call.cancellation.remove(token);
  co_return result;
}

Result<mcp::Headers> filled(const HeaderTemplates& templates, const TemplateScope& scope, std::string_view what) {
  mcp::Headers out;
  for (const auto& [name, text] : templates) {
    auto value = text.fill(scope, kHeaderBytesMax);
    if (!value) {
      value.error().message = fmt::format("{} in {}: {}", name, what, value.error().message);
      return tl::unexpected(std::move(value.error()));
    }
    out.emplace_back(name, std::move(value->text));
  }
  return out;
}

Result<std::shared_ptr<PreparedCall>> prepare(const CompiledMcp& server, const TemplateScope& scope,
                                              const RemoteCallOptions& options) {
  auto prepared = std::make_shared<PreparedCall>();
  prepared->who = options.who;
  prepared->server.command = server.command;
  prepared->server.args = server.args;
  prepared->server.url = server.url;
  MESHFLOW_TRY(prepared->server.environment, filled(server.environment, scope, "env of " + options.who));
  MESHFLOW_TRY(prepared->server.headers, filled(server.headers, scope, "headers of " + options.who));
  prepared->risk = options.risk;
  prepared->limit = options.limit;
  return prepared;
}

using Listed = std::vector<ToolDescription>;

Result<Listed> ask_for_tools(const PreparedCall& call, const std::string& server_name, mcp::SessionPool& pool,
                             SessionInUse& in_use) {
  const auto deadline = std::chrono::steady_clock::now() + call.limit + std::chrono::seconds(1);
  for (bool is_first = true;; is_first = false) {
    auto session = pool.take(call.server);
    if (!in_use.begin(*session)) return fail(ErrorCode::cancelled, fmt::format("{} was cancelled", call.who));
    auto tools = session->list_tools(deadline);
    in_use.end();
    if (tools || !tools.error().is_broken) pool.give_back(call.server, std::move(session));
    if (!tools) {
      // A session that was idle for long may be one that its server has forgotten, which then says so.
      if (is_first && tools.error().is_broken && tools.error().error.code == ErrorCode::unavailable) continue;
      CallFacts unused;
      return tl::unexpected(error_of(call, std::move(tools).error(), unused));
    }
    Listed listed;
    for (mcp::ToolEntry& tool : *tools) {
      listed.push_back({fmt::format("{}{}{}", server_name, kToolServerBorder, tool.name), std::move(tool.description),
                        std::move(tool.input_schema)});
    }
    return listed;
  }
}

Result<void> describe(ToolWork& work, const mcp::ServerAddress& server) {
  work.attributes = {{names::kMcpMethod, "tools/call"}};
  if (!server.command.empty()) {
    work.attributes.push_back({names::kNetworkTransport, "pipe"});
    work.circuit = fmt::format("mcp {}", server.command);
    return {};
  }
  MESHFLOW_TRY(const net::Url url, net::parse_endpoint_url(fmt::format("the url of {}", work.who), server.url));
  work.attributes.push_back({names::kNetworkTransport, "tcp"});
  work.attributes.push_back({names::kNetworkProtocol, "http"});
  work.attributes.push_back({names::kServerAddress, server_address(url)});
  work.attributes.push_back({names::kServerPort, static_cast<int>(url.port)});
  work.circuit = fmt::format("mcp {}", url.authority());
  return {};
}

}  // namespace

std::optional<std::string> EnvironmentScope::environment(std::string_view name) const {
  const auto process = Environment::of_process();
  const auto value = process.get(name);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

Result<RemoteCall> make_mcp_call(const RunState& run, const CompiledMcp& server, const TemplateScope& scope,
                                 std::string tool, std::string arguments, RemoteCallOptions options) {
  MESHFLOW_TRY(const std::shared_ptr<PreparedCall> prepared, prepare(server, scope, options));
  prepared->tool = std::move(tool);
  prepared->arguments = arguments;
  auto named = std::make_shared<Tool>();
  named->name = prepared->tool;
  named->risk = options.risk;
  auto work = std::make_shared<ToolWork>();
  work->tool = std::move(named);
  work->type = "extension";
  work->kind = telemetry::SpanKind::client;
  work->who = options.who;
  work->tries = run.policy().retries + 1;
  work->limit = options.limit;
  MESHFLOW_CHECK(describe(*work, prepared->server));
  work->start = [prepared](std::shared_ptr<Callee> callee, std::shared_ptr<CallFacts> facts) {
    return start_call(std::move(callee), std::move(facts), prepared);
  };
  return RemoteCall{std::move(work), std::move(arguments)};
}

Task<Result<Listed>> list_mcp_tools(std::shared_ptr<CallState> call, const CompiledToolServer& server,
                                    RemoteCallOptions options) {
  auto prepared = prepare(server.server, EnvironmentScope(), options);
  if (!prepared) co_return tl::unexpected(std::move(prepared).error());
  auto in_use = std::make_shared<SessionInUse>();
  const auto token = call->cancellation.add([in_use](const Error&) { in_use->cancel(); });
  std::function<Result<Listed>()> work = [prepared = std::move(*prepared), name = server.name,
                                          pool = call->run->services->mcp_sessions,
                                          in_use] { return ask_for_tools(*prepared, name, *pool, *in_use); };
  std::string who = std::move(options.who);
  auto result = co_await run_user_function<Listed>(call->waiting(), std::move(work), std::move(who), call);
  call->cancellation.remove(token);
  co_return result;
}

}  // namespace meshflow::runtime
