#include "runtime/mcp/session.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/version.hpp"
#include "runtime/mcp/tools.hpp"
#include "base/nearest.hpp"

namespace meshflow::runtime::mcp {
namespace {

namespace json = boost::json;

constexpr std::int64_t kHeaderMismatch = -32020;
constexpr std::int64_t kUnsupportedVersion = -32022;
constexpr std::int64_t kMethodNotFound = -32601;
constexpr std::int64_t kReservedCodesFirst = -32099;  // the protocol's own, from the version without a handshake on
constexpr std::int64_t kReservedCodesLast = -32020;

json::object client_info() { return {{"name", "meshflow"}, {"version", version()}}; }

bool is_of_current_protocol(const Failure& failed) {
  return failed.rpc_code && *failed.rpc_code >= kReservedCodesFirst && *failed.rpc_code <= kReservedCodesLast;
}

// An error that says the server is there, but does not know what it was asked.
bool may_be_earlier(const Failure& failed) {
  if (failed.http_status != 0)
    return failed.http_status >= 400 && failed.http_status < 500 && failed.http_status != 401 &&
           failed.http_status != 403 && failed.http_status != 429 && !is_of_current_protocol(failed);
  return failed.rpc_code && !is_of_current_protocol(failed);
}

bool lists(const json::value* versions, std::string_view wanted) {
  const auto* array = versions == nullptr ? nullptr : versions->if_array();
  if (array == nullptr) return false;
  return std::ranges::any_of(*array, [&](const json::value& one) {
    return one.is_string() && std::string_view(one.get_string().data(), one.get_string().size()) == wanted;
  });
}

bool lists_earlier(const json::value* versions) {
  return std::ranges::any_of(kEarlierVersions, [&](std::string_view one) { return lists(versions, one); });
}

}  // namespace

Session::Session(ServerAddress server)
    : server_(std::move(server)),
      name_(server_.name()),
      transport_(server_.command.empty() ? make_http_transport(server_) : make_stdio_transport(server_)) {}

Outcome<json::object> Session::ask(std::string_view method, json::object params, Deadline deadline,
                                   std::string_view name, Headers headers, const Headers& trace) {
  json::object meta;
  for (const auto& [key, value] : trace) meta[key] = value;
  if (is_stateless_) {
    meta["io.modelcontextprotocol/protocolVersion"] = kVersion;
    meta["io.modelcontextprotocol/clientInfo"] = client_info();
    meta["io.modelcontextprotocol/clientCapabilities"] = json::object();
    headers.emplace_back("Mcp-Method", method);
    if (!name.empty()) headers.emplace_back("Mcp-Name", header_text(name));
  }
  if (!meta.empty()) params["_meta"] = std::move(meta);
  headers.insert(headers.end(), trace.begin(), trace.end());
  Request request;
  request.method = method;
  request.name = name;
  request.id = ++last_id_;
  request.headers = std::move(headers);
  request.text = json::serialize(
      json::object{{"jsonrpc", "2.0"}, {"id", last_id_}, {"method", method}, {"params", std::move(params)}});
  auto response = transport_->exchange(request, deadline);
  if (!response) return tl::unexpected(std::move(response).error());
  return std::move((*response)["result"].get_object());
}

void Session::cancel() noexcept {
  const std::lock_guard lock(transport_mutex_);
  is_cancelled_ = true;
  transport_->cancel();
}

void Session::start_anew() {
  auto fresh = make_stdio_transport(server_);
  const std::lock_guard lock(transport_mutex_);
  if (is_cancelled_) fresh->cancel();
  std::swap(transport_, fresh);
}

// True: the server speaks the version without a handshake. False: it has to be asked in the earlier way.
Outcome<bool> Session::discover(Deadline deadline) {
  is_stateless_ = true;
  transport_->set_version(kVersion, true);
  const bool is_pipe = !server_.command.empty();
  const bool is_probe = is_pipe && !was_silent_;
  const auto until = is_probe ? std::min(deadline, std::chrono::steady_clock::now() + kDiscoverTime) : deadline;
  auto result = ask("server/discover", {}, until);
  const json::value* versions = nullptr;
  if (result) {
    versions = result->if_contains("supportedVersions");
    if (lists(versions, kVersion)) return true;
  } else {
    const Failure& failed = result.error();
    if (failed.rpc_code == kUnsupportedVersion) {
      versions = failed.data.if_contains("supported");
    } else if (may_be_earlier(failed)) {
      return false;
    } else if (is_probe && failed.type == "timeout" && until < deadline) {
      was_silent_ = true;  // should it still answer, the answer's id tells that it is none to what follows
      return false;
    } else if (is_probe && failed.type == "server_ended") {
      start_anew();  // it ends where it is asked what it does not know
      return false;
    } else {
      return tl::unexpected(std::move(result).error());
    }
  }
  if (lists_earlier(versions)) return false;
  auto refused = failure(ErrorCode::unsupported,
                         fmt::format("{} speaks no version of the protocol that is known here", name_), "version");
  refused.value().error.hint = fmt::format("{}, {}", kVersion, fmt::join(kEarlierVersions, ", "));
  return refused;
}

Outcome<void> Session::initialize(Deadline deadline) {
  is_stateless_ = false;
  transport_->set_version({}, false);
  auto result = ask(
      "initialize",
      {{"protocolVersion", kEarlierVersions.front()}, {"capabilities", json::object()}, {"clientInfo", client_info()}},
      deadline);
  if (!result) return tl::unexpected(std::move(result).error());
  const auto* version = result->if_contains("protocolVersion");
  const std::string chosen = version != nullptr && version->is_string() ? std::string(version->get_string()) : "";
  if (std::ranges::find(kEarlierVersions, chosen) == kEarlierVersions.end()) {
    return failure(
        ErrorCode::unsupported,
        fmt::format("{} speaks version \"{}\" of the protocol, which is not known here", name_, chosen.substr(0, 40)),
        "version");
  }
  transport_->set_version(chosen, false);
  Request initialized;
  initialized.method = "notifications/initialized";
  initialized.text = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
  if (auto told = transport_->notify(initialized, deadline); !told) return told;
  version_ = chosen;
  return {};
}

Outcome<void> Session::open(Deadline deadline) {
  if (!version_.empty()) return {};
  auto is_current = discover(deadline);
  if (!is_current) return tl::unexpected(std::move(is_current).error());
  if (!*is_current) {
    auto shaken = initialize(deadline);
    if (shaken || !was_silent_ || !shaken.error().rpc_code) return shaken;
    is_current = discover(deadline);
    if (!is_current) return tl::unexpected(std::move(is_current).error());
    if (!*is_current) return shaken;
  }
  version_ = kVersion;
  return {};
}

Outcome<std::vector<ToolEntry>> Session::list_tools(Deadline deadline) {
  if (auto opened = open(deadline); !opened) return tl::unexpected(std::move(opened).error());
  std::vector<ToolEntry> tools;
  std::string cursor;
  for (std::size_t page = 0; page < kToolPagesMax; ++page) {
    json::object params;
    if (!cursor.empty()) params["cursor"] = cursor;
    auto result = ask("tools/list", std::move(params), deadline);
    if (!result) return tl::unexpected(std::move(result).error());
    const auto* listed = result->if_contains("tools");
    if (listed == nullptr || !listed->is_array()) {
      return failure(ErrorCode::callback_failed, fmt::format("{} listed no tools in its list", name_),
                     "invalid_response");
    }
    for (const auto& definition : listed->get_array()) {
      if (auto tool = read_tool(definition)) tools.push_back(std::move(*tool));
      if (tools.size() > kToolsMax) {
        return failure(ErrorCode::limit_exceeded, fmt::format("{} has more than {} tools", name_, kToolsMax),
                       "too_large");
      }
    }
    const auto* next = result->if_contains("nextCursor");
    if (next == nullptr || !next->is_string() || next->get_string().empty()) return tools;
    cursor = std::string(next->get_string());
  }
  return failure(ErrorCode::limit_exceeded,
                 fmt::format("{} lists its tools on more than {} pages", name_, kToolPagesMax), "too_large");
}

const ToolEntry* Session::known_tool(std::string_view name) const noexcept {
  if (!tools_) return nullptr;
  const auto found = std::ranges::find(*tools_, name, &ToolEntry::name);
  return found == tools_->end() ? nullptr : &*found;
}

// Null where the server does not list its tools: then it is simply asked.
Outcome<const ToolEntry*> Session::find_tool(std::string_view name, Deadline deadline) {
  if (const auto* known = known_tool(name)) return known;
  auto listed = list_tools(deadline);  // the first time, and again: tools come and go
  if (!listed) {
    if (listed.error().rpc_code == kMethodNotFound) return nullptr;
    Failure failed = std::move(listed).error();
    failed.was_sent = false;
    return tl::unexpected(std::move(failed));
  }
  tools_ = std::move(*listed);
  if (const auto* known = known_tool(name)) return known;
  std::vector<std::string_view> names;
  for (const auto& tool : *tools_) names.push_back(tool.name);
  auto missing = failure(ErrorCode::not_found, fmt::format("{} has no tool \"{}\"", name_, name), "tool_not_found");
  missing.value().error.hint = name_hint(name, names);
  missing.value().is_broken = false;
  missing.value().was_sent = false;
  return missing;
}

Outcome<std::string> Session::call_tool(const ToolCallRequest& request, Deadline deadline, CallReport& report) {
  auto opened = open(deadline);
  report.version = version_;
  report.session_id = transport_->session_id();
  if (!opened) {
    Failure failed = std::move(opened).error();
    failed.was_sent = false;
    return tl::unexpected(std::move(failed));
  }
  json::parse_options options;
  options.max_depth = kMessageDepthMax;
  json::error_code not_json;
  const json::value arguments = json::parse(request.arguments, not_json, {}, options);
  if (not_json || !arguments.is_object()) {
    auto refused = failure(ErrorCode::callback_failed,
                           fmt::format("the arguments of the tool {} are no JSON object", request.tool), "arguments");
    refused.value().was_sent = false;
    refused.value().is_broken = false;
    return refused;
  }
  for (int round = 1;; ++round) {
    const auto tool = find_tool(request.tool, deadline);
    if (!tool) return tl::unexpected(tool.error());
    if (*tool != nullptr) report.tool_description = (*tool)->description;
    Headers headers;
    if (*tool != nullptr && is_stateless_) headers = headers_of(**tool, arguments.get_object());
    json::object params{{"name", request.tool}, {"arguments", arguments}};
    auto result = ask("tools/call", std::move(params), deadline, request.tool, std::move(headers), request.trace);
    report.request_id = last_id_;
    report.session_id = transport_->session_id();
    if (!result) {
      const bool is_outdated = result.error().rpc_code == kHeaderMismatch && round == 1;
      if (!is_outdated) return tl::unexpected(std::move(result).error());
      tools_.reset();  // it wants other headers than its tools said before
      continue;
    }
    const auto* type = result->if_contains("resultType");
    if (type != nullptr && *type != "complete") {
      const bool asks = *type == "input_required";
      Failure failed{
          Error{asks ? ErrorCode::unsupported : ErrorCode::callback_failed,
                asks ? fmt::format("{} asks for input before the tool {} can answer; a node has nobody to ask", name_,
                                   request.tool)
                     : fmt::format("{} answered with an unknown type of result", name_)}};
      failed.type = asks ? "input_required" : "invalid_response";
      failed.is_broken = false;
      return tl::unexpected(std::move(failed));
    }
    std::string text = text_of_result(*result);
    const auto* is_error = result->if_contains("isError");
    if (is_error == nullptr || *is_error != true) return text;
    constexpr std::size_t kShownBytesMax = 500;
    Failure failed{Error{ErrorCode::callback_failed, fmt::format("the tool {} of {} failed: {}", request.tool, name_,
                                                                 utf8_prefix(text, kShownBytesMax))}};
    failed.type = "tool_error";
    failed.is_broken = false;
    return tl::unexpected(std::move(failed));
  }
}

std::shared_ptr<Session> SessionPool::take(const ServerAddress& server) {
  const std::string key = server.key();
  while (true) {
    std::shared_ptr<Session> found;
    {
      const std::lock_guard lock(mutex_);
      const auto last = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Idle& one) { return one.key == key; });
      if (last == idle_.rend()) break;
      found = std::move(last->session);
      idle_.erase(std::next(last).base());
    }
    if (found->is_alive()) return found;
  }
  return std::make_shared<Session>(server);
}

void SessionPool::give_back(const ServerAddress& server, std::shared_ptr<Session> session) {
  std::string key = server.key();
  const std::lock_guard lock(mutex_);
  const auto of_server = static_cast<std::size_t>(std::ranges::count(idle_, key, &Idle::key));
  if (is_closed_ || of_server >= kIdlePerServerMax || idle_.size() >= kIdleMax) return;
  idle_.push_back({std::move(key), std::move(session)});
}

void SessionPool::close() {
  std::vector<Idle> idle;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    idle.swap(idle_);
  }
  for (const auto& one : idle) one.session->begin_stop();
}

}  // namespace meshflow::runtime::mcp
