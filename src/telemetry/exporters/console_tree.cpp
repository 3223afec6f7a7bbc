#include "telemetry/exporters/console_tree.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "telemetry/exporters/console_text.hpp"

namespace meshflow::telemetry {
namespace {

constexpr std::size_t kLabelBytesMax = 80;
constexpr std::size_t kIndentedLevelsMax = 40;  // deeper spans stand at this level

// The first of these that a span has tells it from its siblings.
constexpr std::array<std::string_view, 7> kLabelKeys = {
    "meshflow.gate.name", "meshflow.policy.name", "meshflow.ledger.kind", "gen_ai.tool.name",
    "meshflow.agent_id",  "meshflow.node_id",     "meshflow.run_id"};
constexpr std::array<std::string_view, 4> kOutcomeKeys = {"meshflow.verdict", "meshflow.gate_result",
                                                          "meshflow.policy.result", "meshflow.status"};

template <std::size_t N>
std::string first_of(const otlp::KeyValueList& attributes, const std::array<std::string_view, N>& keys) {
  for (const auto key : keys) {
    if (const auto* value = find_attribute(attributes, key)) return value_text(*value);
  }
  return {};
}

// Columns that UTF-8 text takes, near enough for box-drawing characters and names.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

void TraceTree::add(const otlp::Span& span) {
  if (nodes_.size() >= kSpansMax) {
    ++left_out_;
    return;
  }
  Node node;
  node.span_id = span.span_id;
  node.parent_span_id = span.parent_span_id;
  node.start_unix_nanos = span.start_time_unix_nano;
  node.duration_nanos = static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano);
  node.label = printable(span.name, kLabelBytesMax);
  if (const auto label = first_of(span.attributes, kLabelKeys); !label.empty()) {
    node.label += " " + std::string(utf8_prefix(label, kLabelBytesMax));
  }
  if (const auto* cost = find_attribute(span.attributes, "meshflow.cost_usd")) node.cost = "$" + value_text(*cost);
  node.outcome = first_of(span.attributes, kOutcomeKeys);
  if (span.status.code == otlp::StatusCode::error && node.outcome.empty()) node.outcome = "ERROR";
  nodes_.push_back(std::move(node));
}

std::vector<TraceTree::Line> TraceTree::lay_out() const {
  std::set<otlp::SpanId> known;
  std::vector<const Node*> latest_first;
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    known.insert(node->span_id);
    latest_first.push_back(&*node);
  }
  std::stable_sort(latest_first.begin(), latest_first.end(),
                   [](const Node* a, const Node* b) { return a->start_unix_nanos > b->start_unix_nanos; });
  std::map<otlp::SpanId, std::vector<const Node*>> children;
  std::vector<Line> waiting;  // the last is printed next
  for (const Node* node : latest_first) {
    if (known.count(node->parent_span_id) > 0 && node->parent_span_id != node->span_id) {
      children[node->parent_span_id].push_back(node);
    } else {
      waiting.push_back({node, node->label, ""});
    }
  }

  std::vector<Line> lines;
  while (!waiting.empty()) {
    lines.push_back(std::move(waiting.back()));
    waiting.pop_back();
    // Taken out, so that ids that came twice cannot lead in a circle.
    const auto siblings = children.extract(lines.back().node->span_id);
    if (siblings.empty()) continue;
    const std::string prefix = lines.back().below;
    const bool goes_deeper = width_of(prefix) < 3 * kIndentedLevelsMax;
    for (const Node* child : siblings.mapped()) {
      const bool is_last = child == siblings.mapped().front();
      waiting.push_back({child, prefix + (is_last ? "└─ " : "├─ ") + child->label,
                         goes_deeper ? prefix + (is_last ? "   " : "│  ") : prefix});
    }
  }
  return lines;
}

std::string TraceTree::text(const otlp::TraceId& trace_id) const {
  const auto lines = lay_out();
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, width_of(line.left));

  const std::string_view id(reinterpret_cast<const char*>(trace_id.data()), trace_id.size());
  std::string out = fmt::format("[TRACE] {}\n", to_hex(id));
  for (const auto& [node, left, below] : lines) {
    std::string row = fmt::format("{}{:{}}  {:>10} ms  {:<12}  {}", left, "", width - width_of(left),
                                  milliseconds_text(node->duration_nanos), node->cost, node->outcome);
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + "\n";
  }
  if (left_out_ > 0) out += fmt::format("({} more spans: a tree shows {})\n", left_out_, kSpansMax);
  return out;
}

}  // namespace meshflow::telemetry
