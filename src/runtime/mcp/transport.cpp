#include "runtime/mcp/transport.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "base/bytes.hpp"
#include "net/url.hpp"

namespace meshflow::runtime::mcp {

namespace json = boost::json;

std::string ServerAddress::key() const {
  std::string key;
  const auto add = [&key](std::string_view part) { key += fmt::format("{}:{}", part.size(), part); };
  add(command);
  for (const auto& argument : args) add(argument);
  for (const auto& [name, value] : environment) {
    add(name);
    add(value);
  }
  add(url);
  for (const auto& [name, value] : headers) {
    add(name);
    add(value);
  }
  return key;
}

std::string ServerAddress::name() const {
  if (!command.empty()) return fmt::format("the MCP server {}", command);
  const auto parsed = net::parse_endpoint_url("url", url);
  return fmt::format("the MCP server at {}", parsed ? parsed->authority() : "an unusable address");
}

tl::unexpected<Failure> failure(ErrorCode code, std::string message, std::string type) {
  Failure failed{Error{code, std::move(message)}};
  failed.type = std::move(type);
  return tl::unexpected(std::move(failed));
}

Outcome<Received> read_message(std::string_view text, std::optional<std::int64_t> id, const std::string& server_name) {
  json::parse_options options;
  options.max_depth = kMessageDepthMax;
  json::error_code error;
  auto value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* version = object == nullptr ? nullptr : object->if_contains("jsonrpc");
  if (version == nullptr || *version != "2.0") {
    return failure(ErrorCode::callback_failed, fmt::format("{} wrote what is no JSON-RPC message", server_name),
                   "invalid_response");
  }
  Received received;
  const json::value* its_id = object->if_contains("id");
  const bool has_our_id = id && its_id != nullptr && *its_id == *id;
  // To a request whose id could not be read: there is one at a time.
  const bool is_error_without_id =
      id && object->if_contains("error") != nullptr && (its_id == nullptr || its_id->is_null());
  if (object->if_contains("method") != nullptr) {
    if (its_id != nullptr) received.kind = Received::Kind::request;
  } else if (has_our_id || is_error_without_id) {
    received.kind = Received::Kind::response;
  }
  received.message = std::move(value.get_object());
  return received;
}

Outcome<json::object> result_of(json::object response, const std::string& server_name) {
  const json::value* error = response.if_contains("error");
  if (error == nullptr) {
    const json::value* result = response.if_contains("result");
    if (result != nullptr && result->is_object()) return response;
    return failure(ErrorCode::callback_failed, fmt::format("{} answered without a result", server_name),
                   "invalid_response");
  }
  const json::object* object = error->if_object();
  const json::value* code = object == nullptr ? nullptr : object->if_contains("code");
  const json::value* message = object == nullptr ? nullptr : object->if_contains("message");
  if (code == nullptr || !code->is_int64()) {
    return failure(ErrorCode::callback_failed, fmt::format("{} answered with an error that has no code", server_name),
                   "invalid_response");
  }
  constexpr std::size_t kShownBytesMax = 500;
  const std::string_view words = message != nullptr && message->is_string()
                                     ? std::string_view(message->get_string().data(), message->get_string().size())
                                     : std::string_view();
  Failure failed{Error{ErrorCode::callback_failed, fmt::format("{} answered with error {}: {}", server_name,
                                                               code->get_int64(), utf8_prefix(words, kShownBytesMax))}};
  failed.rpc_code = code->get_int64();
  failed.type = fmt::format("{}", code->get_int64());
  failed.is_broken = false;
  if (const auto* data = object->if_contains("data"); data != nullptr && data->is_object()) {
    failed.data = data->get_object();
  }
  return tl::unexpected(std::move(failed));
}

}  // namespace meshflow::runtime::mcp
