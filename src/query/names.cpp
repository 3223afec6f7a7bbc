#include "query/names.hpp"

#include <algorithm>
#include <array>

namespace meshflow::query {
namespace {

constexpr std::string_view kPrefix = "meshflow.";

// Attributes of the lesson and of MeshFlow's own spans, without their prefix.
constexpr std::array<std::string_view, 44> kLessonNames{"agent_id",      "attempt",         "block_reason",
                                                        "blocked",       "carbon.class",    "carbon.factor_set",
                                                        "carbon.tier",   "carbon_g",        "carbon_g_high",
                                                        "carbon_g_low",  "compliance",      "confidence",
                                                        "cost_source",   "cost_usd",        "decision.by",
                                                        "gate.name",     "gate.threshold",  "gate.value",
                                                        "gate_result",   "iteration",       "ledger.entry_hash",
                                                        "ledger.head",   "ledger.kind",     "ledger.seq",
                                                        "node.kind",     "node_id",         "policy.mode",
                                                        "policy.name",   "policy.result",   "role",
                                                        "route",         "rule_id",         "run_id",
                                                        "status",        "tokens",          "tokens.cached",
                                                        "tokens.input",  "tokens.output",   "trace_id",
                                                        "uncertainty",   "variant",         "verdict",
                                                        "workflow.name", "workflow.version"};
static_assert(std::is_sorted(kLessonNames.begin(), kLessonNames.end()));

constexpr std::array<std::string_view, 5> kBillionths{"carbon_g", "carbon_g_high", "carbon_g_low", "cost_usd",
                                                      "run_cost_usd"};

std::string_view without_prefix(std::string_view key) {
  return key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key;
}

}  // namespace

std::optional<LongName> long_name_of(std::string_view key) {
  if (without_prefix(key) == "run_cost_usd") return LongName{"meshflow.cost_usd", true};
  if (!std::binary_search(kLessonNames.begin(), kLessonNames.end(), key)) return std::nullopt;
  return LongName{std::string(kPrefix) + std::string(key), false};
}

bool is_counted_in_billionths(std::string_view key) {
  return std::find(kBillionths.begin(), kBillionths.end(), without_prefix(key)) != kBillionths.end();
}

std::string_view name_of_kind(otlp::SpanKind kind) noexcept {
  switch (kind) {
    case otlp::SpanKind::internal: return "internal";
    case otlp::SpanKind::server: return "server";
    case otlp::SpanKind::client: return "client";
    case otlp::SpanKind::producer: return "producer";
    case otlp::SpanKind::consumer: return "consumer";
    default: return {};
  }
}

}  // namespace meshflow::query
