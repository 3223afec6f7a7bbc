// The data files that this version ships, as text; generated from src/runtime/data/ by CMake.
#pragma once

#include <string_view>

namespace meshflow::runtime::data {

[[nodiscard]] std::string_view prices_yaml() noexcept;
[[nodiscard]] std::string_view carbon_yaml() noexcept;

}  // namespace meshflow::runtime::data
