#include "runtime/gates.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "runtime/gates_compliance.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::string_view kContentPolicy = "content_policy";
constexpr std::string_view kCost = "cost";
constexpr std::string_view kUncertainty = "uncertainty";
constexpr std::string_view kHuman = "human";
constexpr std::string_view kPassed = "passed";
constexpr std::string_view kBlocked = "blocked";

double usd(std::int64_t nano_usd) { return static_cast<double>(nano_usd) / 1e9; }

std::string_view field_of(const Error& error) {
  // A budget's Error has the hint "raise FIELD".
  constexpr std::string_view kRaise = "raise ";
  const std::string_view hint = error.hint;
  return hint.starts_with(kRaise) ? hint.substr(kRaise.size()) : std::string_view{};
}

std::string rule_of(const Error& error) {
  if (error.code == ErrorCode::budget_exceeded) {
    const std::string_view field = field_of(error);
    if (field == "max_steps") return "steps.max";
    if (field == "timeout_s") return "time.running";
    if (field == "budget_tokens") return "budget.tokens";
    if (field == "carbon_budget_g") return "budget.carbon";
    return "budget.usd";
  }
  if (error.code == ErrorCode::unavailable) return "circuit_breaker";
  return error_code_name(error.code);
}

// What `text` would bring in, where the guardian is on.
std::optional<PolicyCheck> refusal_of_text(std::string_view name, const Policy& policy, const Guardian& guardian,
                                           std::string_view text) {
  if (!policy.enable_guardian.value_or(true)) return std::nullopt;
  const auto findings = guardian.scan(text, Direction::input);
  const Finding* worst = worst_of(findings);
  if (worst == nullptr || worst->severity != Severity::block) return std::nullopt;
  return PolicyCheck{name, kBlocked, worst->rule_id,
                     fmt::format("the guardian's rule {} found something in what is asked", worst->rule_id)};
}

}  // namespace

std::string_view name_of(GateResult result) noexcept {
  switch (result) {
    case GateResult::passed: return "passed";
    case GateResult::blocked: return "blocked";
    case GateResult::pending: return "pending";
  }
  return "passed";
}

GateVerdict content_policy_gate(const Guardian& guardian, std::string_view output) {
  const auto findings = guardian.scan(output, Direction::output);
  GateVerdict verdict{.gate = kContentPolicy, .threshold = name_of(Severity::block), .value = std::string_view("none")};
  const Finding* worst = worst_of(findings);
  if (worst == nullptr) return verdict;
  verdict.value = name_of(worst->severity);
  verdict.rule_id = worst->rule_id;
  if (worst->severity != Severity::block) return verdict;
  verdict.result = GateResult::blocked;
  verdict.reason = fmt::format("the guardian's rule {} found something in the output", worst->rule_id);
  return verdict;
}

GateVerdict cost_gate(const ResolvedPolicy& policy, std::int64_t step_cost_nano_usd) {
  const double threshold = usd(policy.step_cost_block_nano_usd);
  GateVerdict verdict{.gate = kCost, .threshold = threshold, .value = usd(step_cost_nano_usd)};
  if (policy.step_cost_block_nano_usd == 0 || step_cost_nano_usd <= policy.step_cost_block_nano_usd) return verdict;
  verdict.result = GateResult::blocked;
  verdict.rule_id = "cost.step";
  verdict.reason = fmt::format("the step cost {} USD, more than step_cost_block_usd, which is {}",
                               usd(step_cost_nano_usd), threshold);
  return verdict;
}

GateVerdict uncertainty_gate(const Policy& policy, const std::optional<double>& uncertainty) {
  GateVerdict verdict{.gate = kUncertainty, .threshold = policy.uncertainty_block};
  if (!uncertainty) return verdict;
  if (!(*uncertainty >= 0 && *uncertainty <= 1)) {
    verdict.result = GateResult::blocked;
    verdict.rule_id = "uncertainty.invalid";
    verdict.reason = "the uncertainty that was stated is no number between 0 and 1";
    return verdict;
  }
  verdict.value = *uncertainty;
  if (*uncertainty <= policy.uncertainty_block) return verdict;
  verdict.result = GateResult::blocked;
  verdict.rule_id = "uncertainty.block";
  verdict.reason = fmt::format("the uncertainty is {}, above uncertainty_block, which is {}", *uncertainty,
                               policy.uncertainty_block);
  return verdict;
}

GateVerdict human_gate(const Policy& policy, const std::optional<Risk>& risk,
                       const std::optional<double>& uncertainty) {
  GateVerdict verdict{.gate = kHuman};
  if (!policy.human_in_loop.enabled.value_or(false)) return verdict;
  const Risk from_risk = policy.human_in_loop.from_risk.value_or(Risk::irreversible);
  if (risk && *risk >= from_risk) {
    verdict.result = GateResult::pending;
    verdict.threshold = name_of(from_risk);
    verdict.value = name_of(*risk);
    verdict.rule_id = "human.risk";
    verdict.reason =
        fmt::format("the action is {}, and actions from {} on wait for a person", name_of(*risk), name_of(from_risk));
    return verdict;
  }
  verdict.threshold = policy.uncertainty_hitl;
  if (!uncertainty) return verdict;
  verdict.value = *uncertainty;
  if (*uncertainty <= policy.uncertainty_hitl) return verdict;
  verdict.result = GateResult::pending;
  verdict.rule_id = "human.uncertainty";
  verdict.reason =
      fmt::format("the uncertainty is {}, above uncertainty_hitl, which is {}", *uncertainty, policy.uncertainty_hitl);
  return verdict;
}

GateVerdict human_node_gate() {
  return GateVerdict{.gate = kHuman,
                     .result = GateResult::pending,
                     .rule_id = "human.node",
                     .reason = "the workflow asks a person here"};
}

GateVerdict decided_human_gate(const Decision& decision) {
  GateVerdict verdict{.gate = kHuman, .rule_id = "human.decision"};
  if (decision.approved) return verdict;
  verdict.result = GateResult::blocked;
  verdict.reason =
      decision.by.empty() ? std::string("rejected by a person") : fmt::format("rejected by {}", decision.by);
  return verdict;
}

GateVerdict expired_human_gate(double timeout_s) {
  return GateVerdict{.gate = kHuman,
                     .result = GateResult::blocked,
                     .threshold = timeout_s,
                     .rule_id = "human.expired",
                     .reason = fmt::format("nobody decided within {} s", timeout_s)};
}

std::vector<GateVerdict> gates_after_agent(const ResolvedPolicy& policy, const Guardian& guardian,
                                           const StepFacts& step) {
  const Policy& fields = policy.fields;
  std::vector<GateVerdict> verdicts;
  verdicts.reserve(5);
  if (fields.enable_guardian.value_or(true)) verdicts.push_back(content_policy_gate(guardian, step.output));
  if (policy.step_cost_block_nano_usd > 0) verdicts.push_back(cost_gate(policy, step.cost_nano_usd));
  verdicts.push_back(uncertainty_gate(fields, step.uncertainty));
  if (has_compliance_rules(fields)) verdicts.push_back(compliance_gate(fields, guardian, step));
  if (fields.human_in_loop.enabled.value_or(false) && !step.approved && deciding(verdicts) == nullptr) {
    verdicts.push_back(human_gate(fields, step.risk, step.uncertainty));
  }
  return verdicts;
}

const GateVerdict* deciding(const std::vector<GateVerdict>& verdicts) noexcept {
  const auto found = std::find_if(verdicts.begin(), verdicts.end(),
                                  [](const GateVerdict& verdict) { return verdict.result != GateResult::passed; });
  return found == verdicts.end() ? nullptr : &*found;
}

std::string governed_output(const Policy& policy, const Guardian& guardian, std::string output) {
  return policy.scrub_health_data.value_or(false) ? guardian.scrub(output) : std::move(output);
}

PolicyCheck check_failed(std::string_view name, const Error& error) {
  return PolicyCheck{name, kBlocked, rule_of(error), error.message};
}

PolicyCheck check_before_run(const ResolvedPolicy& policy, const Guardian& guardian, std::string_view task,
                             const BudgetMeter& budget) {
  if (const auto spent = budget.check_spent(); !spent) return check_failed("run", spent.error());
  if (auto refusal = refusal_of_text("run", policy.fields, guardian, task)) return std::move(*refusal);
  return PolicyCheck{"run", kPassed};
}

PolicyCheck check_before_node(const ResolvedPolicy& policy, const Guardian& guardian, std::string_view input,
                              const BudgetMeter& budget, std::int64_t running_nanos) {
  if (const auto steps = budget.check_steps(); !steps) return check_failed("node", steps.error());
  if (const auto time = budget.check_running_time(running_nanos); !time) return check_failed("node", time.error());
  if (const auto spent = budget.check_spent(); !spent) return check_failed("node", spent.error());
  if (auto refusal = refusal_of_text("node", policy.fields, guardian, input)) return std::move(*refusal);
  return PolicyCheck{"node", kPassed};
}

}  // namespace meshflow::runtime
