#include "query/jaeger_tags.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"

namespace meshflow::query {
namespace {

using Pair = std::pair<std::string, std::string>;

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

// A tag of Jaeger's: equality of text, unless the value says "> 0.01".
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

// ---- what logfmt tore -----------------------------------------------------------------------------------------------

bool is_bare(const Pair& pair) { return pair.second == "true" || pair.second.empty(); }
bool is_operator_text(std::string_view text) { return text == ">" || text == "<" || text == "!"; }
// A JavaScript object lists keys that are array indices first, wherever they stood.
bool is_index(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// True where no map of tags that someone meant looks like this one.
bool looks_torn(const std::vector<Pair>& pairs) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [key, value] = pairs[i];
    const bool has_comparison = key.find_first_of("<>!") != std::string::npos;
    if (is_bare(pairs[i]) && (has_comparison || key.ends_with(':'))) return true;
    if (value == "null" && (is_operator_text(key) || (i + 1 < pairs.size() && is_bare(pairs[i + 1])))) return true;
    // "cost_usd>=0.01" comes as {"cost_usd>": "0.01"}.
    if (key.size() > 1 && is_operator_text(key.substr(key.size() - 1)) && parse_number(value)) return true;
  }
  return false;
}

// The words of the field again, in the order in which they were written as far as that can be told.
std::string words_of(std::vector<Pair> pairs) {
  const auto word_of = [](const Pair& pair) {
    if (is_bare(pair)) return pair.first;
    return pair.first + "=" + (pair.second == "null" ? "" : pair.second);
  };
  // A number that came first belongs behind an operator that has none behind it.
  const auto bare_operator = std::find_if(pairs.begin(), pairs.end(), [](const Pair& pair) {
    return is_operator_text(pair.first) && (is_bare(pair) || pair.second == "null");
  });
  if (bare_operator != pairs.end()) {
    const bool has_number = bare_operator + 1 != pairs.end() && parse_number((bare_operator + 1)->first);
    const auto number = std::find_if(pairs.begin(), bare_operator, [](const Pair& pair) {
      return is_bare(pair) && (is_index(pair.first) || parse_number(pair.first));
    });
    if (!has_number && number != bare_operator) {
      // Grafana sorts the keys: the name then stands behind the operator.
      const bool name_is_behind = bare_operator + 1 != pairs.end() && number + 1 == bare_operator;
      const auto name = name_is_behind ? bare_operator + 1 : bare_operator;
      std::string words;
      for (auto each = pairs.begin(); each != pairs.end(); ++each) {
        if (each == number || (name_is_behind && each == name)) continue;
        if (each == bare_operator) {
          if (name_is_behind) words += name->first + " ";
          words += word_of(*each) + " " + number->first + " ";
        } else {
          words += word_of(*each) + " ";
        }
      }
      return words;
    }
  }
  std::string words;
  for (const Pair& pair : pairs) words += word_of(pair) + " ";
  return words;
}

std::vector<std::string_view> split_words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n,";
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
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
    if (place != nullptr && at_ < words_.size()) *place = std::string(words_[at_++]);
  }

  Result<void> read_tag(JaegerTags& out) {
    std::string_view word = words_[at_++];
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

  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
};

Result<std::vector<Pair>> parse_map(std::string_view json) {
  constexpr std::string_view kWhat = "malformed 'tags' parameter, cannot unmarshal JSON: ";
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 4;  // a map of strings has one level
  const boost::json::value value = boost::json::parse(json, error, {}, options);
  if (error) return fail(ErrorCode::invalid_input, fmt::format("{}{}", kWhat, error.message()));
  std::vector<Pair> pairs;
  if (value.is_null()) return pairs;
  if (!value.is_object()) {
    return fail(ErrorCode::invalid_input, fmt::format("{}it is no object of strings", kWhat));
  }
  for (const auto& [key, each] : value.as_object()) {
    if (!each.is_string()) {
      return fail(ErrorCode::invalid_input,
                  fmt::format("{}the value of '{}' is no string", kWhat, std::string_view(key)));
    }
    pairs.emplace_back(sanitize_utf8(key), sanitize_utf8(each.as_string()));
  }
  return pairs;
}

// Of several equalities for one key the last counts, as in Jaeger's map; comparisons add up.
void keep_last(std::vector<JaegerTag>& tags) {
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (tags[i].comparison) continue;
    const auto earlier = std::remove_if(tags.begin(), tags.begin() + static_cast<std::ptrdiff_t>(i),
                                        [&](const auto& tag) { return !tag.comparison && tag.key == tags[i].key; });
    const auto end = tags.begin() + static_cast<std::ptrdiff_t>(i);
    const auto removed = static_cast<std::size_t>(end - earlier);
    tags.erase(earlier, end);
    i -= removed;
  }
}

Result<void> add_simple(std::string_view text, JaegerTags& out) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    out.tags.push_back(tag_of(sanitize_utf8(text.substr(0, colon)), sanitize_utf8(text.substr(colon + 1))));
    return {};
  }
  if (text.find_first_of("<>=") != std::string_view::npos) return FieldReader(sanitize_utf8(text)).read(out);
  return fail(ErrorCode::invalid_input,
              fmt::format("malformed 'tag' parameter, expecting key:value, received: {}", text));
}

}  // namespace

Result<JaegerTags> parse_jaeger_tags(const std::vector<std::string_view>& simple,
                                     const std::vector<std::string_view>& maps) {
  JaegerTags out;
  for (const std::string_view text : simple) MESHFLOW_CHECK(add_simple(text, out));
  for (const std::string_view json : maps) {
    MESHFLOW_TRY(std::vector<Pair> pairs, parse_map(json));
    if (looks_torn(pairs)) {
      const std::string words = words_of(std::move(pairs));
      MESHFLOW_CHECK(FieldReader(words).read(out));
      continue;
    }
    for (auto& [key, value] : pairs) out.tags.push_back(tag_of(std::move(key), value));
  }
  keep_last(out.tags);
  if (out.tags.size() > kTagsMax) {
    return fail(ErrorCode::invalid_input, fmt::format("{} tags, more than kTagsMax ({})", out.tags.size(), kTagsMax));
  }
  return out;
}

}  // namespace meshflow::query
