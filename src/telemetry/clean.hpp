// Brings what callers hand in within OTLP's rules and our limits: valid UTF-8, lengths, counts, unique keys, depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "meshflow/telemetry/attribute.hpp"

namespace meshflow::telemetry {

// Arrays and maps nested deeper than this inside an attribute's value are left out.
inline constexpr int kValueDepthMax = 32;

// `text` with invalid UTF-8 replaced by U+FFFD and cut to `characters_max` code points. Returns `text` itself where
// nothing is to be done, else a view of `storage`.
[[nodiscard]] std::string_view clean_text(std::string_view text, std::size_t characters_max, std::string& storage);

// The same for each string and key inside `value`; bytes are cut to as many bytes. Returns `value` or `storage`.
[[nodiscard]] const AttributeValue& clean_value(const AttributeValue& value, std::size_t length_max,
                                                AttributeValue& storage);

// At most `count_max` of `attributes`, each key once with its last value at its first position, none empty.
// `dropped` is how many entries were left out by count or for want of a key. The view is of `attributes` or of
// `storage`.
struct CleanAttributes {
  std::span<const Attribute> view;
  std::uint32_t dropped = 0;
};
[[nodiscard]] CleanAttributes clean_attributes(std::span<const Attribute> attributes, std::uint32_t count_max,
                                               std::size_t length_max, Attributes& storage);

}  // namespace meshflow::telemetry
