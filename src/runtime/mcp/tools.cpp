#include "runtime/mcp/tools.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/bytes.hpp"

namespace meshflow::runtime::mcp {
namespace {

namespace json = boost::json;

constexpr std::string_view kHeaderKey = "x-mcp-header";
constexpr std::int64_t kSafeIntegerMax = (std::int64_t{1} << 53) - 1;

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }

std::string text_at(const json::object& object, std::string_view key) {
  const auto* found = object.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

bool is_header_name(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return std::isalnum(c) != 0 || kSigns.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool same_without_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

// Adds what `schema` and its properties say; false where a rule is broken. `is_reachable`: from the root, by
// `properties` alone. Depth is bounded by that of the message.
bool collect(const json::value& schema, bool is_reachable, std::vector<std::string>& path, ToolEntry& tool) {
  if (const auto* array = schema.if_array()) {
    return std::ranges::all_of(*array, [&](const json::value& item) { return collect(item, false, path, tool); });
  }
  const auto* object = schema.if_object();
  if (object == nullptr) return true;
  if (const auto* header = object->if_contains(kHeaderKey)) {
    const std::string type = text_at(*object, "type");
    const bool is_primitive = type == "string" || type == "integer" || type == "boolean";
    if (!is_reachable || path.empty() || !is_primitive || !header->is_string()) return false;
    const auto name = view_of(header->get_string());
    const auto is_same = [&](const auto& other) { return same_without_case(other.header, name); };
    if (!is_header_name(name) || std::ranges::any_of(tool.header_arguments, is_same)) return false;
    tool.header_arguments.push_back({std::string(name), path});
  }
  for (const auto& member : *object) {
    const auto* properties = member.key() == "properties" ? member.value().if_object() : nullptr;
    if (properties == nullptr) {
      if (member.key() != kHeaderKey && !collect(member.value(), false, path, tool)) return false;
      continue;
    }
    for (const auto& property : *properties) {
      path.emplace_back(property.key());
      const bool is_sound = collect(property.value(), is_reachable, path, tool);
      path.pop_back();
      if (!is_sound) return false;
    }
  }
  return true;
}

const json::value* argument_at(const json::object& arguments, const std::vector<std::string>& path) {
  const json::object* object = &arguments;
  const json::value* found = nullptr;
  for (const auto& key : path) {
    if (object == nullptr) return nullptr;
    found = object->if_contains(key);
    object = found == nullptr ? nullptr : found->if_object();
  }
  return found;
}

}  // namespace

std::optional<ToolEntry> read_tool(const json::value& definition) {
  const auto* object = definition.if_object();
  if (object == nullptr) return std::nullopt;
  ToolEntry tool;
  tool.name = text_at(*object, "name");
  tool.description = text_at(*object, "description");
  if (tool.name.empty()) return std::nullopt;
  const auto* schema = object->if_contains("inputSchema");
  if (schema == nullptr || !schema->is_object()) return std::nullopt;
  tool.input_schema = json::serialize(*schema);
  std::vector<std::string> path;
  if (!collect(*schema, true, path, tool)) return std::nullopt;
  return tool;
}

std::string header_text(std::string_view value) {
  const auto is_plain = [](char c) { return (c >= 0x20 && c <= 0x7e) || c == '\t'; };
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  const bool is_padded = !value.empty() && (is_space(value.front()) || is_space(value.back()));
  const bool looks_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
  if (std::ranges::all_of(value, is_plain) && !is_padded && !looks_encoded) return std::string(value);
  return fmt::format("=?base64?{}?=", to_base64(value));
}

Headers headers_of(const ToolEntry& tool, const json::object& arguments) {
  Headers headers;
  for (const auto& [header, path] : tool.header_arguments) {
    const json::value* value = argument_at(arguments, path);
    if (value == nullptr) continue;
    const std::string name = "Mcp-Param-" + header;
    if (value->is_string()) {
      headers.emplace_back(name, header_text(view_of(value->get_string())));
    } else if (value->is_bool()) {
      headers.emplace_back(name, value->get_bool() ? "true" : "false");
    } else if (value->is_int64() && value->get_int64() >= -kSafeIntegerMax && value->get_int64() <= kSafeIntegerMax) {
      headers.emplace_back(name, std::to_string(value->get_int64()));
    }
  }
  return headers;
}

std::string text_of_result(const json::object& result) {
  std::string text;
  bool has_text = false;
  const auto add = [&](std::string_view piece) {
    if (has_text) text += '\n';
    text += piece;
    has_text = true;
  };
  const auto* content = result.if_contains("content");
  const auto* items = content == nullptr ? nullptr : content->if_array();
  for (const auto& item : items == nullptr ? json::array() : *items) {
    const auto* object = item.if_object();
    if (object == nullptr) continue;
    const auto* from = object;
    if (const auto* resource = object->if_contains("resource")) from = resource->if_object();
    const auto* words = from == nullptr ? nullptr : from->if_contains("text");
    if (words != nullptr && words->is_string()) add(view_of(words->get_string()));
  }
  if (has_text) return text;
  if (const auto* structured = result.if_contains("structuredContent")) return json::serialize(*structured);
  return items == nullptr || items->empty() ? std::string() : json::serialize(*items);
}

}  // namespace meshflow::runtime::mcp
