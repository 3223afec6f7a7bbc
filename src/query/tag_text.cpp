#include "query/tag_text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::query {
namespace {

struct Operator {
  std::string_view text;
  Comparison comparison;
};
// Longer ones first.
constexpr Operator kOperators[] = {{">=", Comparison::greater_equal}, {"<=", Comparison::less_equal},
                                   {"!=", Comparison::not_equal},     {">", Comparison::greater},
                                   {"<", Comparison::less},           {"=", Comparison::equal}};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The comparison at the front of `text`, which is taken off.
std::optional<Comparison> take_operator(std::string_view& text) {
  for (const Operator& each : kOperators) {
    if (!text.starts_with(each.text)) continue;
    text.remove_prefix(each.text.size());
    return each.comparison;
  }
  return std::nullopt;
}

// Words without the quotes that some of them had.
std::vector<std::string> split_words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n,";
  std::vector<std::string> words;
  bool is_in_word = false;
  bool is_quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (!is_quoted && kBlanks.find(c) != std::string_view::npos) {
      is_in_word = false;
      continue;
    }
    if (!is_in_word) words.emplace_back();
    is_in_word = true;
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (is_quoted && c == '\\' && at + 1 < text.size()) {
      words.back() += text[++at];
    } else {
      words.back() += c;
    }
  }
  return words;
}

// Reads `key op value` written with or without blanks, and the words before a colon.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : words_(split_words(text)) {}

  Result<void> read(JaegerTags& out) {
    while (at_ < words_.size()) {
      if (words_[at_].ends_with(':')) {
        read_label(out);
        continue;
      }
      MESHFLOW_CHECK(read_tag(out));
    }
    return {};
  }

 private:
  void read_label(JaegerTags& out) {
    const std::string_view label = words_[at_++];
    std::string* const place = label == "service:"     ? &out.service
                               : label == "operation:" ? &out.operation
                               : label == "lookback:"  ? &out.lookback
                                                       : nullptr;
    if (place != nullptr && at_ < words_.size()) *place = words_[at_++];
  }

  Result<void> read_tag(JaegerTags& out) {
    const std::string_view word = words_[at_++];
    const std::size_t key_size = std::min(word.find_first_of("<>=!"), word.size());
    const std::string key(word.substr(0, key_size));
    std::string_view rest = word.substr(key_size);
    if (rest.empty()) {
      if (at_ == words_.size() || !is_comparison(words_[at_])) {
        out.tags.push_back({key, "true", {}, {}});  // a word alone: a flag that is set
        return {};
      }
      rest = words_[at_++];
    }
    std::optional<Comparison> comparison = take_operator(rest);
    // ">" and "=0.01" apart: logfmt takes "=" for its own.
    if (rest.starts_with('=') && comparison == Comparison::equal) rest.remove_prefix(1);
    if (rest.empty() && at_ < words_.size()) rest = words_[at_++];
    if (key.empty() || !comparison || rest.empty()) return not_understood(word);
    if (*comparison == Comparison::equal) {
      out.tags.push_back(tag_of(key, rest));
      return {};
    }
    const std::optional<Number> number = parse_number(rest);
    if (!number) return not_understood(rest);
    out.tags.push_back({key, {}, comparison, *number});
    return {};
  }

  static bool is_comparison(std::string_view word) { return word.find_first_of("<>=!") == 0; }

  static tl::unexpected<Error> not_understood(std::string_view word) {
    return fail(ErrorCode::invalid_input, fmt::format("malformed 'tags' parameter, cannot make sense of '{}'", word),
                R"(write key=value, or key=">0.01" for a comparison with a number)");
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

}  // namespace

JaegerTag tag_of(std::string key, std::string_view value) {
  JaegerTag tag{std::move(key), std::string(value), {}, {}};
  std::string_view rest = trim(value);
  const std::optional<Comparison> comparison = take_operator(rest);
  if (!comparison || *comparison == Comparison::equal) return tag;
  if (const std::optional<Number> number = parse_number(trim(rest))) {
    tag.text.clear();
    tag.comparison = comparison;
    tag.number = *number;
  }
  return tag;
}

Result<void> read_tag_text(std::string_view text, JaegerTags& out) { return FieldReader(text).read(out); }

}  // namespace meshflow::query
