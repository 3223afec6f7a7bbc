#include "server/json_body.hpp"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace meshflow::server {

namespace json = boost::json;

std::optional<json::object> object_in(std::string_view body) {
  boost::system::error_code broken;
  json::value parsed = json::parse({body.data(), body.size()}, broken);
  if (broken || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

const json::value* member_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::string> text_member(const std::optional<json::object>& object, std::string_view name) {
  const json::value* const value = object ? member_of(*object, name) : nullptr;
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

}  // namespace meshflow::server
