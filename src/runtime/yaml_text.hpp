// YAML as this room reads it: bounded, every complaint with file, line and column, and no exception gets out.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <yaml-cpp/yaml.h>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kYamlBytesMax = std::size_t{4} << 20;

// Parses `text`; an Error (invalid_input) says where it is no YAML. `file` is for messages only.
[[nodiscard]] Result<YAML::Node> load_yaml(std::string_view text, const std::string& file);

// An Error of code invalid_input at the place where `node` was written.
[[nodiscard]] tl::unexpected<Error> fail_at(const YAML::Node& node, const std::string& file, std::string message,
                                            std::string hint = {});

// `error`, at the place of `node` unless it has one already. An invalid_argument becomes invalid_input.
[[nodiscard]] Error with_position(Error error, const YAML::Node& node, const std::string& file);

// Calls `visit` for each entry of the map `node`, in the order of the file. Refuses what is no map, keys that are no
// scalars, and a key that stands there twice. Stops at the first Error. `what` names the map in messages.
[[nodiscard]] Result<void> for_each_entry(
    const YAML::Node& node, const std::string& file, std::string_view what,
    const std::function<Result<void>(const std::string& key, const YAML::Node& key_node, const YAML::Node& value)>& visit);

// A scalar that was written without quotes: "5" is text, 5 may be a number.
[[nodiscard]] bool is_plain_scalar(const YAML::Node& node);

}  // namespace meshflow::runtime
