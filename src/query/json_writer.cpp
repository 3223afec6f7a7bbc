#include "query/json_writer.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace meshflow::query {
namespace {

// The escape of an ASCII byte that must not stand in a JSON string as it is; empty for all else.
std::string escape_of(unsigned char byte, bool escape_html) {
  switch (byte) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
  }
  const bool is_html = escape_html && (byte == '<' || byte == '>' || byte == '&');
  return byte < 0x20 || is_html ? fmt::format("\\u{:04x}", byte) : std::string();
}

// Bytes that are ASCII and need no escape in any form of JSON, from the beginning on. Eight at a time: nearly all text
// is so to its end.
std::size_t plain_prefix(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  const auto has = [](std::uint64_t word, unsigned char byte) {
    const std::uint64_t zero = word ^ kOnes * byte;
    return (zero - kOnes) & ~zero & kHigh;
  };
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
    const std::uint64_t found = ((below_space | word) & kHigh) | has(word, '"') | has(word, '\\') | has(word, '<') |
                                has(word, '>') | has(word, '&');
    if (found != 0) break;
  }
  for (; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\' || byte == '<' || byte == '>' || byte == '&') break;
  }
  return at;
}

// U+2028 and U+2029 at `position`: line ends in JavaScript's eyes.
bool is_line_separator(std::string_view text, std::size_t position) {
  return text.substr(position).starts_with("\xe2\x80\xa8") || text.substr(position).starts_with("\xe2\x80\xa9");
}

void append_valid(std::string& out, std::string_view text, bool escape_html) {
  std::size_t plain = 0;  // where the text that needs no escape begins
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    std::string escape;
    std::size_t taken = 1;
    if (byte < 0x80) {
      if (byte > '>' && byte != '\\') continue;
      escape = escape_of(byte, escape_html);
    } else if (escape_html && byte == 0xe2 && is_line_separator(text, i)) {
      escape = text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      taken = 3;
    }
    if (escape.empty()) continue;
    out.append(text, plain, i - plain);
    out += escape;
    i += taken - 1;
    plain = i + 1;
  }
  out.append(text, plain);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, bool escape_html) {
  out += '"';
  const std::size_t plain = plain_prefix(text);
  out.append(text, 0, plain);
  text.remove_prefix(plain);
  if (text.empty()) {
    // as it was
  } else if (is_valid_utf8(text)) {
    append_valid(out, text, escape_html);
  } else {
    append_valid(out, sanitize_utf8(text), escape_html);
  }
  out += '"';
}

void append_exact_integer(std::string& out, std::int64_t value) {
  constexpr std::int64_t kExact = (std::int64_t{1} << 53) - 1;
  const fmt::format_int digits(value);
  const bool is_exact = value >= -kExact && value <= kExact;
  if (!is_exact) out += '"';
  out.append(digits.data(), digits.size());
  if (!is_exact) out += '"';
}

std::string json_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const double magnitude = std::abs(value);
  const bool is_scientific = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  char digits[64];  // the longest fixed form below 1e21 with a shortest fraction takes fewer
  const auto format = is_scientific ? std::chars_format::scientific : std::chars_format::fixed;
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), value, format);
  std::string text(digits, end);
  // std::to_chars pads the exponent to two digits; ECMAScript does not.
  const std::size_t size = text.size();
  if (is_scientific && size >= 4 && text[size - 2] == '0' && text[size - 4] == 'e') text.erase(size - 2, 1);
  return text;
}

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
}

void JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name, false);
  out_ += ':';
  needs_comma_ = false;
}

void JsonWriter::string(std::string_view text) {
  separate();
  append_json_string(out_, text, false);
  needs_comma_ = true;
}

void JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  needs_comma_ = true;
}

void JsonWriter::integer(std::int64_t value) {
  const fmt::format_int text(value);
  raw({text.data(), text.size()});
}

void JsonWriter::integer(std::uint64_t value) {
  const fmt::format_int text(value);
  raw({text.data(), text.size()});
}

void JsonWriter::exact_integer(std::int64_t value) {
  separate();
  append_exact_integer(out_, value);
  needs_comma_ = true;
}

void JsonWriter::number(double value) {
  if (std::isfinite(value)) return raw(json_double(value));
  string(json_double(value));
}

std::string JsonWriter::take() { return std::exchange(out_, {}); }

}  // namespace meshflow::query
