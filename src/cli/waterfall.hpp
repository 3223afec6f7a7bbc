// A trace as a waterfall for terminals: its tree, and a bar to scale for each span.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/session.hpp"
#include "otlp/model.hpp"
#include "store/snapshot.hpp"

namespace meshflow::cli {

// A span at its place in the tree.
struct TreeSpan {
  const otlp::Span* span = nullptr;
  std::string branch = {};    // "│  ├─ "
  std::string beneath = {};   // what a line under it begins with: "│  │  "
};

// Depth first, siblings by their start. A span whose parent is not there stands at the top; each span comes once,
// whatever its ids say. The spans are the trace's: it must live as long.
[[nodiscard]] std::vector<TreeSpan> tree_of(const store::StoredTrace& trace);

// Something was blocked, or failed.
[[nodiscard]] bool is_bad(const otlp::Span& span);

// `text` in a style where colour is wanted.
using Styler = std::function<std::string(Style style, std::string_view text)>;

// A headline, then a line for each span: tree, bar, duration, cost, tokens, where any span has them; under a span that
// was blocked or failed the reason, and what followed. No line is wider than `columns`; where these are few, the bars
// go, then tokens and cost. What spans say is made safe for terminals.
[[nodiscard]] std::string waterfall_text(const store::StoredTrace& trace, std::size_t columns, const Styler& styled);

// `width` columns of which those are filled in which the span [from, to] lies, of the whole [0, 1]; at least half a
// column. Pure.
[[nodiscard]] std::string bar_text(double from, double to, std::size_t width);

}  // namespace meshflow::cli
