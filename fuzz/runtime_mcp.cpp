// What a server of the Model Context Protocol may send: never a crash, an error always says who sent it, and what goes
// back into a header fits in one.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "runtime/mcp/tools.hpp"
#include "runtime/mcp/transport.hpp"

namespace meshflow::runtime::mcp {
namespace {

namespace json = boost::json;

constexpr std::int64_t kId = 7;
const std::string kServer = "the MCP server fuzz";

void require(bool holds) {
  if (!holds) std::abort();
}

void require_failure(const Failure& failed) {
  require(failed.error.message.starts_with(kServer) && !failed.type.empty() && is_valid_utf8(failed.error.message));
}

void check_tool(const json::value& definition, const json::object& arguments) {
  const auto tool = read_tool(definition);
  if (!tool) return;
  require(!tool->name.empty());
  json::parse_options options;
  options.max_depth = kMessageDepthMax;
  require(json::parse(tool->input_schema, {}, options).is_object());
  for (const auto& [name, value] : headers_of(*tool, arguments)) {
    const auto is_printable = [](char c) { return (c >= 0x20 && c <= 0x7e) || c == '\t'; };
    require(name.starts_with("Mcp-Param-") && std::ranges::all_of(name, is_printable));
    require(name.find_first_of(" :\t") == std::string::npos);
    require(std::ranges::all_of(value, is_printable));
  }
}

void check(std::string_view input) {
  auto received = read_message(input, kId, kServer);
  if (!received) return require_failure(received.error());
  const bool is_answer = received->message.contains("result") || received->message.contains("error");
  if (received->kind != Received::Kind::response) return;
  auto response = result_of(std::move(received->message), kServer);
  if (!response) return require_failure(response.error());
  require(is_answer);
  const json::object& result = response->at("result").as_object();
  require(is_valid_utf8(text_of_result(result)));
  const json::value* arguments = result.if_contains("arguments");
  const json::value* tools = result.if_contains("tools");
  if (tools == nullptr || !tools->is_array()) return;
  const bool has_arguments = arguments != nullptr && arguments->is_object();
  for (const json::value& tool : tools->get_array()) {
    check_tool(tool, has_arguments ? arguments->get_object() : json::object());
  }
}

}  // namespace
}  // namespace meshflow::runtime::mcp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::runtime::mcp::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
