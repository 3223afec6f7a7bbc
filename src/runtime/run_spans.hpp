// Starts the spans of one run, each with what every span of a run carries.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/runtime/usage.hpp"
#include "meshflow/telemetry/tracer.hpp"

namespace meshflow::runtime {

// What a policy says about the shape of spans.
struct SpanStyle {
  bool short_attributes = false;
  bool openinference = false;
  bool langfuse = false;
  bool governance = true;  // policy_check, gate and ledger_write spans
  std::vector<std::string> baggage_keys;
};

// What a span stands for, for the tools that want to know (OpenInference, Langfuse).
enum class SpanRole { chain, agent, model, tool, guardrail };

// Thread-safe once constructed. `style` and `run_id` must outlive it.
class RunSpans {
 public:
  RunSpans(telemetry::Tracer tracer, const SpanStyle& style, std::string_view run_id);

  struct Options {
    telemetry::Context parent;
    std::string_view node_id;
    telemetry::SpanKind kind = telemetry::SpanKind::internal;
    std::span<const telemetry::Link> links;
    std::int64_t start_unix_nanos = 0;  // 0: now
    telemetry::SpanId span_id;          // zero: generated
    telemetry::TraceId trace_id;        // without a parent: zero: generated
    bool hold_unsampled = false;
  };
  // With run_id, trace_id, node_id. It is announced to live views; of agents and model calls, who starts them does
  // that.
  [[nodiscard]] telemetry::Span start(std::string_view name, SpanRole role, const Options& options);

  // Sets an attribute of the lesson's table: `key` begins with "meshflow."; the short form too where the policy asks.
  template <typename T>
  void set_lesson(telemetry::Span& span, std::string_view key, const T& value) const {
    span.set_attribute(key, value);
    if (style_->short_attributes) span.set_attribute(key.substr(kPrefixBytes), value);
  }
  // cost_usd, tokens, carbon_g with their parts.
  void set_usage(telemetry::Span& span, const Usage& usage) const;

  [[nodiscard]] const SpanStyle& style() const noexcept { return *style_; }
  // In hex; empty before the first span.
  [[nodiscard]] const std::string& trace_id() const noexcept { return trace_id_; }
  [[nodiscard]] const telemetry::Tracer& tracer() const noexcept { return tracer_; }
  // A span that was started and will be recorded by another process, which counts it.
  void discard(telemetry::Span& span, std::string_view name);

  // Spans started, by name, in the order in which the names first came up.
  using Counts = std::vector<std::pair<std::string, std::int64_t>>;
  [[nodiscard]] Counts counts() const;
  // Of an earlier process, before any span starts here.
  void count_earlier(Counts counts) { counts_ = std::move(counts); }

 private:
  void count(std::string_view name, std::int64_t by);

  static constexpr std::size_t kPrefixBytes = std::string_view("meshflow.").size();

  telemetry::Tracer tracer_;
  const SpanStyle* style_;
  std::string_view run_id_;
  std::string trace_id_;  // known once the first span has started
  mutable std::mutex mutex_;
  Counts counts_;
};

}  // namespace meshflow::runtime
