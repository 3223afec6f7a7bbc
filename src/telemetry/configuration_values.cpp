#include "telemetry/configuration_values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"

namespace meshflow::telemetry {
namespace {

constexpr std::size_t kShownBytesMax = 100;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Calls `use` with every trimmed, non-empty part between commas.
void for_each_part(std::string_view text, const auto& use) {
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) use(part);
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = i + 2 < text.size() ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (!byte) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

std::optional<TextPairs> parse_pairs(std::string_view text) {
  TextPairs pairs;
  bool is_valid = true;
  for_each_part(text, [&](std::string_view part) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) {
      is_valid = false;
      return;
    }
    auto key = percent_decode(trimmed(part.substr(0, equals)));
    auto value = percent_decode(trimmed(part.substr(equals + 1)));
    is_valid = is_valid && key && value && !key->empty();
    if (is_valid) pairs.emplace_back(std::move(*key), std::move(*value));
  });
  if (!is_valid) return std::nullopt;
  return pairs;
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> parts;
  for_each_part(text, [&](std::string_view part) { parts.emplace_back(part); });
  return parts;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<EnvironmentReader::Named> EnvironmentReader::first_of(const std::vector<std::string>& names) const {
  for (const auto& name : names) {
    if (const auto value = environment_.get(name)) return Named{name, std::string(*value)};
  }
  return std::nullopt;
}

std::optional<std::int64_t> EnvironmentReader::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const auto value = environment_.get(name);
  if (!value) return std::nullopt;
  const auto digits = trimmed(*value);
  std::int64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || number < least || number > most) {
    warn(name, fmt::format("it must be a whole number from {} to {}", least, most));
    return std::nullopt;
  }
  return number;
}

std::optional<double> EnvironmentReader::number(std::string_view name, double least, double most) {
  const auto value = environment_.get(name);
  if (!value) return std::nullopt;
  const auto digits = trimmed(*value);
  double number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || !(number >= least && number <= most)) {
    warn(name, fmt::format("it must be a number from {} to {}", least, most));
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> EnvironmentReader::choice(std::string_view name, const std::vector<std::string>& choices) {
  const auto value = environment_.get(name);
  if (!value) return std::nullopt;
  for (const auto& choice : choices) {
    if (equals_ignoring_case(trimmed(*value), choice)) return choice;
  }
  warn(name, fmt::format("it must be one of {}", fmt::join(choices, ", ")));
  return std::nullopt;
}

void EnvironmentReader::warn(std::string_view name, std::string_view reason) {
  const std::string shown = sanitize_utf8(utf8_prefix(environment_.get(name).value_or(""), kShownBytesMax));
  warnings_.push_back(fmt::format("{}={} is ignored: {}", name, shown, reason));
}

}  // namespace meshflow::telemetry
