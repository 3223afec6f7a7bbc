// Tags as Jaeger's clients send them, and as people type them into the search field of its UI.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/condition.hpp"

namespace meshflow::query {

// One tag to be matched: `value` is text, or a comparison with a number.
struct JaegerTag {
  std::string key;
  std::string text;                        // compared as Jaeger does, where there is no comparison
  std::optional<Comparison> comparison = {};
  Number number = {};
  friend bool operator==(const JaegerTag&, const JaegerTag&) = default;
};

// What the field said beside tags, as in the lesson's "service: meshflow tag: verdict=blocked lookback: 1h".
struct JaegerTags {
  std::vector<JaegerTag> tags;
  std::string service = {};
  std::string operation = {};
  std::string lookback = {};
  friend bool operator==(const JaegerTags&, const JaegerTags&) = default;
};

// Past it invalid_input.
inline constexpr std::size_t kTagsMax = 64;

// `simple`: values of the parameter `tag`, each "key:value" (or, beyond Jaeger, "key=value" and "key > 0.01"). `maps`:
// values of `tags`, each a JSON map of strings. A value that begins with >, >=, <, <= or != before a number is a
// comparison.
//
// Jaeger's UI turns its field into such a map as logfmt, which tears "cost_usd > 0.01" into {"cost_usd": "true", ">":
// "true", "0.01": "true"}; Grafana's data source makes {"0.01": "", ">": "", "cost_usd": ""} of it. Maps that were torn
// so are put together again. invalid_input is worded as Jaeger words it, where it has such an error. Pure.
[[nodiscard]] Result<JaegerTags> parse_jaeger_tags(const std::vector<std::string_view>& simple,
                                                   const std::vector<std::string_view>& maps);

}  // namespace meshflow::query
