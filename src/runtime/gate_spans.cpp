#include "runtime/gate_spans.hpp"

#include "base/try.hpp"
#include "runtime/attributes.hpp"

namespace meshflow::runtime {

namespace {

void set_figure(telemetry::Span& span, std::string_view key, const GateFigure& figure) {
  if (const auto* number = std::get_if<double>(&figure)) span.set_attribute(key, *number);
  if (const auto* word = std::get_if<std::string_view>(&figure)) span.set_attribute(key, *word);
}

}  // namespace

GateVerdict refusal(std::string_view gate, std::string rule_id, std::string reason) {
  GateVerdict verdict;
  verdict.gate = gate;
  verdict.result = GateResult::blocked;
  verdict.rule_id = std::move(rule_id);
  verdict.reason = std::move(reason);
  return verdict;
}

telemetry::Link link_to(const telemetry::Context& target, std::string_view kind) {
  return telemetry::Link{target, {{names::kLinkType, telemetry::AttributeValue(kind)}}};
}

telemetry::Context record_policy_check(RunState& run, const telemetry::Context& parent, std::string_view node_id,
                                       const PolicyCheck& check) {
  if (!run.spans.style().governance && check.passed()) return {};
  RunSpans::Options options;
  options.parent = parent;
  options.node_id = node_id;
  telemetry::Span span = run.spans.start(names::kSpanPolicyCheck, SpanRole::guardrail, options);
  span.set_attribute(names::kPolicyName, check.name);
  span.set_attribute(names::kPolicyResult, check.result);
  if (!check.rule_id.empty()) span.set_attribute(names::kRuleId, check.rule_id);
  if (!check.passed()) {
    span.set_attribute(names::kBlockReason, check.reason);
    span.set_status(telemetry::StatusCode::error, check.reason);
    span.keep_trace();
  } else {
    span.set_status(telemetry::StatusCode::ok);
  }
  return span.context();
}

telemetry::Context record_gate(RunState& run, const telemetry::Context& parent, std::string_view node_id,
                               const GateVerdict& verdict, const std::optional<Decided>& decided) {
  const bool passed = verdict.result == GateResult::passed;
  if (!run.spans.style().governance && passed) return {};
  RunSpans::Options options;
  options.parent = parent;
  options.node_id = node_id;
  telemetry::Link to_pending;
  if (decided) {
    to_pending = link_to(decided->asked_in, "pending");
    options.links = std::span(&to_pending, 1);
  }
  telemetry::Span span = run.spans.start(names::kSpanGate, SpanRole::guardrail, options);
  span.set_attribute(names::kGateName, verdict.gate);
  run.spans.set_lesson(span, names::kGateResult, name_of(verdict.result));
  set_figure(span, names::kGateThreshold, verdict.threshold);
  set_figure(span, names::kGateValue, verdict.value);
  if (!verdict.rule_id.empty()) span.set_attribute(names::kRuleId, verdict.rule_id);
  if (decided) {
    span.set_attribute(names::kDecisionBy, decided->decision.by);
    if (!decided->decision.note.empty()) span.set_attribute(names::kDecisionNote, decided->decision.note);
    span.set_attribute(names::kDecisionDigest, decided->digest);
    const std::int64_t when = decided->decision.unix_nanos;
    span.set_attribute(names::kDecisionTime, when != 0 ? when : run.services->clock->wall_nanos());
  }
  if (verdict.result == GateResult::blocked) {
    span.set_attribute(names::kBlockReason, verdict.reason);
    span.set_status(telemetry::StatusCode::error, verdict.reason);
  } else if (passed) {
    span.set_status(telemetry::StatusCode::ok);
  }
  if (!passed) span.keep_trace();
  return span.context();
}

namespace {

// The span of an entry that is about to be written; none where governance spans are off.
telemetry::Span start_ledger_span(RunState& run, const telemetry::Context& parent, std::string_view node_id,
                                  std::string_view kind, const telemetry::Context* link) {
  if (!run.spans.style().governance) return {};
  RunSpans::Options options;
  options.parent = parent;
  options.node_id = node_id;
  telemetry::Link follows;
  if (link != nullptr) {
    follows = link_to(*link, "block");
    options.links = std::span(&follows, 1);
  }
  telemetry::Span span = run.spans.start(names::kSpanLedgerWrite, SpanRole::chain, options);
  span.set_attribute(names::kLedgerKind, kind);
  return span;
}

// The run's head moves on, and the span ends with what became of the entry.
Result<void> take_entry(RunState& run, telemetry::Span span, Result<LedgerHead> entry) {
  if (!entry) {
    span.set_status(telemetry::StatusCode::error, entry.error().text());
    span.keep_trace();
    return tl::unexpected(std::move(entry.error()));
  }
  span.set_attribute(names::kLedgerSeq, entry->seq);
  span.set_attribute(names::kLedgerEntryHash, entry->entry_hash);
  span.set_status(telemetry::StatusCode::ok);
  run.ledger_head = std::move(entry->entry_hash);
  return {};
}

Task<Result<void>> finished(Result<void> result) { co_return result; }

Task<Result<void>> take_entry_later(RunState& run, telemetry::Span span, std::function<Result<LedgerHead>()> append) {
  auto entry = co_await on_database<LedgerHead>(run, std::move(append));
  co_return take_entry(run, std::move(span), std::move(entry));
}

}  // namespace

Task<Result<void>> write_ledger_by(RunState& run, const telemetry::Context& parent, std::string_view node_id,
                                   std::string_view kind, std::function<Result<LedgerHead>()> append,
                                   const telemetry::Context* link) {
  return take_entry_later(run, start_ledger_span(run, parent, node_id, kind, link), std::move(append));
}

Task<Result<void>> write_ledger(RunState& run, const telemetry::Context& parent, const telemetry::Context& about,
                                LedgerDraft draft, const telemetry::Context* link, Ledger::WithEntry with_it) {
  draft.run_id = run.run_id;
  draft.trace_id = run.spans.trace_id();
  draft.span_id = about.span_id.hex();
  telemetry::Span span = start_ledger_span(run, parent, draft.node_id, draft.kind, link);
  if (!run.services->database->is_shared()) {  // nothing to wait for
    return finished(take_entry(run, std::move(span), run.services->ledger->add(draft, with_it)));
  }
  std::function<Result<LedgerHead>()> append = [services = run.services, entry = std::move(draft),
                                                with_it = std::move(with_it)] {
    return services->ledger->add(entry, with_it);
  };
  return take_entry_later(run, std::move(span), std::move(append));
}

}  // namespace meshflow::runtime
