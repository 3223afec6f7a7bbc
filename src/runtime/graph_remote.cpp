// What http and mcp nodes say of the world outside: checked, and its templates parsed.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "net/url.hpp"
#include "runtime/graph_build.hpp"
#include "runtime/limits.hpp"

namespace meshflow::runtime {
namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";  // RFC 9110, section 5.6.2
  return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return std::isalnum(c) != 0 || kSigns.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_environment_name(std::string_view name) {
  return !name.empty() && name.find('=') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Set by what sends the request: a second one would contradict it.
bool is_reserved_header(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kReserved = {"content-length", "transfer-encoding", "connection",
                                                                "expect"};
  const std::string lower = lower_case(name);
  return std::ranges::find(kReserved, lower) != kReserved.end();
}

}  // namespace

Template GraphBuilder::template_of(const Node& node, std::string_view field, std::string_view what,
                                   const std::string& text, TemplateVariables allowed) {
  const SourcePosition& position = position_of(node, field);
  const SourcePosition line{position.file, position.line, 0};  // how it was quoted is not known: no columns
  auto parsed = Template::parse(text, line, allowed);
  if (parsed) return std::move(*parsed);
  error(position, fmt::format("{} of {}: {}", what, named(node), parsed.error().message), parsed.error().hint);
  return {};
}

std::optional<JsonTemplate> GraphBuilder::json_of(const Node& node, std::string_view field, const std::string& text) {
  const SourcePosition& position = position_of(node, field);
  auto parsed = JsonTemplate::parse(text, {position.file, position.line, 0});
  if (parsed) return std::move(*parsed);
  error(position, fmt::format("{} of node \"{}\": {}", field, node.id, parsed.error().message), parsed.error().hint);
  return std::nullopt;
}

HeaderTemplates GraphBuilder::headers_of(const Node& node, std::string_view field, const HeaderTexts& texts,
                                         TemplateVariables allowed) {
  const bool is_environment = field == "env";
  if (texts.size() > kNodeHeadersMax) {
    error(position_of(node, field),
          fmt::format("{} of {} has {} entries, more than {}", field, named(node), texts.size(), kNodeHeadersMax));
    return {};
  }
  HeaderTemplates out;
  for (const auto& [name, text] : texts) {
    const bool is_usable = is_environment ? is_environment_name(name) : is_token(name) && !is_reserved_header(name);
    if (!is_usable) {
      error(position_of(node, field), fmt::format("{} of {} may not have the name \"{}\"", field, named(node), name));
      continue;
    }
    out.emplace_back(name, template_of(node, field, fmt::format("{} in {}", name, field), text, allowed));
  }
  return out;
}

// `authority_from`: the text that is known before the run, in which the host must be named.
void GraphBuilder::check_endpoint(const Node& node, const std::string& text, std::string_view authority_from) {
  const auto& position = position_of(node, "url");
  const auto name = fmt::format("url of {}", named(node));
  const auto scheme = authority_from.find("://");
  const bool host_is_known =
      authority_from.size() == text.size() ||
      (scheme != std::string_view::npos && authority_from.find_first_of("/?", scheme + 3) != std::string_view::npos);
  if (!host_is_known) {
    error(position, fmt::format("{} has a template before its path: who is asked must be known before the run", name),
          "https://HOST/path/{{ input }}");
    return;
  }
  // What is filled in later is percent-encoded, so that it cannot change what the parts of the URL are.
  const auto first = authority_from.size() == text.size() ? text.size() : authority_from.size();
  if (const auto url = net::parse_endpoint_url(name, text.substr(0, first)); !url) {
    error(position, url.error().message, url.error().hint);
  }
}

void GraphBuilder::add_http(CompiledNode& compiled) {
  const Node& node = compiled.node;
  if (!node.http || node.http->url.empty()) {
    error(node.position, fmt::format("http node \"{}\" has no url", node.id), "url: https://HOST/path");
    return;
  }
  const HttpCall& call = *node.http;
  CompiledHttp out;
  out.method = call.method.empty() ? (call.body.empty() ? "GET" : "POST") : call.method;
  std::ranges::transform(out.method, out.method.begin(), [](unsigned char c) { return std::toupper(c); });
  if (!is_token(out.method) || out.method == "CONNECT" || out.method == "TRACE") {
    error(position_of(node, "method"), fmt::format("method of node \"{}\" is \"{}\"", node.id, call.method),
          "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, …");
  }
  const auto problems_before = problems_.size();
  out.url = template_of(node, "url", "url", call.url, TemplateVariables{});
  if (problems_.size() == problems_before)
    check_endpoint(node, call.url, out.url.is_literal() ? std::string_view(call.url) : out.url.literal_prefix());
  TemplateVariables all;
  all.environment = true;
  out.headers = headers_of(node, "headers", call.headers, all);
  if (!call.body.empty() && call.body_is_json) {
    if (auto body = json_of(node, "body", call.body)) out.body = std::move(*body);
  } else if (!call.body.empty()) {
    out.body = template_of(node, "body", "body", call.body, TemplateVariables{});
  }
  if (call.response_bytes_max < 1 || call.response_bytes_max > static_cast<std::int64_t>(kOutputBytesMax)) {
    error(position_of(node, "response_bytes_max"),
          fmt::format("response_bytes_max of node \"{}\" is {}", node.id, call.response_bytes_max),
          fmt::format("1 to {}", kOutputBytesMax));
  }
  out.response_bytes_max = static_cast<std::size_t>(call.response_bytes_max);
  compiled.remote = std::move(out);
}

void GraphBuilder::add_mcp(CompiledNode& compiled) {
  const Node& node = compiled.node;
  const bool has_command = node.mcp && !node.mcp->command.empty();
  const bool has_url = node.mcp && !node.mcp->url.empty();
  if (has_command == has_url) {
    error(node.position,
          fmt::format("{}{} has {}", is_tool_server_ ? "" : "mcp ", named(node),
                      has_url ? "a command and a url" : "neither a command nor a url"),
          "command: PROGRAM for a server to start, or url: https://HOST/mcp");
    return;
  }
  const McpServer& server = *node.mcp;
  CompiledMcp out;
  out.command = server.command;
  out.args = server.args;
  out.url = server.url;
  if (has_url) check_endpoint(node, server.url, server.url);
  if (server.args.size() > kMcpArgumentsMax) {
    error(position_of(node, "args"),
          fmt::format("args of {} has {} texts, more than {}", named(node), server.args.size(), kMcpArgumentsMax));
  }
  TemplateVariables environment_only;
  environment_only.outputs = false;
  environment_only.environment = true;
  out.environment = headers_of(node, "env", server.environment, environment_only);
  out.headers = headers_of(node, "headers", server.headers, environment_only);
  for (const auto& [field, is_unused] :
       {std::pair<std::string_view, bool>{"args", has_url && !server.args.empty()},
        std::pair<std::string_view, bool>{"env", has_url && !server.environment.empty()},
        std::pair<std::string_view, bool>{"headers", has_command && !server.headers.empty()}}) {
    if (!is_unused) continue;
    warning(position_of(node, field), fmt::format("{} means nothing on {}, whose server has a {}", field, named(node),
                                                  has_url ? "url" : "command"));
  }
  compiled.remote = std::move(out);
}

std::string GraphBuilder::named(const Node& node) const {
  return fmt::format("{} \"{}\"", is_tool_server_ ? "tool server" : "node", node.id);
}

// Each is checked as the server of an mcp node is.
void GraphBuilder::add_tool_servers() {
  if (workflow_.tool_servers().empty()) return;
  auto servers = std::make_shared<ToolServers>();
  is_tool_server_ = true;
  for (const ToolServer& written : workflow_.tool_servers()) {
    CompiledNode compiled;
    compiled.node.id = written.name;
    compiled.node.kind = NodeKind::mcp;
    compiled.node.mcp = written.server;
    compiled.node.position = written.position;
    compiled.node.field_positions = written.field_positions;
    const bool is_name = is_node_id(written.name) && written.name.size() <= kToolServerNameBytesMax &&
                         written.name.find(kToolServerBorder) == std::string::npos;
    if (!is_name) {
      error(written.position, fmt::format("\"{}\" can't be a tool server's name", utf8_prefix(written.name, 80)),
            fmt::format("a letter or _, then letters, digits, _ (not two together) and -, at most {}",
                        kToolServerNameBytesMax));
    }
    if (std::ranges::find(*servers, written.name, &CompiledToolServer::name) != servers->end()) {
      error(written.position, fmt::format("there is a tool server \"{}\" already", written.name));
    }
    if (!std::isfinite(written.timeout_s) || written.timeout_s < 0 || written.timeout_s > kNodeTimeoutSecondsMax) {
      error(position_of(compiled.node, "timeout_s"),
            fmt::format("timeout_s of {} is {}", named(compiled.node), written.timeout_s),
            fmt::format("0 (the policy's) to {}", kNodeTimeoutSecondsMax));
    }
    add_mcp(compiled);
    auto* server = std::get_if<CompiledMcp>(&compiled.remote);
    if (server != nullptr) servers->push_back({written.name, std::move(*server), written.risk, written.timeout_s});
  }
  is_tool_server_ = false;
  made_->tool_servers = std::move(servers);
}

// The nodes that templates name must have run by then.
void GraphBuilder::check_references() {
  for (NodeIndex index = 0; index < made_->nodes.size(); ++index) {
    const CompiledNode& compiled = made_->nodes[index];
    std::vector<Condition::Reference> all;
    const auto add = [&](std::vector<Condition::Reference> more) { all.insert(all.end(), more.begin(), more.end()); };
    if (compiled.arguments) add(compiled.arguments->references());
    if (const auto* http = std::get_if<CompiledHttp>(&compiled.remote)) {
      add(http->url.references());
      for (const auto& [name, text] : http->headers) add(text.references());
      if (const auto* text = std::get_if<Template>(&http->body)) add(text->references());
      if (const auto* json = std::get_if<JsonTemplate>(&http->body)) add(json->references());
    }
    for (const auto& reference : all) {
      const auto& at = reference.position.line > 0 ? reference.position : compiled.node.position;
      const auto what = fmt::format("a template of node \"{}\"", compiled.node.id);
      const auto named = resolve(reference.node_id, at, what);
      if (named == kNone || !is_acyclic_ || (named != index && ancestors_[index][named])) continue;
      error(at, fmt::format("{}: \"{}\" doesn't run before it", what, reference.node_id));
    }
  }
}

}  // namespace meshflow::runtime
