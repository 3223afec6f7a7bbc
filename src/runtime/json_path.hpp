// Where a path leads inside a JSON value. Private to condition.cpp and template.cpp.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "runtime/condition_tree.hpp"

namespace meshflow::runtime {

// The value at the end of `path`; null where there is none.
[[nodiscard]] inline const boost::json::value* follow(const boost::json::value* node,
                                                      const std::vector<PathStep>& path) {
  for (const PathStep& step : path) {
    if (node == nullptr) return nullptr;
    if (const auto* key = std::get_if<std::string>(&step)) {
      const auto* object = node->if_object();
      node = object == nullptr ? nullptr : object->if_contains(*key);
    } else {
      const auto* array = node->if_array();
      node = array == nullptr ? nullptr : array->if_contains(std::get<std::size_t>(step));
    }
  }
  return node;
}

// An output read as JSON; nothing for what is none, or is past the limits.
[[nodiscard]] inline std::optional<boost::json::value> read_json(std::string_view text) {
  if (text.size() > kConditionJsonBytesMax) return std::nullopt;
  boost::json::parse_options options;
  options.max_depth = kConditionJsonDepthMax;
  boost::json::error_code failure;
  auto found = boost::json::parse(boost::json::string_view(text.data(), text.size()), failure, {}, options);
  if (failure) return std::nullopt;
  return found;
}

}  // namespace meshflow::runtime
