#include "cli/tempo_json.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace meshflow::cli {
namespace {

namespace json = boost::json;

const json::value* member(const json::value& object, std::string_view key) {
  const json::object* const members = object.if_object();
  return members == nullptr ? nullptr : members->if_contains(key);
}

}  // namespace

Result<json::value> parse_answer(std::string_view text) {
  boost::system::error_code broken;
  json::value parsed = json::parse({text.data(), text.size()}, broken);
  if (!broken && parsed.is_object()) return parsed;
  return fail(ErrorCode::internal, "the server's answer is not what this command understands",
              "is it of another version?");
}

std::string text_at(const json::value& object, std::string_view key) {
  const json::value* const value = member(object, key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t integer_at(const json::value& object, std::string_view key) {
  const json::value* const value = member(object, key);
  if (value == nullptr) return 0;
  if (value->is_string()) return std::strtoll(value->get_string().c_str(), nullptr, 10);
  boost::system::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  return error ? 0 : number;
}

double real_at(const json::value& object, std::string_view key) {
  const json::value* const value = member(object, key);
  if (value == nullptr) return 0;
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return text == "Infinity" ? kInfinity : text == "-Infinity" ? -kInfinity : std::nan("");
  }
  boost::system::error_code error;
  const auto number = value->to_number<double>(error);
  return error ? 0 : number;
}

const json::array& array_at(const json::value& object, std::string_view key) {
  static const json::array kNone;
  const json::value* const value = member(object, key);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

std::string value_text(const json::value& key_value) {
  const json::value* const value = member(key_value, "value");
  const json::object* const members = value == nullptr ? nullptr : value->if_object();
  if (members == nullptr || members->empty()) return "";
  const json::value& held = members->begin()->value();
  if (held.is_double()) return fmt::format("{}", held.get_double());
  return held.is_string() ? std::string(held.get_string()) : json::serialize(held);
}

}  // namespace meshflow::cli
