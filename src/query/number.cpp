#include "query/number.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace meshflow::query {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// The parts of a decimal literal.
struct Decimal {
  bool is_negative = false;
  std::string digits;           // without the point
  std::int64_t scale = 0;       // value = digits · 10^-scale
  bool is_integer_form = true;  // neither point nor exponent
};

std::optional<Decimal> split_decimal(std::string_view text) {
  Decimal decimal;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    decimal.is_negative = text.front() == '-';
    text.remove_prefix(1);
  }
  bool has_point = false;
  std::size_t at = 0;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !has_point)); ++at) {
    if (text[at] == '.') {
      has_point = true;
      continue;
    }
    decimal.digits += text[at];
    if (has_point) ++decimal.scale;
  }
  if (decimal.digits.empty()) return std::nullopt;
  decimal.is_integer_form = !has_point && at == text.size();
  if (at == text.size()) return decimal;
  if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
  std::string_view exponent = text.substr(at + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  int power = 0;
  const auto [end, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
  // Past a double's reach either way; what is meant is no longer a number anyone compares with.
  constexpr int kExponentMax = 400;
  if (error != std::errc() || end != exponent.data() + exponent.size()) return std::nullopt;
  if (power > kExponentMax || power < -kExponentMax) return std::nullopt;
  decimal.scale -= power;
  return decimal;
}

// Literals longer than this are no numbers that people write.
constexpr std::size_t kNumberTextMax = 400;

// digits · 10^(9 - scale), rounded down.
void set_nano(Number& number, const Decimal& decimal) {
  constexpr std::int64_t kMax = std::int64_t{1} << 62;
  std::string digits = decimal.digits;
  const std::int64_t shift = 9 - decimal.scale;
  bool lost = false;
  if (shift >= 0) {
    digits.append(static_cast<std::size_t>(shift), '0');
  } else {
    const auto cut = static_cast<std::size_t>(-shift);
    const std::size_t kept = digits.size() > cut ? digits.size() - cut : 0;
    lost = digits.find_first_not_of('0', kept) != std::string::npos;
    digits.resize(kept);
  }
  std::int64_t magnitude = 0;
  for (const char digit : digits) {
    if (magnitude > (kMax - 9) / 10) {
      magnitude = kMax;
      break;
    }
    magnitude = magnitude * 10 + (digit - '0');
  }
  number.nano_is_exact = !lost;
  number.nano_floor = decimal.is_negative ? -magnitude - (lost ? 1 : 0) : magnitude;
}

}  // namespace

std::optional<Number> parse_number(std::string_view text) {
  if (text.size() > kNumberTextMax) return std::nullopt;
  const std::optional<Decimal> decimal = split_decimal(text);
  if (!decimal) return std::nullopt;
  Number number;
  const std::string_view unsigned_text = text.starts_with('+') ? text.substr(1) : text;
  const char* const end = unsigned_text.data() + unsigned_text.size();
  const auto parsed = std::from_chars(unsigned_text.data(), end, number.value);
  if (parsed.ec == std::errc::result_out_of_range) {
    number.value = decimal->is_negative ? -HUGE_VAL : HUGE_VAL;
    if (decimal->scale > 0) number.value = 0;
  } else if (parsed.ec != std::errc() || parsed.ptr != end) {
    return std::nullopt;
  }
  if (decimal->is_integer_form) {
    std::int64_t integer = 0;
    if (std::from_chars(unsigned_text.data(), end, integer).ec == std::errc()) number.integer = integer;
  }
  set_nano(number, *decimal);
  return number;
}

Number number_of(std::int64_t value) { return *parse_number(fmt::format("{}", value)); }

std::string ten_digits(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[40];  // sign, ten digits, point, zeros down to 1e-4, exponent
  const int size = std::snprintf(text, sizeof text, "%.10g", value);
  return {text, static_cast<std::size_t>(size)};
}

std::optional<DoubleRange> doubles_written(std::string_view text) {
  const std::optional<Number> number = parse_number(text);
  if (!number || !std::isfinite(number->value) || ten_digits(number->value) != text) return std::nullopt;
  const double magnitude = std::abs(number->value);
  if (magnitude == 0) return DoubleRange{number->value, number->value};
  // Half of the tenth digit either way.
  const double half = 0.5 * std::pow(10.0, std::floor(std::log10(magnitude)) - 9);
  return DoubleRange{number->value - half, number->value + half};
}

namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};
// Longer names first where one begins with another. "µs" is written with U+00B5 or U+03BC.
constexpr Unit kUnits[] = {{"ns", 1},         {"us", 1'000},        {"\u00b5s", 1'000},    {"\u03bcs", 1'000},
                           {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

// Reads "1.5h" from the front of `text` and adds it to `total`.
bool take_term(std::string_view& text, long double& total) {
  std::size_t size = 0;
  while (size < text.size() && (is_digit(text[size]) || text[size] == '.')) ++size;
  const std::string digits(text.substr(0, size));
  if (digits.empty() || digits == "." || digits.find('.') != digits.rfind('.')) return false;
  text.remove_prefix(size);
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    // Integer and fraction apart: the sum is exact for whole units, and the fraction is cut as Go cuts it.
    const std::size_t point = std::min(digits.find('.'), digits.size());
    const std::string whole = digits.substr(0, point);
    const std::string fraction = point < digits.size() ? digits.substr(point + 1) : "";
    const long double part = fraction.empty() ? 0 : std::strtold(("0." + fraction).c_str(), nullptr);
    total += (whole.empty() ? 0 : std::strtold(whole.c_str(), nullptr)) * static_cast<long double>(unit.nanos);
    total += std::floor(part * static_cast<long double>(unit.nanos) + 1e-9L);
    return true;
  }
  return false;
}

}  // namespace

std::optional<std::int64_t> parse_go_duration(std::string_view text) {
  constexpr std::size_t kTextMax = 100;
  if (text.size() > kTextMax) return std::nullopt;
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  long double total = 0;
  while (!text.empty()) {
    if (!take_term(text, total)) return std::nullopt;
    if (total >= 9.2233720368547758e18L) return std::nullopt;
  }
  const auto nanos = static_cast<std::int64_t>(total);
  return is_negative ? -nanos : nanos;
}

namespace {

// `value` with up to nine decimals, those at the end that are zero left off.
std::string with_fraction(std::uint64_t whole, std::uint64_t fraction, int places) {
  if (fraction == 0) return fmt::format("{}", whole);
  std::string digits = fmt::format("{:0{}}", fraction, places);
  digits.erase(digits.find_last_not_of('0') + 1);
  return fmt::format("{}.{}", whole, digits);
}

}  // namespace

std::string go_duration(std::int64_t nanos) {
  if (nanos == 0) return "0s";
  const bool is_negative = nanos < 0;
  const std::uint64_t size = is_negative ? ~static_cast<std::uint64_t>(nanos) + 1 : static_cast<std::uint64_t>(nanos);
  std::string text;
  if (size < 1'000) {
    text = fmt::format("{}ns", size);
  } else if (size < 1'000'000) {
    text = with_fraction(size / 1'000, size % 1'000, 3) + "µs";
  } else if (size < 1'000'000'000) {
    text = with_fraction(size / 1'000'000, size % 1'000'000, 6) + "ms";
  } else {
    const std::uint64_t seconds = size / 1'000'000'000;
    if (seconds >= 3600) text += fmt::format("{}h", seconds / 3600);
    if (seconds >= 60) text += fmt::format("{}m", seconds / 60 % 60);
    text += with_fraction(seconds % 60, size % 1'000'000'000, 9) + "s";
  }
  return is_negative ? "-" + text : text;
}

}  // namespace meshflow::query
