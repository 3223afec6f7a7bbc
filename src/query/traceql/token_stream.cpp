#include "query/traceql/token_stream.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace meshflow::query::traceql {

TokenStream::TokenStream(std::string_view text) : text_(text), lexed_(tokenize(text)) {
  // Where there is a problem, the parser sees an end there, and unexpected() tells what it was.
  if (lexed_.problem) lexed_.tokens.push_back({.kind = Token::Kind::end, .place = lexed_.problem->place});
}

const Token& TokenStream::peek(std::size_t ahead) const {
  return lexed_.tokens[std::min(at_ + ahead, lexed_.tokens.size() - 1)];
}

const Token& TokenStream::previous() const {
  static const Token kNone;
  return at_ == 0 ? kNone : lexed_.tokens[at_ - 1];
}

Token TokenStream::take() {
  Token token = peek();
  if (token.kind != Token::Kind::end) ++at_;
  return token;
}

bool TokenStream::take_sign(std::string_view sign) {
  if (!at_sign(sign)) return false;
  ++at_;
  return true;
}

std::string TokenStream::shown(const Token& token) const {
  constexpr std::size_t kShownBytesMax = 40;
  const std::string_view whole = text_at(token.place);
  const std::string_view part = utf8_prefix(whole, kShownBytesMax);
  const std::string cut(part.substr(0, part.find('\n')));
  const std::string_view more = cut.size() < whole.size() ? "…" : "";
  if (token.kind == Token::Kind::string) return cut + std::string(more);
  return fmt::format("\"{}{}\"", cut, more);
}

tl::unexpected<Problem> TokenStream::fail(Place place, std::string message, std::string hint) const {
  return tl::unexpected(located({.message = std::move(message), .hint = std::move(hint)}, text_, place));
}

tl::unexpected<Problem> TokenStream::past_limit(Place place, std::string message, std::string limit) const {
  return tl::unexpected(located(
      {.code = ErrorCode::limit_exceeded, .message = std::move(message), .limit = std::move(limit)}, text_, place));
}

tl::unexpected<Problem> TokenStream::unexpected(std::string_view wanted, std::string hint) const {
  const Token& token = peek();
  if (token.kind != Token::Kind::end) {
    return fail(token.place, fmt::format("expected {}, not {}", wanted, shown(token)), std::move(hint));
  }
  if (lexed_.problem) return tl::unexpected(*lexed_.problem);
  return fail(token.place, fmt::format("expected {}, but the query ends", wanted), std::move(hint));
}

Outcome<void> TokenStream::expect_sign(std::string_view sign, std::string_view wanted, std::string hint) {
  if (take_sign(sign)) return {};
  return unexpected(wanted.empty() ? fmt::format("\"{}\"", sign) : std::string(wanted), std::move(hint));
}

Outcome<void> TokenStream::expect_end(std::string_view wanted, std::string hint) const {
  if (at_end() && !lexed_.problem) return {};
  return unexpected(wanted, std::move(hint));
}

Outcome<void> TokenStream::count_node(Place place) {
  if (++nodes_ <= kNodesMax) return {};
  return past_limit(place, fmt::format("the query has more than {} parts", kNodesMax), "kNodesMax");
}

Outcome<void> TokenStream::check_height(std::size_t height, Place place) const {
  if (height <= kDepthMax) return {};
  return past_limit(place, fmt::format("operators are nested deeper than {}", kDepthMax), "kDepthMax");
}

Outcome<void> TokenStream::enter(Place place) {
  if (++depth_ <= kNestingMax) return {};
  return past_limit(place, fmt::format("parentheses and operators are nested deeper than {}", kNestingMax),
                    "kNestingMax");
}

}  // namespace meshflow::query::traceql
