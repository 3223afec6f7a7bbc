// The decisions of governance as pure functions: gates after an agent, checks before a run and a node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/policy.hpp"
#include "meshflow/runtime/run.hpp"
#include "meshflow/runtime/usage.hpp"
#include "runtime/budget.hpp"
#include "runtime/guardian.hpp"

namespace meshflow::runtime {

enum class GateResult { passed, blocked, pending };
[[nodiscard]] std::string_view name_of(GateResult result) noexcept;

// What a gate compared: nothing, a number, or a word that lives forever ("irreversible").
using GateFigure = std::variant<std::monostate, double, std::string_view>;

// One evaluation of one gate. Never holds content: a rule's id, not what it found.
struct GateVerdict {
  std::string_view gate;  // content_policy, cost, uncertainty, compliance, human; lives forever
  GateResult result = GateResult::passed;
  GateFigure threshold = {};
  GateFigure value = {};
  std::string rule_id = {};  // which rule decided
  std::string reason = {};   // a sentence; empty when passed
};

// What is known of a step when its agent has answered.
struct StepFacts {
  std::string_view output;
  std::int64_t cost_nano_usd = 0;
  std::optional<double> uncertainty = std::nullopt;
  std::optional<Risk> risk = std::nullopt;  // of what the step did or is about to do
  std::optional<AgentRole> role = std::nullopt;  // evidence and citations are asked of researchers and executors
  bool approved = false;  // a person has approved this step already: the human gate does not ask again
};

// Each gate by itself. All but `human_gate` decide at once.
[[nodiscard]] GateVerdict content_policy_gate(const Guardian& guardian, std::string_view output);
[[nodiscard]] GateVerdict cost_gate(const ResolvedPolicy& policy, std::int64_t step_cost_nano_usd);
[[nodiscard]] GateVerdict uncertainty_gate(const Policy& policy, const std::optional<double>& uncertainty);
[[nodiscard]] GateVerdict compliance_gate(const Policy& policy, const Guardian& guardian, const StepFacts& step);
// Pending where a person must be asked: by the risk of an action, or by doubt. Also for an action before it happens.
[[nodiscard]] GateVerdict human_gate(const Policy& policy, const std::optional<Risk>& risk,
                                     const std::optional<double>& uncertainty);
// For a node of kind human, which always asks, also where the policy's human_in_loop is off.
[[nodiscard]] GateVerdict human_node_gate();
// The second evaluation, once a person has decided, or nobody has in time.
[[nodiscard]] GateVerdict decided_human_gate(const Decision& decision);
[[nodiscard]] GateVerdict expired_human_gate(double timeout_s);

// The gates that this policy has, in their fixed order: content_policy (enable_guardian), cost (step_cost_block_usd),
// uncertainty, compliance (a compliance mode, require_evidence or require_citations), human (human_in_loop; only where
// none before it blocked). The first that is blocked or pending decides.
[[nodiscard]] std::vector<GateVerdict> gates_after_agent(const ResolvedPolicy& policy, const Guardian& guardian,
                                                         const StepFacts& step);
// The first verdict that is not passed, or null.
[[nodiscard]] const GateVerdict* deciding(const std::vector<GateVerdict>& verdicts) noexcept;

// What a person reads of an output: where the policy scrubs health data the output without it, else the output as it
// is.
[[nodiscard]] std::string governed_output(const Policy& policy, const Guardian& guardian, std::string output);

// The outcome of checking whether something may begin, for its span.
struct PolicyCheck {
  std::string_view name;  // run, node, model_call; lives forever
  std::string_view result;  // passed, blocked; lives forever
  std::string rule_id = {};  // which check decided: budget.usd, steps.max, time.running, guardian.RULE, circuit_breaker
  std::string reason = {};  // empty when passed
  [[nodiscard]] bool passed() const noexcept { return result == "passed"; }
};

// Before a run: the task's text passes the guardian (where it is on), and the budgets are not used up (a resumed run).
[[nodiscard]] PolicyCheck check_before_run(const ResolvedPolicy& policy, const Guardian& guardian,
                                           std::string_view task, const BudgetMeter& budget);
// Before a node: steps, running time and budgets are left, and what the node is asked passes the guardian. Does not
// count the step: BudgetMeter::begin_step does. `input`: what earlier nodes and tools gave; empty where there is
// nothing new.
[[nodiscard]] PolicyCheck check_before_node(const ResolvedPolicy& policy, const Guardian& guardian,
                                            std::string_view input, const BudgetMeter& budget,
                                            std::int64_t running_nanos);
// A check that failed for the reason of an Error (a budget's, a circuit breaker's).
[[nodiscard]] PolicyCheck check_failed(std::string_view name, const Error& error);

}  // namespace meshflow::runtime
