#include "telemetry/exporters/console.hpp"

#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "otlp/decode.hpp"
#include "otlp/fields.hpp"
#include "telemetry/exporters/console_tree.hpp"

namespace meshflow::telemetry {
namespace {

// Past it the oldest unfinished trace is printed as far as it is known.
constexpr std::size_t kOpenTracesMax = 1'000;

// Calls `use` with every span of the batch, in the order of their end; counts those that do not decode as dropped.
ExportOutcome for_each_span(const SpanBatch& batch, const auto& use) {
  ExportOutcome outcome;
  for (const auto& reference : batch.order) {
    const auto span = otlp::decode_span(batch.scopes[reference.scope].spans[reference.span]);
    if (!span) {
      ++outcome.dropped;
      outcome.error = span.error().text();
      continue;
    }
    use(span->value, reference);
    ++outcome.exported;
  }
  return outcome;
}

class BlockExporter final : public SpanExporter {
 public:
  explicit BlockExporter(ConsoleSink sink) : sink_(std::move(sink)) {}
  std::string_view name() const noexcept override { return "console"; }
  bool may_wait() const noexcept override { return false; }

  ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    std::string text;
    const auto outcome = for_each_span(batch, [&](const otlp::Span& span, const SpanBatch::SpanReference& reference) {
      text += span_block(span, reference.local_root_start_unix_nanos);
    });
    if (!text.empty()) sink_(text);
    return outcome;
  }

 private:
  const ConsoleSink sink_;
};

class TreeExporter final : public SpanExporter {
 public:
  explicit TreeExporter(ConsoleSink sink) : sink_(std::move(sink)) {}
  ~TreeExporter() override {
    while (!order_.empty()) print(order_.begin()->second);
  }
  std::string_view name() const noexcept override { return "console"; }
  bool may_wait() const noexcept override { return false; }

  ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    return for_each_span(batch, [&](const otlp::Span& span, const SpanBatch::SpanReference&) {
      auto [open, is_new] = open_.try_emplace(span.trace_id);
      if (is_new) {
        open->second.age = next_age_++;
        order_.emplace(open->second.age, span.trace_id);
      }
      open->second.tree.add(span);
      const bool is_local_root = !otlp::is_set(span.parent_span_id) || (span.flags & otlp::kFlagsIsRemote) != 0;
      if (is_local_root) print(span.trace_id);
      if (open_.size() > kOpenTracesMax) print(order_.begin()->second);
    });
  }

 private:
  struct OpenTrace {
    TraceTree tree;
    std::uint64_t age = 0;
  };

  void print(const otlp::TraceId trace_id) {  // a copy: the callers' lies in what is erased
    const auto open = open_.find(trace_id);
    sink_(open->second.tree.text(trace_id));
    order_.erase(open->second.age);
    open_.erase(open);
  }

  const ConsoleSink sink_;
  std::map<otlp::TraceId, OpenTrace> open_;
  std::map<std::uint64_t, otlp::TraceId> order_;  // age → trace, oldest first
  std::uint64_t next_age_ = 0;
};

}  // namespace

void write_to_stdout(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::unique_ptr<SpanExporter> make_console_exporter(ConsoleMode mode, ConsoleSink sink) {
  if (mode == ConsoleMode::tree) return std::make_unique<TreeExporter>(std::move(sink));
  return std::make_unique<BlockExporter>(std::move(sink));
}

}  // namespace meshflow::telemetry
