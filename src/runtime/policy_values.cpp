#include "runtime/policy_values.hpp"

#include <algorithm>
#include <charconv>
#include <type_traits>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "base/nearest.hpp"

namespace meshflow::runtime {
namespace {

template <typename T>
struct Plain {
  using Type = T;
};
template <typename T>
struct Plain<std::optional<T>> {
  using Type = T;
};

// What a field takes, for messages.
template <typename T>
std::string expected_of() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, int> || std::is_same_v<T, std::int64_t>) return "a whole number";
  if constexpr (std::is_same_v<T, double>) return "a number";
  if constexpr (std::is_same_v<T, std::string>) return "text";
  if constexpr (std::is_same_v<T, PolicyMode>) return fmt::format("one of {}", fmt::join(kModeNames, ", "));
  if constexpr (std::is_same_v<T, Risk>) return fmt::format("one of {}", fmt::join(kRiskNames, ", "));
  if constexpr (std::is_same_v<T, ConsoleTelemetry>) return "true, false or \"tree\"";
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return "a list of texts";
  if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) return "a map of texts";
  return "another value";
}

std::string describe(const FieldValue& value) {
  struct Describe {
    std::string operator()(bool held) const { return held ? "true" : "false"; }
    std::string operator()(std::int64_t held) const { return fmt::format("{}", held); }
    std::string operator()(double held) const { return fmt::format("{}", held); }
    std::string operator()(const std::string& held) const { return fmt::format("\"{}\"", utf8_prefix(held, 80)); }
    std::string operator()(const std::vector<std::string>&) const { return "a list"; }
    std::string operator()(const std::map<std::string, std::string>&) const { return "a map"; }
  };
  return std::visit(Describe{}, value);
}

template <typename T>
tl::unexpected<Error> wrong_type(const PolicyField& field, const FieldValue& value, std::string hint = {}) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is {}, but must be {}", field.name, describe(value), expected_of<T>()), std::move(hint));
}

std::optional<bool> bool_of(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "TRUE", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "False", "FALSE", "no", "off", "0"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

template <typename T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    pieces.push_back(trimmed(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return pieces;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    const auto byte = from_hex(text.substr(at + 1, 2));
    if (!byte) return std::nullopt;
    decoded += *byte;
    at += 2;
  }
  return decoded;
}

Result<FieldValue> map_from_text(const PolicyField& field, std::string_view text) {
  std::map<std::string, std::string> entries;
  for (const std::string_view piece : pieces_of(text)) {
    const auto equals = piece.find('=');
    const auto value =
        equals == std::string_view::npos ? std::nullopt : percent_decoded(trimmed(piece.substr(equals + 1)));
    if (!value) {
      return fail(ErrorCode::invalid_argument, fmt::format("{} has an entry that is not \"name=value\"", field.name),
                  "entries are separated by commas; a comma or percent sign in a value is percent-encoded");
    }
    entries[std::string(trimmed(piece.substr(0, equals)))] = *value;
  }
  return FieldValue(std::move(entries));
}

template <typename T>
Result<FieldValue> parse(const PolicyField& field, std::string_view text) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, ConsoleTelemetry>) {
    if (const auto value = bool_of(text)) return FieldValue(*value);
  } else if constexpr (std::is_same_v<T, int> || std::is_same_v<T, std::int64_t>) {
    if (const auto value = number_of<std::int64_t>(text)) return FieldValue(*value);
  } else if constexpr (std::is_same_v<T, double>) {
    if (const auto value = number_of<double>(text)) return FieldValue(*value);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    const auto pieces = pieces_of(text);
    return FieldValue(std::vector<std::string>(pieces.begin(), pieces.end()));
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    return map_from_text(field, text);
  }
  return FieldValue(std::string(text));  // a text, or what is refused when it is assigned
}

template <typename Enum>
bool set_by_name(Enum& target, std::string_view name, std::span<const std::string_view> names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return false;
  target = static_cast<Enum>(found - names.begin());
  return true;
}

// True where `value` is one that a T can be made of.
template <typename T>
bool convert(const FieldValue& value, T& target) {
  if constexpr (std::is_same_v<T, int> || std::is_same_v<T, double>) {
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      if (std::is_same_v<T, int> && (*whole < INT32_MIN || *whole > INT32_MAX)) return false;
      target = static_cast<T>(*whole);
      return true;
    }
  }
  if constexpr (std::is_same_v<T, PolicyMode>) {
    const auto* name = std::get_if<std::string>(&value);
    if (name != nullptr && *name == "legal_critical") return set_by_name(target, "legal-critical", kModeNames);
    return name != nullptr && set_by_name(target, *name, kModeNames);
  } else if constexpr (std::is_same_v<T, Risk>) {
    const auto* name = std::get_if<std::string>(&value);
    return name != nullptr && set_by_name(target, *name, kRiskNames);
  } else if constexpr (std::is_same_v<T, ConsoleTelemetry>) {
    const auto* name = std::get_if<std::string>(&value);
    if (name != nullptr && *name == "tree") target = ConsoleTelemetry::Mode::tree;
    if (const auto* on = std::get_if<bool>(&value)) target = *on;
    return std::holds_alternative<bool>(value) || (name != nullptr && *name == "tree");
  } else if constexpr (!std::is_same_v<T, int>) {
    const auto* same = std::get_if<T>(&value);
    if (same != nullptr) target = *same;
    return same != nullptr;
  } else {
    return false;
  }
}

std::string near_name(const FieldValue& value, std::span<const std::string_view> names) {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? std::string{} : name_hint(*text, names);
}

}  // namespace

Result<FieldValue> value_from_text(const PolicyField& field, std::string_view text) {
  return std::visit(
      [&]<typename T>(T& (*)(Policy&)) -> Result<FieldValue> { return parse<typename Plain<T>::Type>(field, text); },
      field.place);
}

Result<void> assign(const PolicyField& field, Policy& policy, const FieldValue& value) {
  return std::visit(
      [&]<typename T>(T& (*place)(Policy&)) -> Result<void> {
        using Kind = typename Plain<T>::Type;
        Kind converted{};
        if (!convert(value, converted)) {
          std::string hint;
          if constexpr (std::is_same_v<Kind, PolicyMode>) hint = near_name(value, kModeNames);
          if constexpr (std::is_same_v<Kind, Risk>) hint = near_name(value, kRiskNames);
          return wrong_type<Kind>(field, value, std::move(hint));
        }
        T before = std::exchange(place(policy), T(std::move(converted)));
        auto checked = check_field(field, policy);
        if (!checked) place(policy) = std::move(before);
        return checked;
      },
      field.place);
}

}  // namespace meshflow::runtime
