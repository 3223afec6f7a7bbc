// Values as the console shows them. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/model.hpp"

namespace meshflow::telemetry {

// `text` fit for a terminal, on one line: control characters (C0, DEL, C1), line separators and marks that turn the
// direction of text become \n, \t, \x1b, \u202e and so on; invalid UTF-8 becomes U+FFFD. Past `bytes_max` it is cut,
// and the cut is marked with the length.
[[nodiscard]] std::string printable(std::string_view text, std::size_t bytes_max = 4096);

// As a plain decimal without trailing zeros where nine decimals give it exactly ("0.0024", money and carbon always);
// else the shortest text that reads back as the same number.
[[nodiscard]] std::string number_text(double number);

// Milliseconds with up to three decimals, without trailing zeros: "1243", "0.004".
[[nodiscard]] std::string milliseconds_text(std::int64_t nanos);

// Any value, on one line and printable. Text stands bare at the top and quoted inside arrays and maps; bytes are
// base64. What is nested deeper than 8 is "…".
[[nodiscard]] std::string value_text(const otlp::AnyValue& value);

// "key=value, key=value".
[[nodiscard]] std::string attributes_text(const otlp::KeyValueList& attributes);

// The value of `key`, or nullptr; of equal keys the last. Lives as long as `attributes`.
[[nodiscard]] const otlp::AnyValue* find_attribute(const otlp::KeyValueList& attributes, std::string_view key) noexcept;

}  // namespace meshflow::telemetry
