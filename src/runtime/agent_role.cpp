#include <array>

#include "meshflow/runtime/agent.hpp"
#include "runtime/enum_names.hpp"

namespace meshflow {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kRoleNames = {"orchestrator", "planner", "researcher",
                                                        "executor",     "critic",  "guardian"};

}  // namespace

std::string_view name_of(AgentRole role) noexcept { return runtime::name_in(kRoleNames, role); }

std::optional<AgentRole> agent_role_from(std::string_view name) noexcept {
  return runtime::value_in<AgentRole>(kRoleNames, name);
}

}  // namespace meshflow
