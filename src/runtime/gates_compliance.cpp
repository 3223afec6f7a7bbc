#include "runtime/gates_compliance.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include <fmt/format.h>
#include <re2/re2.h>

#include "runtime/gates.hpp"
#include "runtime/guardian_set.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::string_view kCompliance = "compliance";

// What a mode demands. `forbidden`: prefixes of rule ids that must not be found in an output, whatever their severity.
struct Demands {
  std::string_view mode;
  std::array<std::string_view, 3> forbidden = {};
  bool no_health_data = false;
  bool evidence = false;   // an audit must be able to follow the answer
  bool oversight = false;  // actions with effects outside need a person who is asked
};

constexpr Demands kDemands[] = {
    {.mode = "hipaa", .forbidden = {"pii."}, .no_health_data = true},   // 45 CFR 164.502, 164.514
    {.mode = "gdpr", .forbidden = {"pii."}},                            // Art. 5(1)(c): data minimisation
    {.mode = "ccpa", .forbidden = {"pii."}},                            // Civ. Code 1798.100(c)
    {.mode = "pci", .forbidden = {"pii.card", "secret."}},              // PCI DSS 4.0, requirements 3 and 8
    {.mode = "sox", .evidence = true},                                  // section 404: figures that can be traced
    {.mode = "nerc", .forbidden = {"secret."}, .oversight = true},      // CIP-011: system information
    {.mode = "iso27001", .forbidden = {"secret.", "pii.national_id"}},  // Annex A 8.11, 8.12
    {.mode = "dora", .forbidden = {"secret.", "pii.card"}, .oversight = true},  // Art. 9
    {.mode = "eu-ai-act", .oversight = true},                           // Art. 14: human oversight
};

[[nodiscard]] const Demands* demands_of(const Policy& policy) noexcept {
  const std::string_view mode = policy.compliance ? std::string_view(*policy.compliance) : std::string_view("none");
  const auto found = std::find_if(std::begin(kDemands), std::end(kDemands),
                                  [&](const Demands& demands) { return demands.mode == mode; });
  return found == std::end(kDemands) ? nullptr : found;
}

[[nodiscard]] const Finding* forbidden_in(const Demands& demands, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    for (const std::string_view prefix : demands.forbidden) {
      if (!prefix.empty() && finding.rule_id.starts_with(prefix)) return &finding;
    }
    if (finding.rule_id == "guardian.too_large") return &finding;
  }
  return nullptr;
}

// Evidence and citations are for those who state facts; plans and reviews have none.
[[nodiscard]] bool states_facts(const StepFacts& step) noexcept {
  return !step.role || *step.role == AgentRole::researcher || *step.role == AgentRole::executor;
}

GateVerdict blocked(GateVerdict verdict, std::string rule_id, std::string reason) {
  verdict.result = GateResult::blocked;
  verdict.rule_id = std::move(rule_id);
  verdict.reason = std::move(reason);
  return verdict;
}

}  // namespace

bool has_compliance_rules(const Policy& policy) noexcept {
  return demands_of(policy) != nullptr || policy.require_evidence.value_or(false) ||
         policy.require_citations.value_or(false);
}

bool has_evidence(std::string_view output) {
  static const auto marker =
      compile_pattern(R"((?im)^[\s>*_#-]*(?:evidence|sources?|references?)[*_\s]*(?::|$)|https?://[^\s]+)");
  return re2::RE2::PartialMatch(re2::StringPiece(output.data(), output.size()), *marker);
}

bool has_citations(std::string_view output) {
  static const auto marker = compile_pattern(
      R"(\[\^?[0-9]{1,3}\]|\[@[^\]\s]+\]|\([A-Z][^()]{1,60},\s?[12][0-9]{3}[a-z]?\)|\b10\.[0-9]{4,9}/[^\s]+|§\s?[0-9]+|https?://[^\s]+)");
  return re2::RE2::PartialMatch(re2::StringPiece(output.data(), output.size()), *marker);
}

GateVerdict compliance_gate(const Policy& policy, const Guardian& guardian, const StepFacts& step) {
  const Demands* demands = demands_of(policy);
  GateVerdict verdict{.gate = kCompliance, .threshold = demands == nullptr ? std::string_view("none") : demands->mode};
  if (demands != nullptr) {
    const std::string rule_id = fmt::format("compliance.{}", demands->mode);
    const auto findings = guardian.scan_builtin(step.output, Direction::output);
    if (const Finding* found = forbidden_in(*demands, findings)) {
      return blocked(std::move(verdict), rule_id,
                     fmt::format("{} forbids what the rule {} found in the output", demands->mode, found->rule_id));
    }
    if (demands->no_health_data) {
      const auto health = guardian.scan_health_data(step.output);
      if (!health.empty()) {
        return blocked(
            std::move(verdict), rule_id,
            fmt::format("{} forbids what the rule {} found in the output", demands->mode, health.front().rule_id));
      }
    }
    if (demands->oversight && step.risk && *step.risk >= Risk::external_io &&
        !policy.human_in_loop.enabled.value_or(false) && !step.approved) {
      return blocked(std::move(verdict), rule_id,
                     fmt::format("{} demands that a person oversees actions that are {}, and human_in_loop is off",
                                 demands->mode, name_of(*step.risk)));
    }
  }
  if (!states_facts(step)) return verdict;
  const bool wants_evidence = policy.require_evidence.value_or(false) || (demands != nullptr && demands->evidence);
  if (wants_evidence && !has_evidence(step.output)) {
    return blocked(std::move(verdict), "compliance.evidence",
                   "the output gives no evidence: a line \"Evidence:\" or \"Sources:\", or a link");
  }
  if (policy.require_citations.value_or(false) && !has_citations(step.output)) {
    return blocked(std::move(verdict), "compliance.citations",
                   "the output gives no citations: [1], (Name, 2024), a DOI or a link");
  }
  return verdict;
}

}  // namespace meshflow::runtime
