// A query's values as what a caller expects them to be.
#pragma once

#include <string>

#include "store/value.hpp"

namespace meshflow::query {

// Empty for what is no text.
[[nodiscard]] inline std::string text_of(const store::Value& value) {
  const auto* const held = std::get_if<std::string>(&value);
  return held == nullptr ? std::string() : *held;
}

// 0 for what is no number.
[[nodiscard]] inline double real_of(const store::Value& value) {
  if (const auto* const held = std::get_if<std::int64_t>(&value)) return static_cast<double>(*held);
  if (const auto* const held = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*held);
  const auto* const held = std::get_if<double>(&value);
  return held == nullptr ? 0 : *held;
}

}  // namespace meshflow::query
