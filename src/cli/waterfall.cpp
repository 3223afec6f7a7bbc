#include "cli/waterfall.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "cli/text.hpp"
#include "meshflow/runtime/summary.hpp"
#include "query/trace_row.hpp"
#include "telemetry/exporters/console_text.hpp"

namespace meshflow::cli {
namespace {

// Deeper spans stand at this level: indentation is to leave room for names.
constexpr std::size_t kIndentedLevelsMax = 16;
constexpr std::size_t kIndentColumns = 3;
constexpr std::size_t kGap = 2;  // between columns
constexpr std::size_t kNameColumnsMin = 16;
constexpr std::size_t kBarColumnsMin = 8;
// What names and bars together should have before a column of figures goes.
constexpr std::size_t kLeftColumnsMin = 32;

// The first of these that a span has tells it from its siblings.
constexpr std::array<std::string_view, 7> kLabelKeys = {
    "meshflow.gate.name", "meshflow.policy.name", "meshflow.ledger.kind",  "gen_ai.tool.name",
    "meshflow.agent_id",  "meshflow.node_id",     "meshflow.workflow.name"};

std::string label_of(const otlp::Span& span) {
  std::string label = span.name;
  const auto role = query::text_value(span.attributes, "meshflow.role");
  // A blocked agent also names the gate that blocked it.
  std::string_view told = role.empty() ? std::string_view() : query::text_value(span.attributes, "meshflow.agent_id");
  for (auto key = kLabelKeys.begin(); told.empty() && key != kLabelKeys.end(); ++key) {
    told = query::text_value(span.attributes, *key);
  }
  if (!told.empty()) label += fmt::format(" {}", told);
  if (!role.empty() && role != told) label += fmt::format(" ({})", role);
  return one_line(label);
}

std::string exception_message(const otlp::Span& span) {
  for (const otlp::Event& event : span.events) {
    const auto message = query::text_value(event.attributes, "exception.message");
    if (event.name == "exception" && !message.empty()) return std::string(message);
  }
  return {};
}

// "blocked: the guardian's rule … [pii.card]", "failed: connection refused"; empty for a span that is well.
std::string reason_of(const otlp::Span& span) {
  if (!is_bad(span)) return {};
  const auto reason = query::text_value(span.attributes, "meshflow.block_reason");
  const auto rule = query::text_value(span.attributes, "meshflow.rule_id");
  std::string text(reason.empty() ? std::string_view(span.status.message) : reason);
  const bool is_blocked = !reason.empty() || query::text_value(span.attributes, "meshflow.verdict") == "blocked" ||
                          query::text_value(span.attributes, "meshflow.gate_result") == "blocked" ||
                          query::text_value(span.attributes, "meshflow.policy.result") == "blocked";
  if (text.empty()) text = exception_message(span);
  if (text.empty()) text = query::text_value(span.attributes, "error.type");
  if (is_blocked && !rule.empty()) text += fmt::format(" [{}]", rule);
  if (text.empty()) return is_blocked ? "blocked" : "failed";
  return fmt::format("{}: {}", is_blocked ? "blocked" : "failed", text);
}

// What the layout needs of a line.
struct Line {
  const TreeSpan* place = nullptr;
  std::string name;  // branch and label
  std::string duration;
  std::string cost;
  std::string tokens;
  std::string reason;  // shown beneath; empty: nothing is
};

// A column of figures on the right.
struct Figures {
  std::string_view header;
  std::string Line::* cell;
  std::size_t width = 0;
};

struct Layout {
  std::size_t name = 0;
  std::size_t bar = 0;  // 0: none
  std::vector<Figures> figures;
};

Layout lay_out(const std::vector<Line>& lines, std::size_t columns) {
  Layout layout;
  std::size_t name = columns_of("SPAN");
  for (const Line& line : lines) name = std::max(name, columns_of(line.name));
  std::size_t taken = 0;
  for (Figures each :
       {Figures{"DURATION", &Line::duration}, Figures{"COST", &Line::cost}, Figures{"TOKENS", &Line::tokens}}) {
    for (const Line& line : lines) each.width = std::max(each.width, columns_of(line.*each.cell));
    if (each.width == 0) continue;  // nobody has it
    each.width = std::max(each.width, columns_of(each.header));
    taken += kGap + each.width;
    layout.figures.push_back(each);
  }
  while (!layout.figures.empty() && columns < taken + kLeftColumnsMin) {
    taken -= kGap + layout.figures.back().width;
    layout.figures.pop_back();
  }
  const std::size_t left = columns - std::min(columns, taken);
  layout.name = std::min(name, std::max(kNameColumnsMin, left * 11 / 20));
  if (left >= layout.name + kGap + kBarColumnsMin) {
    layout.bar = left - layout.name - kGap;
  } else {
    layout.name = left;
  }
  return layout;
}

std::vector<Line> lines_of(const std::vector<TreeSpan>& tree) {
  std::vector<Line> lines;
  std::set<std::string> said;  // a reason is told where it first stands: gate, agent and node repeat it
  for (const TreeSpan& place : tree) {
    const otlp::Span& span = *place.span;
    Line line;
    line.place = &place;
    line.name = place.branch + label_of(span);
    line.duration = duration_text(static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano));
    if (const auto cost = query::billionths_value(span.attributes, "meshflow.cost_usd")) {
      line.cost = "$" + nano_text(*cost);
    }
    if (const auto tokens = query::integer_value(span.attributes, "meshflow.tokens")) {
      line.tokens = fmt::format("{}", *tokens);
    }
    if (std::string reason = one_line(reason_of(span)); said.insert(reason).second) line.reason = std::move(reason);
    lines.push_back(std::move(line));
  }
  return lines;
}

// Of a blocked span: the node of the span that links to it as what followed.
std::map<otlp::SpanId, std::string> followers_of(const std::vector<TreeSpan>& tree) {
  std::map<otlp::SpanId, std::string> followers;
  for (const TreeSpan& place : tree) {
    for (const otlp::Link& link : place.span->links) {
      if (query::text_value(link.attributes, "meshflow.link") != "block") continue;
      const auto node = query::text_value(place.span->attributes, "meshflow.node_id");
      followers.try_emplace(link.span_id, node.empty() ? place.span->name : std::string(node));
    }
  }
  return followers;
}

std::string headline(const query::TraceRow& row, std::size_t columns, const Styler& styled) {
  std::string rest = row.root.empty() ? "(no root)" : row.root;
  rest += fmt::format("  {}  {}", row.status,
                      duration_text(static_cast<std::int64_t>(row.end_unix_nanos - row.start_unix_nanos)));
  if (row.cost_nano_usd) rest += fmt::format("  ${}", nano_text(*row.cost_nano_usd));
  if (row.tokens) rest += fmt::format("  {} tokens", *row.tokens);
  rest += fmt::format("  {} span{}", row.spans, row.spans == 1 ? "" : "s");
  if (row.blocked > 0) rest += fmt::format("  {} blocked", row.blocked);
  if (row.blocked == 0 && row.error_spans > 0) rest += fmt::format("  {} failed", row.error_spans);
  std::string ids = fmt::format("trace {}", query::hex_of(row.trace_id));
  if (!row.run_id.empty()) ids += fmt::format("  {}", row.run_id);
  ids += fmt::format("  {}", local_time_text(static_cast<std::int64_t>(row.start_unix_nanos)));
  const bool is_well = row.blocked == 0 && row.error_spans == 0;
  return styled(Style::none, cut_to(one_line(ids), columns)) + "\n" +
         styled(is_well ? Style::none : Style::bad, cut_to(one_line(rest), columns)) + "\n";
}

std::string without_end_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string header_line(const Layout& layout) {
  std::string line = pad_to(cut_to("SPAN", layout.name), layout.name);
  if (layout.bar > 0) line += std::string(kGap + layout.bar, ' ');
  for (const Figures& each : layout.figures) line += std::string(kGap, ' ') + pad_to(each.header, each.width, true);
  return without_end_blanks(std::move(line));
}

std::string span_line(const Line& line, const Layout& layout, std::uint64_t start, std::uint64_t end,
                      const Styler& styled) {
  const otlp::Span& span = *line.place->span;
  const Style style = is_bad(span)                                                              ? Style::bad
                      : query::text_value(span.attributes, "meshflow.gate_result") == "pending" ? Style::attention
                                                                                                : Style::none;
  const std::string name = cut_to(line.name, layout.name);
  // The branches keep their colour: only what the span is called is red.
  const std::size_t branch = std::min(line.place->branch.size(), name.size());
  std::string text =
      name.substr(0, branch) + styled(style, name.substr(branch)) + std::string(layout.name - columns_of(name), ' ');
  if (layout.bar > 0) {
    const auto whole = static_cast<double>(std::max<std::uint64_t>(end - start, 1));
    const auto at = [&](std::uint64_t time) {
      return static_cast<double>(std::clamp(time, start, end) - start) / whole;
    };
    text += std::string(kGap, ' ') +
            styled(style, bar_text(at(span.start_time_unix_nano), at(span.end_time_unix_nano), layout.bar));
  }
  for (const Figures& each : layout.figures) text += std::string(kGap, ' ') + pad_to(line.*each.cell, each.width, true);
  return without_end_blanks(std::move(text));
}

}  // namespace

std::vector<TreeSpan> tree_of(const store::StoredTrace& trace) {
  std::vector<const otlp::Span*> latest_first;
  std::set<otlp::SpanId> known;
  for (const otlp::ResourceSpans& resource_spans : trace.data.resource_spans) {
    for (const otlp::ScopeSpans& scope_spans : resource_spans.scope_spans) {
      for (const otlp::Span& span : scope_spans.spans) {
        latest_first.push_back(&span);
        known.insert(span.span_id);
      }
    }
  }
  // Equal starts: the longer one first, it contains the other; then by id, so that the order is the same every time.
  const auto key = [](const otlp::Span* span) {
    return std::tuple(span->start_time_unix_nano, ~span->end_time_unix_nano, span->span_id);
  };
  std::sort(latest_first.begin(), latest_first.end(),
            [&](const otlp::Span* a, const otlp::Span* b) { return key(a) > key(b); });
  std::map<otlp::SpanId, std::vector<const otlp::Span*>> children;
  std::vector<TreeSpan> waiting;  // the last is next
  for (const otlp::Span* span : latest_first) {
    if (known.contains(span->parent_span_id) && span->parent_span_id != span->span_id) {
      children[span->parent_span_id].push_back(span);
    } else {
      waiting.push_back({span});
    }
  }
  std::vector<TreeSpan> tree;
  const auto walk = [&] {
    while (!waiting.empty()) {
      tree.push_back(std::move(waiting.back()));
      waiting.pop_back();
      const auto siblings = children.extract(tree.back().span->span_id);
      if (siblings.empty()) continue;
      const std::string before = tree.back().beneath;
      const bool goes_deeper = columns_of(before) < kIndentColumns * kIndentedLevelsMax;
      for (const otlp::Span* child : siblings.mapped()) {
        const bool is_last = child == siblings.mapped().front();
        waiting.push_back(
            {child, before + (is_last ? "└─ " : "├─ "), goes_deeper ? before + (is_last ? "   " : "│  ") : before});
      }
    }
  };
  walk();
  // Spans that are one another's parents have no top: the earliest of each circle becomes one.
  while (!children.empty()) {
    auto first = children.begin();
    for (auto each = children.begin(); each != children.end(); ++each) {
      if (key(each->second.back()) < key(first->second.back())) first = each;
    }
    waiting.push_back({first->second.back()});
    first->second.pop_back();
    if (first->second.empty()) children.erase(first);
    walk();
  }
  return tree;
}

bool is_bad(const otlp::Span& span) {
  if (span.status.code == otlp::StatusCode::error) return true;
  for (const auto key : {"meshflow.verdict", "meshflow.gate_result", "meshflow.policy.result"}) {
    if (query::text_value(span.attributes, key) == "blocked") return true;
  }
  return false;
}

std::string bar_text(double from, double to, std::size_t width) {
  // In half columns: the first that it touches to the last.
  const auto halves = static_cast<double>(2 * width);
  const auto last_half = 2 * width - 1;
  const auto first = std::min(static_cast<std::size_t>(from * halves), last_half);
  const auto end = std::max(static_cast<std::size_t>(std::ceil(to * halves)), first + 1);
  std::string bar;
  for (std::size_t column = 0; column < width; ++column) {
    const bool left = 2 * column >= first && 2 * column < end;
    const bool right = 2 * column + 1 >= first && 2 * column + 1 < end;
    bar += left && right ? "█" : left ? "▌" : right ? "▐" : " ";
  }
  return bar;
}

std::string waterfall_text(const store::StoredTrace& trace, std::size_t columns, const Styler& styled) {
  const query::TraceRow row = query::row_of(trace);
  const std::vector<TreeSpan> tree = tree_of(trace);
  const std::vector<Line> lines = lines_of(tree);
  const auto followers = followers_of(tree);
  const Layout layout = lay_out(lines, columns);
  // Clocks may have gone backwards.
  const std::uint64_t end = std::max(row.start_unix_nanos, row.end_unix_nanos);
  std::string out = headline(row, columns, styled) + "\n" + styled(Style::faint, header_line(layout)) + "\n";
  for (const Line& line : lines) {
    out += span_line(line, layout, row.start_unix_nanos, end, styled) + "\n";
    if (line.reason.empty()) continue;
    std::string reason = line.reason;
    const auto follower = followers.find(line.place->span->span_id);
    if (follower != followers.end()) reason += fmt::format("; followed by {}", one_line(follower->second));
    const std::size_t before = std::min(columns, columns_of(line.place->beneath));
    out += cut_to(line.place->beneath, columns) + styled(Style::bad, cut_to(reason, columns - before)) + "\n";
  }
  return out;
}

}  // namespace meshflow::cli
