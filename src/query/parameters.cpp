#include "query/parameters.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "query/number.hpp"

namespace meshflow::query {
namespace {

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::invalid_input, std::move(message)); }

}  // namespace

std::string_view value_of(const Parameters& parameters, std::string_view name) {
  for (const auto& [each, value] : parameters) {
    if (each == name) return value;
  }
  return {};
}

Result<std::int64_t> parse_go_int(std::string_view text, std::int64_t min, std::int64_t max) {
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  std::int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [last, error] = std::from_chars(digits.data(), end, value);
  const bool is_number = last == end && !digits.empty() && !(digits != text && digits.starts_with('-'));
  if (!is_number || error == std::errc::invalid_argument) {
    return invalid(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
  }
  if (error == std::errc::result_out_of_range || value < min || value > max) {
    return invalid(fmt::format("strconv.ParseInt: parsing \"{}\": value out of range", text));
  }
  return value;
}

Result<std::uint64_t> parse_go_uint(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (last != end || error == std::errc::invalid_argument) {
    return invalid(fmt::format("strconv.ParseUint: parsing \"{}\": invalid syntax", text));
  }
  if (error == std::errc::result_out_of_range || value > max) {
    return invalid(fmt::format("strconv.ParseUint: parsing \"{}\": value out of range", text));
  }
  return value;
}

Result<std::int64_t> parse_duration_text(std::string_view text) {
  if (const std::optional<std::int64_t> nanos = parse_go_duration(text)) return *nanos;
  // Go tells apart what is missing; a unit is what people forget.
  const bool is_number = parse_number(text).has_value();
  return invalid(is_number ? fmt::format("time: missing unit in duration \"{}\"", text)
                           : fmt::format("time: invalid duration \"{}\"", text));
}

}  // namespace meshflow::query
