#include "query/traceql/lexer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr std::uint64_t kIntegerMagnitudeMax = std::uint64_t{1} << 63;

// Longer ones before those that they begin with.
constexpr std::array<std::string_view, 35> kSigns = {
    "&>>", "&<<", "!>>", "!<<", "&&", "&>", "&<", "&~", "||", "!=", "!~", "!>", "!<", "=~", ">=", ">>", "<=", "<<",
    "=",   ">",   "<",   "~",   "!",  "|",  "+",  "-",  "*",  "/",  "%",  "^",  "(",  ")",  "{",  "}",  ","};

// What people write who come from other languages.
struct Habit {
  std::string_view written;
  std::string_view hint;
};
constexpr std::array kHabits = {
    Habit{"==", "write \"=\""},
    Habit{"<>", "write \"!=\""},
    Habit{"=>", "write \">=\""},
    Habit{"=<", "write \"<=\""},
    Habit{"**", "write \"^\""},
    Habit{"&", "write \"&&\""},
    Habit{"'", "strings stand in \"…\" or `…`"},
    Habit{"[", "several values are several comparisons, joined by \"||\", or one =~ \"a|b\""},
};

struct Unit {
  std::string_view name;
  std::uint64_t nanos;
};
constexpr std::uint64_t kSecond = 1'000'000'000;
// Longer ones before those that they begin with.
constexpr std::array kUnits = {
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"µs", 1'000},
    Unit{"μs", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", kSecond},
    Unit{"m", 60 * kSecond},
    Unit{"h", 3'600 * kSecond},
    Unit{"d", 24 * 3'600 * kSecond},
    Unit{"w", 7 * 24 * 3'600 * kSecond},
    Unit{"y", 365 * 24 * 3'600 * kSecond},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct Character {
  char32_t code = 0;
  std::size_t size = 1;
};

// The character at the front of `text`, which is not empty; U+FFFD for a byte that begins none.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1};
  for (std::size_t size = 2; size <= 4 && size <= text.size(); ++size) {
    if (!is_valid_utf8(text.substr(0, size))) continue;
    char32_t code = byte(0) & (0xff >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) code = (code << 6) | (byte(i) & 0x3f);
    return {code, size};
  }
  return {U'\ufffd', 1};
}

void append_utf8(std::string& out, char32_t code) {
  const auto byte = [&](char32_t value) { out.push_back(static_cast<char>(static_cast<unsigned char>(value))); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | (code >> 6));
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3f));
    byte(0x80 | ((code >> 6) & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Tokens run() {
    while (skip_blanks() && take_token()) {
      if (out_.tokens.size() == kTokensMax) {
        fail(next_, 0, fmt::format("the query has more than {} words and signs", kTokensMax));
        out_.problem->code = ErrorCode::limit_exceeded;
        out_.problem->limit = "kTokensMax";
      }
      if (out_.problem) return std::move(out_);
    }
    if (!out_.problem) out_.tokens.push_back({.kind = Token::Kind::end, .place = place(text_.size(), 0)});
    return std::move(out_);
  }

 private:
  static Place place(std::size_t at, std::size_t size) {
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(size)};
  }

  bool fail(std::size_t at, std::size_t size, std::string message, std::string hint = {}) {
    out_.problem = located({.message = std::move(message), .hint = std::move(hint)}, text_, place(at, size));
    return false;
  }

  [[nodiscard]] std::string_view rest() const { return text_.substr(next_); }
  [[nodiscard]] bool at_digit(std::size_t at) const { return at < text_.size() && is_digit(text_[at]); }

  // False where a comment does not end.
  bool skip_blanks() {
    while (next_ < text_.size()) {
      const std::string_view here = rest();
      if (here.front() == ' ' || here.front() == '\t' || here.front() == '\r' || here.front() == '\n') {
        ++next_;
      } else if (here.starts_with("//")) {
        next_ = std::min(text_.find('\n', next_), text_.size());
      } else if (here.starts_with("/*")) {
        const std::size_t end = text_.find("*/", next_ + 2);
        if (end == std::string_view::npos) return fail(next_, 2, "this comment does not end", "close it with \"*/\"");
        next_ = end + 2;
      } else {
        break;
      }
    }
    return true;
  }

  // False at the end, and where there is a problem.
  bool take_token() {
    if (next_ == text_.size()) return false;
    const char c = text_[next_];
    if (c == '"') return take_quoted();
    if (c == '`') return take_raw();
    if (is_digit(c) || (c == '.' && at_digit(next_ + 1))) return take_number();
    if (c == '.') return take_attribute(next_, 1, Scope::any, false);
    const std::size_t word = word_size(next_);
    if (word > 0) return take_word(word);
    return take_sign();
  }

  void push(Token token, std::size_t start) {
    token.place = place(start, next_ - start);
    out_.tokens.push_back(std::move(token));
  }

  // ---- words and attributes ----

  // Letters, digits and _ from `at` on, not beginning with a digit; characters beyond ASCII count as letters.
  [[nodiscard]] std::size_t word_size(std::size_t at) const {
    std::size_t end = at;
    while (end < text_.size()) {
      const char c = text_[end];
      if (is_ascii_letter(c) || c == '_' || (is_digit(c) && end > at)) {
        ++end;
        continue;
      }
      const Character character = first_of(text_.substr(end));
      if (character.code < 0x80 || character.code == U'\ufffd' || ends_attribute(character.code)) break;
      end += character.size;
    }
    return end - at;
  }

  // No query has a word and a dot behind it: the whole name is kept for the message.
  void skip_dotted() {
    while (next_ < text_.size() && text_[next_] == '.' && word_size(next_ + 1) > 0) next_ += 1 + word_size(next_ + 1);
  }

  bool take_word(std::size_t size) {
    const std::size_t start = next_;
    const std::string_view word = text_.substr(start, size);
    const std::size_t behind = start + size;
    const char separator = behind < text_.size() ? text_[behind] : '\0';
    if (separator == '.' && word == "parent") return take_parent(start);
    const auto scope = scope_of(word);
    if (separator == '.' && scope) return take_attribute(start, size + 1, *scope, false);
    next_ = behind;
    if (separator == ':' && word_size(behind + 1) > 0) {
      next_ = behind + 1 + word_size(behind + 1);
      skip_dotted();
      push({.kind = Token::Kind::scoped, .text = std::string(text_.substr(start, next_ - start))}, start);
      return true;
    }
    if (separator == ':' && (scope || word == "trace")) {
      return fail(behind + 1, 0, fmt::format("after \"{}:\" comes what of it is meant", word),
                  fmt::format("for example {}", intrinsic_of(std::string(word) + ":name") ? std::string(word) + ":name"
                                                : intrinsic_of(std::string(word) + ":id") ? std::string(word) + ":id"
                                                                                          : "link:spanID"));
    }
    skip_dotted();
    push({.kind = Token::Kind::word, .text = std::string(text_.substr(start, next_ - start))}, start);
    return true;
  }

  bool take_parent(std::size_t start) {
    constexpr std::string_view kSpan = "parent.span.";
    constexpr std::string_view kResource = "parent.resource.";
    if (rest().starts_with(kSpan)) return take_attribute(start, kSpan.size(), Scope::span, true);
    if (rest().starts_with(kResource)) return take_attribute(start, kResource.size(), Scope::resource, true);
    return take_attribute(start, std::string_view("parent.").size(), Scope::any, true);
  }

  // The name behind `prefix_size` bytes: parts in quotes and parts without.
  bool take_attribute(std::size_t start, std::size_t prefix_size, Scope scope, bool of_parent) {
    Token token{.kind = Token::Kind::attribute, .scope = scope, .of_parent = of_parent};
    next_ = start + prefix_size;
    while (next_ < text_.size()) {
      if (text_[next_] == '"') {
        if (!take_quoted_part(token.text)) return false;
        continue;
      }
      const Character character = first_of(rest());
      if (ends_attribute(character.code)) break;
      token.text.append(text_, next_, character.size);
      next_ += character.size;
    }
    if (token.text.empty()) {
      return fail(next_, 0, fmt::format("an attribute's name must follow \"{}\"", text_.substr(start, prefix_size)),
                  "for example span.http.method or span.\"a name with spaces\"");
    }
    push(std::move(token), start);
    return true;
  }

  bool take_quoted_part(std::string& name) {
    const std::size_t start = next_++;
    while (next_ < text_.size() && text_[next_] != '"') {
      if (text_[next_] == '\\') {
        ++next_;
        if (next_ == text_.size()) break;
        if (text_[next_] != '"' && text_[next_] != '\\') {
          return fail(next_ - 1, 1 + first_of(rest()).size, "unknown escape in an attribute's name",
                      "known: \\\" and \\\\");
        }
      }
      name.push_back(text_[next_++]);
    }
    if (next_ == text_.size()) return fail(start, next_ - start, "this quoted name does not end", "close it with \"");
    ++next_;
    return true;
  }

  // ---- strings ----

  bool take_raw() {
    const std::size_t start = next_;
    const std::size_t end = text_.find('`', start + 1);
    if (end == std::string_view::npos) {
      return fail(start, line_end(start) - start, "this string does not end", "close it with `");
    }
    next_ = end + 1;
    push({.kind = Token::Kind::string, .text = std::string(text_.substr(start + 1, end - start - 1))}, start);
    return true;
  }

  [[nodiscard]] std::size_t line_end(std::size_t at) const { return std::min(text_.find('\n', at), text_.size()); }

  bool take_quoted() {
    const std::size_t start = next_++;
    const std::size_t end = line_end(start);
    Token token{.kind = Token::Kind::string};
    while (next_ < end && text_[next_] != '"') {
      if (text_[next_] != '\\') {
        token.text.push_back(text_[next_++]);
      } else if (!take_escape(token.text, end)) {
        return false;
      }
    }
    if (next_ >= end) {
      return fail(
          start, end - start, "this string does not end",
          end < text_.size() ? "close it with \"; strings over several lines stand in `…`" : "close it with \"");
    }
    ++next_;
    push(std::move(token), start);
    return true;
  }

  bool take_escape(std::string& out, std::size_t end) {
    constexpr std::string_view kSimple = "abfnrtv\\\"";
    constexpr std::string_view kMeaning = "\a\b\f\n\r\t\v\\\"";
    const std::size_t start = next_++;
    if (next_ == end) return true;  // the string does not end, which is said by the caller
    const char c = text_[next_];
    if (const std::size_t found = kSimple.find(c); found != std::string_view::npos) {
      out.push_back(kMeaning[found]);
      ++next_;
      return true;
    }
    if (c == 'x') return take_code(out, start, 1, 2, 16, false);
    if (c == 'u') return take_code(out, start, 1, 4, 16, true);
    if (c == 'U') return take_code(out, start, 1, 8, 16, true);
    if (c >= '0' && c <= '7') return take_code(out, start, 0, 3, 8, false);
    const std::size_t size = first_of(rest()).size;
    const std::string_view shown = text_.substr(start, 1 + size);
    return fail(start, 1 + size, fmt::format("unknown escape {}", shown),
                fmt::format("write \\{} for a backslash, or the string in `…`", shown));
  }

  // An escape of `digits` digits: a byte, or a character as UTF-8.
  bool take_code(std::string& out, std::size_t start, std::size_t skipped, std::size_t digits, int base,
                 bool is_character) {
    const std::string_view shown = text_.substr(next_ + skipped, digits);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(shown.data(), shown.data() + shown.size(), code, base);
    if (error != std::errc{} || shown.size() < digits || end != shown.data() + shown.size()) {
      return fail(start, 1 + skipped, fmt::format("{} digits must follow {}", digits, text_.substr(start, 1 + skipped)),
                  "write \\\\ for a backslash");
    }
    const bool is_possible = is_character ? code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) : code <= 0xff;
    next_ += skipped + digits;
    if (!is_possible)
      return fail(start, next_ - start, fmt::format("{} is no character", text_.substr(start, next_ - start)));
    if (is_character) {
      append_utf8(out, code);
    } else {
      out.push_back(static_cast<char>(static_cast<unsigned char>(code)));
    }
    return true;
  }

  // ---- numbers ----

  void skip_digits() {
    while (at_digit(next_)) ++next_;
  }

  bool take_number() {
    const std::size_t start = next_;
    bool is_real = false;
    skip_digits();
    if (next_ < text_.size() && text_[next_] == '.') {
      is_real = true;
      ++next_;
      skip_digits();
    }
    if (next_ < text_.size() && (text_[next_] == 'e' || text_[next_] == 'E')) {
      const bool is_signed = next_ + 1 < text_.size() && (text_[next_ + 1] == '+' || text_[next_ + 1] == '-');
      if (at_digit(next_ + (is_signed ? 2 : 1))) {
        is_real = true;
        next_ += is_signed ? 2 : 1;
        skip_digits();
      }
    }
    if (word_size(next_) > 0) return take_duration(start);
    const std::string_view digits = text_.substr(start, next_ - start);
    return is_real ? push_real(digits, start) : push_integer(digits, start);
  }

  bool push_real(std::string_view digits, std::size_t start) {
    Token token{.kind = Token::Kind::real, .text = std::string(digits)};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), token.real);
    if (error != std::errc{}) return fail(start, digits.size(), "this number does not fit a 64-bit float");
    push(std::move(token), start);
    return true;
  }

  bool push_integer(std::string_view digits, std::size_t start) {
    Token token{.kind = Token::Kind::integer, .text = std::string(digits)};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), token.integer);
    if (error != std::errc{} || token.integer > kIntegerMagnitudeMax) {
      return fail(start, digits.size(), "this integer does not fit 64 bits",
                  "the greatest is maxInt, 9223372036854775807");
    }
    push(std::move(token), start);
    return true;
  }

  bool take_duration(std::size_t start) {
    while (next_ < text_.size() && (text_[next_] == '.' || is_digit(text_[next_]) || word_size(next_) > 0)) {
      next_ += std::max<std::size_t>(1, word_size(next_));
    }
    const std::string_view shown = text_.substr(start, next_ - start);
    Token token{.kind = Token::Kind::duration, .text = std::string(shown)};
    const auto nanos = duration_of(shown);
    if (!nanos) {
      if (shown.find_first_not_of("0123456789abcdefABCDEF_xXoObB") == std::string_view::npos && shown.front() == '0') {
        return fail(start, shown.size(), fmt::format("{} is no number", shown),
                    "numbers are written in decimal digits");
      }
      return fail(start, shown.size(), fmt::format("\"{}\" is no duration", shown),
                  "a number and a unit (ns, us, ms, s, m, h, d, w, y), as in 1h30m or 2.5s, at most 292 years");
    }
    token.integer = *nanos;
    push(std::move(token), start);
    return true;
  }

  // ---- signs ----

  bool take_sign() {
    const std::string_view here = rest();
    const auto habit = std::find_if(kHabits.begin(), kHabits.end(), [&](const Habit& each) {
      return here.starts_with(each.written) && each.written.size() > 1;
    });
    if (habit != kHabits.end()) {
      return fail(next_, habit->written.size(), fmt::format("\"{}\" is no operator", habit->written),
                  std::string(habit->hint));
    }
    const auto sign =
        std::find_if(kSigns.begin(), kSigns.end(), [&](std::string_view each) { return here.starts_with(each); });
    if (sign != kSigns.end()) {
      const std::size_t start = next_;
      next_ += sign->size();
      push({.kind = Token::Kind::sign, .text = std::string(*sign)}, start);
      return true;
    }
    return unexpected_character();
  }

  bool unexpected_character() {
    const Character character = first_of(rest());
    const std::string_view shown = text_.substr(next_, character.size);
    const auto habit =
        std::find_if(kHabits.begin(), kHabits.end(), [&](const Habit& each) { return each.written == shown; });
    const bool is_shown = character.code >= 0x20 && character.code < 0x7f;
    return fail(next_, character.size,
                is_shown ? fmt::format("unexpected character {}", shown)
                         : fmt::format("unexpected character U+{:04X}", static_cast<std::uint32_t>(character.code)),
                habit != kHabits.end() ? std::string(habit->hint) : std::string());
  }

  std::string_view text_;
  std::size_t next_ = 0;
  Tokens out_;
};

// The number at the front of `text`, times `unit` and rounded down, added to `sum`; false past 2⁶³.
bool add_times(std::string_view digits, std::uint64_t unit, std::uint64_t& sum) {
  const std::size_t point = std::min(digits.find('.'), digits.size());
  std::uint64_t whole = 0;
  for (const char c : digits.substr(0, point)) {
    whole = whole * 10 + static_cast<std::uint64_t>(c - '0');
    if (whole > kIntegerMagnitudeMax / unit) return false;
  }
  // From the last digit on, so that rounding down once a digit rounds down once in all.
  std::uint64_t fraction = 0;
  for (std::size_t i = digits.size(); i > point + 1; --i) {
    fraction = (fraction + static_cast<std::uint64_t>(digits[i - 1] - '0') * unit) / 10;
  }
  sum += whole * unit;  // both at most 2⁶³
  if (sum > kIntegerMagnitudeMax) return false;
  sum += fraction;
  return sum <= kIntegerMagnitudeMax;
}

}  // namespace

Tokens tokenize(std::string_view text) { return Lexer(text).run(); }

std::optional<std::uint64_t> duration_of(std::string_view text) {
  std::uint64_t sum = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view digits = text.substr(0, size);
    if (digits.empty() || digits == "." || std::count(digits.begin(), digits.end(), '.') > 1) return std::nullopt;
    text.remove_prefix(size);
    const auto unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& each) { return text.starts_with(each.name); });
    if (unit == kUnits.end() || !add_times(digits, unit->nanos, sum)) return std::nullopt;
    text.remove_prefix(unit->name.size());
  }
  return sum;
}

std::optional<Field> field_of(const Token& token) {
  if (token.kind == Token::Kind::attribute) return Field{Attribute{token.scope, token.text, token.of_parent}};
  if (token.kind != Token::Kind::word && token.kind != Token::Kind::scoped) return std::nullopt;
  const auto intrinsic = intrinsic_of(token.text);
  if (!intrinsic) return std::nullopt;
  return Field{*intrinsic};
}

std::optional<Problem> unusable_text(std::string_view text) {
  if (text.size() > kQueryBytesMax) {
    Problem problem{.code = ErrorCode::limit_exceeded,
                    .message = fmt::format("the query has {} bytes, more than {}", text.size(), kQueryBytesMax),
                    .limit = "kQueryBytesMax"};
    return problem;
  }
  if (is_valid_utf8(text)) return std::nullopt;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = first_of(text.substr(at));
    if (character.code == U'\ufffd' && character.size == 1) break;
    at += character.size;
  }
  return located({.message = "the query is not UTF-8: this byte begins no character",
                  .hint = "in a string, write a byte as \\x and two hex digits"},
                 text, {static_cast<std::uint32_t>(at), 1});
}

}  // namespace meshflow::query::traceql
