#include "meshflow/runtime/policy.hpp"

#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/policy_fields.hpp"
#include "runtime/policy_values.hpp"

namespace meshflow {
namespace {

// What a mode gives to the fields that are not given explicitly.
struct ModeDefaults {
  double budget_usd;
  bool enable_guardian;
  bool human_in_loop;
  Risk from_risk;
  std::string_view compliance;
  bool require_evidence;
  bool require_citations;
  bool scrub_health_data;
};

// clang-format off
constexpr ModeDefaults kModeDefaults[] = {
    // budget, guardian, people, from this risk,      compliance, evidence, citations, scrub
    {0.25,     false,    false,  Risk::irreversible,  "none",     false,    false,     false},  // dev
    {1.0,      true,     false,  Risk::irreversible,  "none",     false,    false,     false},  // standard
    {2.0,      true,     true,   Risk::irreversible,  "none",     true,     false,     false},  // regulated
    {5.0,      true,     true,   Risk::external_io,   "none",     false,    true,      false},  // legal_critical
    {2.0,      true,     true,   Risk::irreversible,  "hipaa",    false,    false,     true},   // hipaa
};
// clang-format on

template <typename T, typename U>
void fill(std::optional<T>& field, const U& value) {
  if (!field) field = T(value);
}

std::int64_t to_billionths(double amount) { return static_cast<std::int64_t>(std::llround(amount * 1e9)); }

}  // namespace

Result<ResolvedPolicy> resolve(const Policy& policy) {
  for (const runtime::PolicyField& field : runtime::policy_fields())
    MESHFLOW_CHECK(runtime::check_field(field, policy));
  ResolvedPolicy resolved{policy};
  Policy& fields = resolved.fields;
  const ModeDefaults& mode = kModeDefaults[static_cast<std::size_t>(policy.mode)];
  fill(fields.budget_usd, mode.budget_usd);
  fill(fields.enable_guardian, mode.enable_guardian);
  fill(fields.human_in_loop.enabled, mode.human_in_loop);
  fill(fields.human_in_loop.from_risk, mode.from_risk);
  fill(fields.compliance, mode.compliance);
  fill(fields.require_evidence, mode.require_evidence);
  fill(fields.require_citations, mode.require_citations);
  fill(fields.scrub_health_data, mode.scrub_health_data);
  resolved.budget_nano_usd = to_billionths(*fields.budget_usd);
  resolved.step_cost_block_nano_usd = to_billionths(fields.step_cost_block_usd);
  resolved.carbon_budget_nanograms = to_billionths(fields.carbon_budget_g);
  return resolved;
}

Result<void> set_field(Policy& policy, std::string_view field, std::string_view value) {
  MESHFLOW_TRY(const auto* found, runtime::find_field(field));
  MESHFLOW_TRY(const auto typed, runtime::value_from_text(*found, value));
  return runtime::assign(*found, policy, typed);
}

Result<void> set_field_value(Policy& policy, std::string_view field, const FieldValue& value) {
  MESHFLOW_TRY(const auto* found, runtime::find_field(field));
  return runtime::assign(*found, policy, value);
}

Result<Policy> policy_from_yaml(std::string_view yaml, const std::string& file, Policy base) {
  MESHFLOW_TRY(const auto value, runtime::yaml::parse(yaml, file));
  return runtime::policy_from_value(value, std::move(base));
}

Result<Policy> policy_from_environment(Policy base) {
  return runtime::policy_from(Environment::of_process(), std::move(base));
}

std::string_view name_of(PolicyMode mode) noexcept { return runtime::kModeNames[static_cast<std::size_t>(mode)]; }
std::string_view name_of(Risk risk) noexcept { return runtime::kRiskNames[static_cast<std::size_t>(risk)]; }

}  // namespace meshflow

namespace meshflow::runtime {
namespace {

// "human_in_loop.timeout_s" → "MESHFLOW_HUMAN_IN_LOOP_TIMEOUT_S".
std::string variable_of(std::string_view field) {
  if (field == "data_dir") return "MESHFLOW_DATA";
  std::string name = "MESHFLOW_";
  for (const char letter : field) {
    name += letter == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return name;
}

}  // namespace

Result<Policy> policy_from(const Environment& environment, Policy base) {
  for (const PolicyField& field : policy_fields()) {
    const std::string variable = variable_of(field.name);
    const auto value = environment.get(variable);
    if (!value) continue;
    if (auto set = set_field(base, field.name, *value); !set) {
      Error error = std::move(set).error();
      error.message = fmt::format("{}: {}", variable, error.message);
      return tl::unexpected(std::move(error));
    }
  }
  return base;
}

}  // namespace meshflow::runtime
