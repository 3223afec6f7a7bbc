#include "query/traceql/pattern.hpp"

#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "query/traceql/limits.hpp"

namespace meshflow::query::traceql {
namespace {

std::string hint_for(std::string_view text, re2::RE2::ErrorCode error) {
  if (text.find("(?=") != std::string_view::npos || text.find("(?!") != std::string_view::npos ||
      text.find("(?<=") != std::string_view::npos || text.find("(?<!") != std::string_view::npos) {
    return "RE2 has no looking ahead or behind";
  }
  switch (error) {
    case re2::RE2::ErrorMissingBracket: return "write \\\\[ in a string, or \\[ in `…`, for the character [";
    case re2::RE2::ErrorMissingParen:
    case re2::RE2::ErrorUnexpectedParen: return "write \\\\( in a string, or \\( in `…`, for the character (";
    case re2::RE2::ErrorRepeatArgument: return "write .* for any text";
    case re2::RE2::ErrorRepeatSize: return "RE2 repeats up to 1000 times in all";
    default: return "the syntax is RE2's";
  }
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view text) {
  if (text.size() > kPatternBytesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the regular expression has {} bytes, more than {}", text.size(), kPatternBytesMax));
  }
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(static_cast<std::int64_t>(kPatternMemoryBytesMax));
  auto compiled = std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (compiled->ok()) return Pattern(std::move(compiled));
  if (compiled->error_code() == re2::RE2::ErrorPatternTooLarge) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the regular expression needs more than {} bytes compiled", kPatternMemoryBytesMax),
                "repeat less");
  }
  return fail(ErrorCode::invalid_input, fmt::format("no regular expression: {}", compiled->error()),
              hint_for(text, compiled->error_code()));
}

bool Pattern::matches(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

const std::string& Pattern::text() const { return compiled_->pattern(); }

}  // namespace meshflow::query::traceql
