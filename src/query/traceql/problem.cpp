#include "query/traceql/problem.hpp"

#include <algorithm>
#include <utility>

namespace meshflow::query::traceql {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

// The last `count` characters, or the first.
std::string_view last_characters(std::string_view text, std::size_t count) {
  std::size_t at = text.size();
  while (at > 0 && count > 0) {
    --at;
    if (begins_character(text[at])) --count;
  }
  return text.substr(at);
}
std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (at < text.size() && (!begins_character(text[at]) || count-- > 0)) ++at;
  return text.substr(0, at);
}

std::string with_spaces(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return out;
}

}  // namespace

Problem located(Problem problem, std::string_view text, Place place) {
  const std::size_t at = std::min<std::size_t>(place.at, text.size());
  const std::string_view before = text.substr(0, at);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  problem.place = {static_cast<std::uint32_t>(at),
                   static_cast<std::uint32_t>(std::min<std::size_t>(place.size, text.size() - at))};
  problem.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  problem.column = 1 + characters_of(before.substr(line_start));
  problem.length = characters_of(text.substr(at, problem.place.size));
  return problem;
}

Error to_error(const Problem& problem) {
  return {problem.code, problem.message,
          SourcePosition{"", static_cast<int>(problem.line), static_cast<int>(problem.column)}, problem.hint};
}

std::string marked_line(const Problem& problem, std::string_view text) {
  constexpr std::size_t kCharactersBefore = 60;
  constexpr std::size_t kCharactersBehind = 60;
  const std::size_t at = std::min<std::size_t>(problem.place.at, text.size());
  const std::size_t line_start = text.substr(0, at).rfind('\n') + 1;
  const std::size_t line_end = std::min(text.find('\n', at), text.size());
  std::string_view before = text.substr(line_start, at - line_start);
  const std::string_view shown = last_characters(before, kCharactersBefore);
  const std::string_view behind = first_characters(text.substr(at, line_end - at), kCharactersBehind);
  const std::size_t marked =
      std::clamp<std::size_t>(characters_of(behind.substr(0, problem.place.size)), 1, behind.size() + 1);
  std::string out = shown.size() < before.size() ? "…" : "";
  const std::size_t indent = characters_of(out) + characters_of(shown);
  out += with_spaces(shown) + with_spaces(behind);
  if (behind.size() < line_end - at) out += "…";
  return out + "\n" + std::string(indent, ' ') + "^" + std::string(marked - 1, '~') + "\n";
}

}  // namespace meshflow::query::traceql
