#include "query/jaeger_tags.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/tag_text.hpp"

namespace meshflow::query {
namespace {

using Pair = std::pair<std::string, std::string>;

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
  if (text.find_first_of("<>=") != std::string_view::npos) return read_tag_text(sanitize_utf8(text), out);
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
      MESHFLOW_CHECK(read_tag_text(words_of(std::move(pairs)), out));
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
