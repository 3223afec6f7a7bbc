#include "telemetry/clean.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <variant>

#include "base/bytes.hpp"

namespace meshflow::telemetry {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// Of valid UTF-8.
std::string_view first_characters(std::string_view text, std::size_t characters_max) noexcept {
  if (text.size() <= characters_max) return text;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts_character && characters++ == characters_max) return text.substr(0, i);
  }
  return text;
}

bool is_clean_text(std::string_view text, std::size_t characters_max) noexcept {
  return is_valid_utf8(text) && first_characters(text, characters_max).size() == text.size();
}

bool is_clean(const AttributeValue& value, std::size_t length_max, int depth) noexcept {
  const auto check = [&](const auto& held) -> bool {
    using Held = std::remove_cvref_t<decltype(held)>;
    if constexpr (std::is_same_v<Held, std::string>) {
      return is_clean_text(held, length_max);
    } else if constexpr (std::is_same_v<Held, Bytes>) {
      return held.data.size() <= length_max;
    } else if constexpr (std::is_same_v<Held, AttributeArray>) {
      return depth < kValueDepthMax &&
             std::all_of(held.begin(), held.end(), [&](const auto& e) { return is_clean(e, length_max, depth + 1); });
    } else if constexpr (std::is_same_v<Held, AttributeMap>) {
      return depth < kValueDepthMax && std::all_of(
                                           held.begin(), held.end(),
                                           [&](const auto& entry) {
                                             return is_valid_utf8(entry.first) &&
                                                    is_clean(entry.second, length_max, depth + 1);
                                           });
    } else {
      return true;
    }
  };
  return value.value.valueless_by_exception() || std::visit(check, value.value);
}

AttributeValue cleaned(const AttributeValue& value, std::size_t length_max, int depth) {
  const auto clean = [&](const auto& held) -> AttributeValue {
    using Held = std::remove_cvref_t<decltype(held)>;
    if constexpr (std::is_same_v<Held, std::string>) {
      std::string storage;
      return AttributeValue(clean_text(held, length_max, storage));
    } else if constexpr (std::is_same_v<Held, Bytes>) {
      return AttributeValue(Bytes{held.data.substr(0, length_max)});
    } else if constexpr (std::is_same_v<Held, AttributeArray>) {
      if (depth >= kValueDepthMax) return {};
      AttributeArray array;
      array.reserve(held.size());
      for (const AttributeValue& element : held) array.push_back(cleaned(element, length_max, depth + 1));
      return AttributeValue(std::move(array));
    } else if constexpr (std::is_same_v<Held, AttributeMap>) {
      if (depth >= kValueDepthMax) return {};
      AttributeMap map;
      map.reserve(held.size());
      for (const auto& [key, element] : held) {
        map.emplace_back(sanitize_utf8(key), cleaned(element, length_max, depth + 1));
      }
      return AttributeValue(std::move(map));
    } else {
      return value;
    }
  };
  return value.value.valueless_by_exception() ? AttributeValue() : std::visit(clean, value.value);
}

bool is_clean_key(std::span<const Attribute> attributes, std::size_t at) noexcept {
  const std::string& key = attributes[at].key;
  if (key.empty() || !is_valid_utf8(key)) return false;
  return std::none_of(attributes.begin(), attributes.begin() + static_cast<std::ptrdiff_t>(at),
                      [&](const Attribute& earlier) { return earlier.key == key; });
}

}  // namespace

std::string_view clean_text(std::string_view text, std::size_t characters_max, std::string& storage) {
  if (!is_valid_utf8(text)) {
    storage = sanitize_utf8(text);
    text = storage;
  }
  return first_characters(text, characters_max);
}

const AttributeValue& clean_value(const AttributeValue& value, std::size_t length_max, AttributeValue& storage) {
  if (is_clean(value, length_max, 0)) return value;
  storage = cleaned(value, length_max, 0);
  return storage;
}

CleanAttributes clean_attributes(std::span<const Attribute> attributes, std::uint32_t count_max, std::size_t length_max,
                                 Attributes& storage) {
  bool all_clean = attributes.size() <= count_max;
  for (std::size_t i = 0; all_clean && i < attributes.size(); ++i) {
    all_clean = is_clean_key(attributes, i) && is_clean(attributes[i].value, length_max, 0);
  }
  if (all_clean) return {attributes, 0};

  CleanAttributes result;
  for (const Attribute& attribute : attributes) {
    std::string key_storage;
    const std::string_view key = clean_text(attribute.key, kNoLimit, key_storage);
    const auto same = std::find_if(storage.begin(), storage.end(), [&](const Attribute& a) { return a.key == key; });
    if (same != storage.end()) {
      same->value = cleaned(attribute.value, length_max, 0);
    } else if (key.empty() || storage.size() >= count_max) {
      ++result.dropped;
    } else {
      storage.push_back({std::string(key), cleaned(attribute.value, length_max, 0)});
    }
  }
  result.view = storage;
  return result;
}

}  // namespace meshflow::telemetry
