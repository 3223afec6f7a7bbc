// Members of Tempo's JSON (server/tempo_answers.hpp), where what is 0 or empty is left out. Total: what is missing or
// of another type reads as that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "meshflow/base/error.hpp"

namespace meshflow::cli {

// Fails where a server's answer is no JSON object.
[[nodiscard]] Result<boost::json::value> parse_answer(std::string_view text);
[[nodiscard]] std::string text_at(const boost::json::value& object, std::string_view key);
// Numbers, and 64-bit integers as texts.
[[nodiscard]] std::int64_t integer_at(const boost::json::value& object, std::string_view key);
[[nodiscard]] double real_at(const boost::json::value& object, std::string_view key);
[[nodiscard]] const boost::json::array& array_at(const boost::json::value& object, std::string_view key);
// The value of a {"key", "value": {"stringValue" …}}, for people.
[[nodiscard]] std::string value_text(const boost::json::value& key_value);

}  // namespace meshflow::cli
