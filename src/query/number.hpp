// Numbers as people write them in a query, kept exactly enough for every type they may be compared with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meshflow::query {

// A decimal literal: "0.01", "-5", "1e3". A value.
struct Number {
  double value = 0;                        // the double nearest to it
  std::optional<std::int64_t> integer = {};  // where it was written as an integer and fits
  // Its value times 10⁹, rounded down: what money and carbon are compared with, without the error of a double.
  // Saturates at ±2⁶².
  std::int64_t nano_floor = 0;
  bool nano_is_exact = true;  // nothing was lost by rounding down

  friend bool operator==(const Number&, const Number&) = default;
};

// Nothing where `text` is no decimal number (optional sign, digits with an optional fraction, optional exponent), as
// a whole. Pure.
[[nodiscard]] std::optional<Number> parse_number(std::string_view text);
[[nodiscard]] Number number_of(std::int64_t value);

// As C's %.10g: how Jaeger turns a float into the text that a tag is compared with. "NaN", "+Inf", "-Inf".
[[nodiscard]] std::string ten_digits(double value);

// The range of doubles whose ten_digits are `text`; nothing where no double has them.
struct DoubleRange {
  double from = 0;
  double to = 0;
};
[[nodiscard]] std::optional<DoubleRange> doubles_written(std::string_view text);

// Durations of Go, in nanoseconds: "1.5s", "-3h2m", "100µs", "0". Nothing for anything else, and past 2⁶³. Pure.
[[nodiscard]] std::optional<std::int64_t> parse_go_duration(std::string_view text);
// As Go's Duration.String: "1h2m3.5s", "1.5ms", "0s".
[[nodiscard]] std::string go_duration(std::int64_t nanos);

}  // namespace meshflow::query
