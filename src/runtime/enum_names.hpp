// The names of an enumeration whose values count from 0 without gaps.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace meshflow::runtime {

// `names`: in the order of the enumeration.
template <typename Enum, std::size_t size>
[[nodiscard]] constexpr std::string_view name_in(const std::array<std::string_view, size>& names, Enum value) noexcept {
  return names[static_cast<std::size_t>(value)];
}

template <typename Enum, std::size_t size>
[[nodiscard]] constexpr std::optional<Enum> value_in(const std::array<std::string_view, size>& names,
                                                     std::string_view name) noexcept {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace meshflow::runtime
