#include "runtime/run_spans.hpp"

#include "runtime/attributes.hpp"
#include "telemetry/announce.hpp"

namespace meshflow::runtime {
namespace {

const char* openinference_kind(SpanRole role) noexcept {
  switch (role) {
    case SpanRole::chain: return "CHAIN";
    case SpanRole::agent: return "AGENT";
    case SpanRole::model: return "LLM";
    case SpanRole::tool: return "TOOL";
    case SpanRole::guardrail: return "GUARDRAIL";
  }
  return "CHAIN";
}

const char* langfuse_type(SpanRole role) noexcept {
  switch (role) {
    case SpanRole::chain: return "chain";
    case SpanRole::agent: return "agent";
    case SpanRole::model: return "generation";
    case SpanRole::tool: return "tool";
    case SpanRole::guardrail: return "guardrail";
  }
  return "chain";
}

}  // namespace

RunSpans::RunSpans(telemetry::Tracer tracer, const SpanStyle& style, std::string_view run_id)
    : tracer_(std::move(tracer)), style_(&style), run_id_(run_id) {}

telemetry::Span RunSpans::start(std::string_view name, SpanRole role, const Options& options) {
  telemetry::SpanOptions span_options;
  span_options.parent = options.parent;
  span_options.kind = options.kind;
  span_options.links = options.links;
  span_options.start_unix_nanos = options.start_unix_nanos;
  span_options.span_id = options.span_id;
  span_options.trace_id = options.trace_id;
  span_options.hold_unsampled = options.hold_unsampled;
  telemetry::Span span = tracer_.start_span(name, span_options);
  count(name, 1);
  if (trace_id_.empty()) trace_id_ = span.context().trace_id.hex();  // the root: before any other span can start
  if (!span.is_recording()) return span;
  set_lesson(span, names::kRunId, run_id_);
  set_lesson(span, names::kTraceId, trace_id_);
  if (!options.node_id.empty()) set_lesson(span, names::kNodeId, options.node_id);
  if (role != SpanRole::agent && role != SpanRole::model) telemetry::announce(span);  // those say more of themselves
  if (style_->openinference) span.set_attribute(names::kOpenInferenceKind, openinference_kind(role));
  if (style_->langfuse) span.set_attribute(names::kLangfuseType, langfuse_type(role));
  for (const std::string& key : style_->baggage_keys) {
    for (const auto& [name_in_baggage, value] : telemetry::baggage_of(options.parent)) {
      if (name_in_baggage == key) span.set_attribute(key, value);
    }
  }
  return span;
}

void RunSpans::discard(telemetry::Span& span, std::string_view name) {
  span.discard();
  count(name, -1);
}

void RunSpans::count(std::string_view name, std::int64_t by) {
  const std::lock_guard lock(mutex_);
  for (auto& [known, spans] : counts_) {
    if (known != name) continue;
    spans += by;
    return;
  }
  counts_.emplace_back(name, by);
}

RunSpans::Counts RunSpans::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void RunSpans::set_usage(telemetry::Span& span, const Usage& usage) const {
  set_lesson(span, names::kCostUsd, usage.cost_usd());
  set_lesson(span, names::kTokens, usage.tokens.total());
  set_lesson(span, names::kCarbonG, usage.carbon_g());
  span.set_attribute(names::kTokensInput, usage.tokens.input);
  span.set_attribute(names::kTokensOutput, usage.tokens.output);
  span.set_attribute(names::kTokensCached, usage.tokens.cached);
  span.set_attribute(names::kCarbonLow, static_cast<double>(usage.carbon.low_nanograms) / 1e9);
  span.set_attribute(names::kCarbonHigh, static_cast<double>(usage.carbon.high_nanograms) / 1e9);
}

}  // namespace meshflow::runtime
