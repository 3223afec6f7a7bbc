#include <algorithm>
#include <array>

#include "meshflow/runtime/agent.hpp"

namespace meshflow {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kRoleNames = {"orchestrator", "planner", "researcher",
                                                        "executor",     "critic",  "guardian"};

}  // namespace

std::string_view name_of(AgentRole role) noexcept { return kRoleNames[static_cast<std::size_t>(role)]; }

std::optional<AgentRole> agent_role_from(std::string_view name) noexcept {
  const auto found = std::find(kRoleNames.begin(), kRoleNames.end(), name);
  if (found == kRoleNames.end()) return std::nullopt;
  return static_cast<AgentRole>(found - kRoleNames.begin());
}

}  // namespace meshflow
