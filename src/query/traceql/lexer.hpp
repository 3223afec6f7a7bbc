// Text → tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/traceql/ast.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::query::traceql {

struct Token {
  enum class Kind {
    end,
    word,       // `duration`, `count`, `error`; also what is none, with its dots: `meshflow.verdict`
    scoped,     // `span:name`, whether there is such an intrinsic or not
    attribute,  // `span.name`
    string,     // with its quotes
    integer,
    real,
    duration,
    sign,
  };
  Kind kind = Kind::end;
  Place place = {};
  std::string text = {};       // a string's value; an attribute's name; else as written
  std::uint64_t integer = 0;   // of integers and durations (nanoseconds): at most 2⁶³, which fits only when negated
  double real = 0;
  Scope scope = Scope::any;    // of attributes
  bool of_parent = false;

  [[nodiscard]] bool is_word(std::string_view word) const { return kind == Kind::word && text == word; }
  [[nodiscard]] bool is_sign(std::string_view sign) const { return kind == Kind::sign && text == sign; }
};

// The tokens up to the end, which is the last one, or up to what is none.
struct Tokens {
  std::vector<Token> tokens;
  std::optional<Problem> problem = {};  // what follows the last token, where that is not the end
};

// Blanks, line breaks and comments (`// …` to the end of the line, `/* … */`) separate. Pure. Total: linear in the
// text's length, which may be anything.
[[nodiscard]] Tokens tokenize(std::string_view text);

// The field that a token names; nothing where it names none. Pure.
[[nodiscard]] std::optional<Field> field_of(const Token& token);

// "1h30m", "1.5s", "100us", "2w", …: decimal numbers with units, all of it, rounded down to nanoseconds. Nothing for
// anything else and past 2⁶³.
[[nodiscard]] std::optional<std::uint64_t> duration_of(std::string_view text);

// What is wrong with a query of more than kQueryBytesMax, or one that is not UTF-8.
[[nodiscard]] std::optional<Problem> unusable_text(std::string_view text);

}  // namespace meshflow::query::traceql
