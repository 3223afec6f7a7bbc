#include "telemetry/exporters/console_text.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace meshflow::telemetry {
namespace {

constexpr int kDepthMax = 8;
constexpr double kNano = 1e9;
constexpr double kExactNanosMax = 9'007'199'254'740'992.0;  // 2^53: past it a double skips whole numbers

struct CodePoint {
  char32_t value;
  std::size_t size;
};

// The first code point of valid UTF-8.
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1};
  const std::size_t size = byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  char32_t value = byte(0) & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) value = value << 6 | (byte(i) & 0x3Fu);
  return {value, size};
}

// Moves the cursor, hides or reorders text.
bool is_hostile(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x61C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

std::string escape(char32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  return c < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                   : fmt::format("\\u{:04x}", static_cast<unsigned>(c));
}

std::string without_trailing_zeros(std::string text) {
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string nested_text(const otlp::AnyValue& any, int depth);

struct Writer {
  int depth;

  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const std::string& text) const {
    return depth == 0 ? printable(text) : '"' + printable(text) + '"';
  }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return fmt::to_string(number); }
  std::string operator()(double number) const { return number_text(number); }
  std::string operator()(const otlp::Bytes& bytes) const { return printable(to_base64(bytes.data)); }
  std::string operator()(const otlp::ArrayValue& array) const {
    std::string out = "[";
    for (const auto& element : array) out += (out.size() > 1 ? ", " : "") + nested_text(element, depth + 1);
    return out + "]";
  }
  std::string operator()(const otlp::KeyValueList& list) const {
    std::string out = "{";
    for (const auto& [key, value] : list) {
      out += fmt::format("{}\"{}\": {}", out.size() > 1 ? ", " : "", printable(key), nested_text(value, depth + 1));
    }
    return out + "}";
  }
};

std::string nested_text(const otlp::AnyValue& any, int depth) {
  if (depth > kDepthMax) return "…";
  return std::visit(Writer{depth}, any.value);
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
  const std::string_view kept = utf8_prefix(text, bytes_max);
  const std::string valid = sanitize_utf8(kept);
  std::string out;
  out.reserve(valid.size());
  for (std::string_view rest = valid; !rest.empty();) {
    const CodePoint c = first_code_point(rest);
    out += is_hostile(c.value) ? escape(c.value) : std::string(rest.substr(0, c.size));
    rest.remove_prefix(c.size);
  }
  if (kept.size() < text.size()) out += fmt::format("… ({} bytes)", text.size());
  return out;
}

std::string number_text(double number) {
  const double nanos = std::round(number * kNano);
  if (std::abs(nanos) < kExactNanosMax && nanos / kNano == number) {
    return without_trailing_zeros(fmt::format("{:.9f}", number));
  }
  return fmt::format("{}", number);
}

std::string milliseconds_text(std::int64_t nanos) {
  return without_trailing_zeros(fmt::format("{:.3f}", static_cast<double>(nanos) / 1e6));
}

std::string value_text(const otlp::AnyValue& value) { return nested_text(value, 0); }

std::string attributes_text(const otlp::KeyValueList& attributes) {
  std::string out;
  for (const auto& [key, value] : attributes) {
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", printable(key), value_text(value));
  }
  return out;
}

const otlp::AnyValue* find_attribute(const otlp::KeyValueList& attributes, std::string_view key) noexcept {
  const otlp::AnyValue* found = nullptr;
  for (const auto& attribute : attributes) {
    if (attribute.key == key) found = &attribute.value;
  }
  return found;
}

}  // namespace meshflow::telemetry
