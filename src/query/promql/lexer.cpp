#include "query/promql/lexer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::query::promql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool is_in_name(char c) { return begins_name(c) || is_digit(c); }

constexpr std::array<std::string_view, 20> kSymbols{"=~", "!~", "==", "!=", "<=", ">=", "(", ")", "{", "}",
                                                    "[",  "]",  ",",  "=",  "<",  ">",  "+", "-", "*", "/"};
constexpr std::string_view kSingleSymbols = "%^:@";

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
// In the order in which they must come.
constexpr std::array<Unit, 7> kUnits{{{"y", 31'536'000'000},
                                      {"w", 604'800'000},
                                      {"d", 86'400'000},
                                      {"h", 3'600'000},
                                      {"m", 60'000},
                                      {"s", 1'000},
                                      {"ms", 1}}};
constexpr std::int64_t kDurationMax = std::int64_t{100} * 31'536'000'000;  // a hundred years

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    for (;;) {
      const Place after = place_;
      skip_blanks();
      Token token;
      token.place = rest().empty() ? after : place_;  // the end is where the last word ends
      if (rest().empty()) {
        tokens.push_back(std::move(token));
        return tokens;
      }
      MESHFLOW_CHECK(read(token));
      tokens.push_back(std::move(token));
    }
  }

 private:
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  void advance(std::size_t bytes) {
    for (const std::size_t end = at_ + bytes; at_ < end; ++at_) {
      const auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte == '\n') {
        ++place_.line;
        place_.column = 1;
      } else if ((byte & 0xC0U) != 0x80U) {  // not within a character
        ++place_.column;
      }
    }
  }
  void skip_blanks() {
    while (!rest().empty()) {
      if (rest().front() == '#') {
        advance(std::min(rest().find('\n'), rest().size()));
      } else if (std::string_view(" \t\r\n").find(rest().front()) != std::string_view::npos) {
        advance(1);
      } else {
        return;
      }
    }
  }
  [[nodiscard]] tl::unexpected<Error> wrong(std::string message, std::string hint = {}) const {
    return tl::unexpected(Error{ErrorCode::invalid_input, std::move(message),
                                SourcePosition{{}, place_.line, place_.column}, std::move(hint)});
  }

  Result<void> read(Token& token) {
    const char first = rest().front();
    const bool begins_number = is_digit(first) || (first == '.' && rest().size() > 1 && is_digit(rest()[1]));
    if (begins_number) return read_number(token);
    const bool is_colon = first == ':' && (rest().size() < 2 || !begins_name(rest()[1]));
    if (begins_name(first) && !is_colon) {
      const auto end = std::find_if_not(rest().begin(), rest().end(), is_in_name);
      take(token, TokenKind::name, static_cast<std::size_t>(end - rest().begin()));
      return {};
    }
    if (first == '"' || first == '\'' || first == '`') return read_text(token);
    for (const std::string_view symbol : kSymbols) {
      if (!rest().starts_with(symbol)) continue;
      take(token, TokenKind::symbol, symbol.size());
      return {};
    }
    if (kSingleSymbols.find(first) != std::string_view::npos) {
      take(token, TokenKind::symbol, 1);
      return {};
    }
    if (first == '$' || first == '!') return wrong(fmt::format("\"{}\" means nothing here", first));
    return wrong("a character that no expression has", "names are ASCII; text stands in quotes");
  }
  void take(Token& token, TokenKind kind, std::size_t bytes) {
    token.kind = kind;
    token.text = rest().substr(0, bytes);
    advance(bytes);
  }

  // Digits and letters in one: 12, 1.5e-3, 0x1f, 5m, 1h30m.
  Result<void> read_number(Token& token) {
    std::size_t bytes = 0;
    while (bytes < rest().size() && (is_in_name(rest()[bytes]) || rest()[bytes] == '.')) {
      const bool has_exponent = (rest()[bytes] == 'e' || rest()[bytes] == 'E') && !rest().starts_with("0x");
      ++bytes;
      if (has_exponent && bytes < rest().size() && (rest()[bytes] == '+' || rest()[bytes] == '-')) ++bytes;
      if (bytes < rest().size() && rest()[bytes] == ':') break;
    }
    const std::string_view word = rest().substr(0, bytes);
    if (const auto duration = duration_of(word)) {
      token.milliseconds = *duration;
      take(token, TokenKind::duration, bytes);
      return {};
    }
    const bool is_hexadecimal = word.starts_with("0x") || word.starts_with("0X");
    const char* const end = word.data() + word.size();
    bool is_whole = false;
    if (is_hexadecimal) {
      std::uint64_t value = 0;
      const auto [stop, error] = std::from_chars(word.data() + 2, end, value, 16);
      is_whole = error == std::errc{} && stop == end;
      token.number = static_cast<double>(value);
    } else {
      const auto [stop, error] = std::from_chars(word.data(), end, token.number);
      is_whole = error == std::errc{} && stop == end;
    }
    if (!is_whole) {
      return wrong(fmt::format("\"{}\" is neither a number nor a duration", word),
                   "0.01 and 1e3 are numbers; 30s, 5m and 1h30m durations");
    }
    take(token, TokenKind::number, bytes);
    return {};
  }

  static std::optional<std::int64_t> duration_of(std::string_view word) {
    std::int64_t sum = 0;
    std::size_t next_unit = 0;
    if (word.empty()) return std::nullopt;
    while (!word.empty()) {
      std::int64_t count = 0;
      const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), count);
      if (error != std::errc{} || !is_digit(word.front())) return std::nullopt;
      word.remove_prefix(static_cast<std::size_t>(stop - word.data()));
      const auto letters = std::find_if(word.begin(), word.end(), is_digit) - word.begin();
      const std::string_view name = word.substr(0, static_cast<std::size_t>(letters));
      const auto* const unit = std::find_if(kUnits.begin() + next_unit, kUnits.end(),
                                            [name](const Unit& each) { return each.name == name; });
      if (unit == kUnits.end() || count > kDurationMax / unit->milliseconds) return std::nullopt;
      sum += count * unit->milliseconds;
      if (sum > kDurationMax) return std::nullopt;
      next_unit = static_cast<std::size_t>(unit - kUnits.begin()) + 1;
      word.remove_prefix(name.size());
    }
    return sum;
  }

  Result<void> read_text(Token& token) {
    const char quote = rest().front();
    std::string value;
    std::size_t at = 1;
    for (; at < rest().size() && rest()[at] != quote; ++at) {
      if (rest()[at] == '\n' && quote != '`') break;
      if (rest()[at] != '\\' || quote == '`') {
        value += rest()[at];
        continue;
      }
      const std::size_t bytes = escape(rest().substr(at), value);
      if (bytes == 0) {
        advance(at);
        return wrong("an escape that does not exist", R"(\n, \t, \r, \\, \", \', \xhh, \uhhhh; or write `text`)");
      }
      at += bytes - 1;
    }
    if (at >= rest().size() || rest()[at] != quote)
      return wrong("the text has no end", fmt::format("close it with {}", quote));
    token.kind = TokenKind::text;
    token.text = std::move(value);
    advance(at + 1);
    return {};
  }
  // Appends what the escape at the beginning of `text` stands for; how long it is, or 0.
  static std::size_t escape(std::string_view text, std::string& out) {
    constexpr std::string_view kLetters = "abfnrtv\\\"'";
    constexpr std::string_view kMeaning = "\a\b\f\n\r\t\v\\\"'";
    if (text.size() < 2) return 0;
    if (const auto at = kLetters.find(text[1]); at != std::string_view::npos) {
      out += kMeaning[at];
      return 2;
    }
    const std::size_t digits = text[1] == 'x' ? 2 : text[1] == 'u' ? 4 : text[1] == 'U' ? 8 : 0;
    if (digits == 0 || text.size() < 2 + digits) return 0;
    std::uint32_t code = 0;
    const char* const end = text.data() + 2 + digits;
    const auto [stop, error] = std::from_chars(text.data() + 2, end, code, 16);
    if (error != std::errc{} || stop != end || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0;
    if (digits == 2 || code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += {static_cast<char>(0xC0U | code >> 6U), static_cast<char>(0x80U | (code & 0x3FU))};
    } else if (code < 0x10000) {
      out += {static_cast<char>(0xE0U | code >> 12U), static_cast<char>(0x80U | (code >> 6U & 0x3FU)),
              static_cast<char>(0x80U | (code & 0x3FU))};
    } else {
      out += {static_cast<char>(0xF0U | code >> 18U), static_cast<char>(0x80U | (code >> 12U & 0x3FU)),
              static_cast<char>(0x80U | (code >> 6U & 0x3FU)), static_cast<char>(0x80U | (code & 0x3FU))};
    }
    return 2 + digits;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Place place_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) {
  if (text.size() > kExpressionBytesMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("the expression is longer than {} bytes", kExpressionBytesMax));
  }
  return Lexer(text).run();
}

}  // namespace meshflow::query::promql
