// A trace as an indented tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "otlp/model.hpp"

namespace meshflow::telemetry {

// The spans of one trace, kept until it is printed. One thread at a time.
class TraceTree {
 public:
  static constexpr std::size_t kSpansMax = 10'000;

  void add(const otlp::Span& span);

  // A line "[TRACE] id" and one for each span under its parent, siblings by their start, with duration, cost and
  // verdict. A span whose parent is not here stands at the top.
  [[nodiscard]] std::string text(const otlp::TraceId& trace_id) const;

 private:
  struct Node {
    otlp::SpanId span_id;
    otlp::SpanId parent_span_id;
    std::uint64_t start_unix_nanos;
    std::int64_t duration_nanos;
    std::string label;    // name and what tells it from its siblings
    std::string cost;     // "$0.0024", or empty
    std::string outcome;  // verdict, result or state; "ERROR" where nothing else says so
  };
  struct Line {
    const Node* node;
    std::string left;   // indentation, branch and label
    std::string below;  // indentation of its children
  };
  [[nodiscard]] std::vector<Line> lay_out() const;

  std::vector<Node> nodes_;
  std::uint64_t left_out_ = 0;
};

}  // namespace meshflow::telemetry
