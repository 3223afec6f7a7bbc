// Tags as people type them, in a search field or on the command line, and as Tempo's `tags` has them (logfmt).
#pragma once

#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/jaeger_tags.hpp"

namespace meshflow::query {

// A tag of Jaeger's: equality of text, unless the value is a comparison with a number ("> 0.01", "!=5").
[[nodiscard]] JaegerTag tag_of(std::string key, std::string_view value);

// Adds what `text` says: `key=value`, `key = value`, `key > 0.01`, a key alone (that it is true), separated by blanks,
// line breaks or commas; and the lesson's blocks, "service: meshflow operation: meshflow.run tag: cost_usd > 0.01
// lookback: 24h". A value with blanks or signs in it stands in "…", where \" is a quote. invalid_input tells what was
// not understood. Pure.
[[nodiscard]] Result<void> read_tag_text(std::string_view text, JaegerTags& out);

}  // namespace meshflow::query
