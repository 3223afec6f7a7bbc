#include "store/inline_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <variant>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace meshflow::store {
namespace {

constexpr std::size_t kTextBytesMax = 4'096;

// Appends the literal; false where there is none.
struct AppendLiteral {
  std::string& out;

  bool operator()(std::monostate) const {
    out += "NULL";
    return true;
  }
  bool operator()(bool flag) const {
    out += flag ? "TRUE" : "FALSE";
    return true;
  }
  bool operator()(std::int64_t number) const {
    fmt::format_to(std::back_inserter(out), "({})::BIGINT", number);
    return true;
  }
  bool operator()(std::uint64_t number) const {
    fmt::format_to(std::back_inserter(out), "{}::UBIGINT", number);
    return true;
  }
  // The shortest text that reads back as the same number.
  bool operator()(double number) const {
    if (!std::isfinite(number)) return false;
    fmt::format_to(std::back_inserter(out), "'{}'::DOUBLE", number);
    return true;
  }
  // In quotes: a bare literal past HUGEINT would be read as a double.
  bool operator()(const U128& number) const {
    fmt::format_to(std::back_inserter(out), "'{}'::UHUGEINT", decimal(number));
    return true;
  }
  bool operator()(const std::string& text) const {
    if (text.size() > kTextBytesMax || text.find('\0') != std::string::npos || !is_valid_utf8(text)) return false;
    out += "CAST('";
    for (const char each : text) {
      if (each == '\'') out += '\'';
      out += each;
    }
    out += "' AS VARCHAR)";
    return true;
  }
};

}  // namespace

std::string decimal(const U128& number) {
  __extension__ using Wide = unsigned __int128;
  Wide left = static_cast<Wide>(number.high) << 64 | number.low;
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(left % 10));
    left /= 10;
  } while (left != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::optional<std::string> inline_values(std::string_view sql, std::span<const Value> values) {
  std::string out;
  out.reserve(sql.size() + values.size() * 32);
  std::size_t next = 0;
  char quote = '\0';  // within a text or a name; a doubled quote ends it and begins it again
  for (const char each : sql) {
    if (quote != '\0') {
      if (each == quote) quote = '\0';
    } else if (each == '\'' || each == '"') {
      quote = each;
    } else if (each == '?') {
      if (next == values.size() || !std::visit(AppendLiteral{out}, values[next])) return std::nullopt;
      ++next;
      continue;
    }
    out += each;
  }
  if (next != values.size()) return std::nullopt;
  return out;
}

}  // namespace meshflow::store
