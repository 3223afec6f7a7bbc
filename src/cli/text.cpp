#include "cli/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <cwchar>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace meshflow::cli {
namespace {

struct Character {
  char32_t code = 0;
  std::string_view bytes;
};

// The characters of valid UTF-8, one after the other.
class Characters {
 public:
  explicit Characters(std::string_view text) : rest_(text) {}
  bool next(Character& out) {
    if (rest_.empty()) return false;
    const auto lead = static_cast<unsigned char>(rest_.front());
    const std::size_t size = std::min<std::size_t>(lead < 0x80   ? 1
                                                   : lead < 0xe0 ? 2
                                                   : lead < 0xf0 ? 3
                                                                 : 4,
                                                   rest_.size());
    char32_t code = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (std::size_t at = 1; at < size; ++at) code = (code << 6) | (static_cast<unsigned char>(rest_[at]) & 0x3fu);
    out = {code, rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view rest_;
};

// What a terminal acts upon instead of showing it: C0, DEL, C1, line separators, and the directions of writing
// (Unicode 15, section 23.2; "Trojan Source", CVE-2021-42574).
bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f || code == 0x061c ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

template <typename Escape>
std::string escape_controls(std::string_view text, Escape escape) {
  const std::string valid = is_valid_utf8(text) ? std::string(text) : sanitize_utf8(text);
  std::string out;
  out.reserve(valid.size());
  Characters characters(valid);
  for (Character one; characters.next(one);) {
    if (is_control(one.code)) {
      out += escape(one.code);
    } else {
      out += one.bytes;
    }
  }
  return out;
}

std::string escape_of(char32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  if (code == '\r') return "\\r";
  const auto number = static_cast<std::uint32_t>(code);
  return number < 0x100 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
}

// By the C library's tables; main sets a UTF-8 locale.
std::size_t columns_of(char32_t code) {
  const int columns = ::wcwidth(static_cast<wchar_t>(code));
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

std::string time_text(const char* format, const std::tm& time) {
  char buffer[64];
  return {buffer, std::strftime(buffer, sizeof buffer, format, &time)};
}

}  // namespace

std::string one_line(std::string_view text) { return escape_controls(text, escape_of); }

std::string many_lines(std::string_view text) {
  return escape_controls(text, [](char32_t code) {
    return code == '\n' || code == '\t' ? std::string(1, static_cast<char>(code)) : escape_of(code);
  });
}

std::string safe_json(std::string_view json) {
  return escape_controls(json,
                         [](char32_t code) { return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code)); });
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  Characters characters(text);
  for (Character one; characters.next(one);) columns += columns_of(one.code);
  return columns;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  std::size_t used = 1;  // the "…"
  Characters characters(text);
  for (Character one; characters.next(one);) {
    used += columns_of(one.code);
    if (used > columns) break;
    out += one.bytes;
  }
  return out + "…";
}

std::string pad_to(std::string_view text, std::size_t columns, bool to_the_right) {
  const std::size_t used = columns_of(text);
  const std::string spaces(used < columns ? columns - used : 0, ' ');
  return to_the_right ? spaces + std::string(text) : std::string(text) + spaces;
}

std::string duration_text(std::int64_t nanos) {
  const std::int64_t ms = nanos / 1'000'000;
  if (ms < 1) return fmt::format("{} µs", nanos / 1000);
  if (ms < 10) return fmt::format("{}.{} ms", ms, nanos % 1'000'000 / 100'000);
  if (ms < 1000) return fmt::format("{} ms", ms);
  const std::int64_t s = ms / 1000;
  if (s < 60) return fmt::format("{}.{:02} s", s, ms % 1000 / 10);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

std::string local_time_text(std::int64_t unix_nanos) {
  const std::time_t seconds = unix_nanos / 1'000'000'000;
  std::tm time{};
  localtime_r(&seconds, &time);
  return time_text("%Y-%m-%d %H:%M:%S", time);
}

std::string utc_time_text(std::int64_t unix_nanos) {
  const std::time_t seconds = unix_nanos / 1'000'000'000;
  std::tm time{};
  gmtime_r(&seconds, &time);
  return time_text("%Y-%m-%dT%H:%M:%S", time) + fmt::format(".{:03}Z", unix_nanos % 1'000'000'000 / 1'000'000);
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = one_line(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t columns_max) const {
  std::vector<std::size_t> widths;
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    std::size_t width = columns_of(columns_[at].header);
    for (const auto& row : rows_) width = std::max(width, columns_of(row[at]));
    widths.push_back(width);
  }
  std::string out;
  const auto add_line = [&](const auto& cell_at) {
    std::string line;
    for (std::size_t at = 0; at < columns_.size(); ++at) {
      line += (at == 0 ? "" : "  ") + pad_to(cell_at(at), widths[at], columns_[at].align_right);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (columns_max == 0 ? line : cut_to(line, columns_max)) + "\n";
  };
  add_line([this](std::size_t at) -> const std::string& { return columns_[at].header; });
  for (const auto& row : rows_) add_line([&row](std::size_t at) -> const std::string& { return row[at]; });
  return out;
}

}  // namespace meshflow::cli
