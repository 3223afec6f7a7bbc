// What a request's body says, where it is a JSON object. Bodies are bounded by the server's limits, their depth by
// Boost.JSON's (32). Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace meshflow::server {

// Nothing where the body is no JSON, or no object.
[[nodiscard]] std::optional<boost::json::object> object_in(std::string_view body);

// A member that is there and not null.
[[nodiscard]] const boost::json::value* member_of(const boost::json::object& object, std::string_view name);

// Nothing where there is no such member, or it is no text.
[[nodiscard]] std::optional<std::string> text_member(const std::optional<boost::json::object>& object,
                                                     std::string_view name);

}  // namespace meshflow::server
