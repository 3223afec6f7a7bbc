// PromQL's words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/promql/ast.hpp"

namespace meshflow::query::promql {

enum class TokenKind { end, name, number, duration, text, symbol };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text = {};  // as written; of a text what it stands for
  Place place = {};
  double number = 0;               // of a number
  std::int64_t milliseconds = 0;  // of a duration
};

inline constexpr std::size_t kExpressionBytesMax = std::size_t{64} << 10;

// The words of `text`, the last one `end`. Comments (# to the end of the line) are left out. Errors (invalid_input,
// with line and column; limit_exceeded past kExpressionBytesMax). Pure.
[[nodiscard]] Result<std::vector<Token>> tokenize(std::string_view text);

}  // namespace meshflow::query::promql
