// What the parsers share: the tokens, where they stand, and what a query may cost.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/traceql/lexer.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::query::traceql {

// A part of the tree with its height, so that the tree's is known without walking it.
template <typename T>
struct Grown {
  T node;
  std::size_t height = 1;
};

// `text` lives as long as the stream. One thread.
class TokenStream {
 public:
  explicit TokenStream(std::string_view text);

  // The token that comes next, or one behind it. Past the end: the end.
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const;
  [[nodiscard]] bool at_sign(std::string_view sign) const { return peek().is_sign(sign); }
  [[nodiscard]] bool at_word(std::string_view word) const { return peek().is_word(word); }
  [[nodiscard]] bool at_end() const { return peek().kind == Token::Kind::end; }
  // The token before the next one; an empty one at the beginning.
  [[nodiscard]] const Token& previous() const;
  Token take();
  bool take_sign(std::string_view sign);

  // From `first` to the token before the next one.
  [[nodiscard]] Place since(Place first) const { return through(first, previous().place); }
  [[nodiscard]] std::string_view text_at(Place place) const { return text_.substr(place.at, place.size); }
  // A token for a message, in quotes, shortened.
  [[nodiscard]] std::string shown(const Token& token) const;

  [[nodiscard]] tl::unexpected<Problem> fail(Place place, std::string message, std::string hint = {}) const;
  // The next token is none of what is wanted ("a number"): that, or why it is no token at all.
  [[nodiscard]] tl::unexpected<Problem> unexpected(std::string_view wanted, std::string hint = {}) const;
  Outcome<void> expect_sign(std::string_view sign, std::string_view wanted = {}, std::string hint = {});
  // Fails behind the last token where what follows is no token.
  [[nodiscard]] Outcome<void> expect_end(std::string_view wanted, std::string hint = {}) const;

  // One more node of the tree, at `place`.
  Outcome<void> count_node(Place place);
  [[nodiscard]] Outcome<void> check_height(std::size_t height, Place place) const;
  // Entering and leaving what the parser recurses for.
  Outcome<void> enter(Place place);
  void leave() { --depth_; }

 private:
  [[nodiscard]] tl::unexpected<Problem> past_limit(Place place, std::string message, std::string limit) const;

  std::string_view text_;
  Tokens lexed_;
  std::size_t at_ = 0;
  std::size_t nodes_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace meshflow::query::traceql
