#include "runtime/run_state.hpp"

#include "runtime/limits.hpp"

namespace meshflow::runtime {

void Services::warn(std::string sentence) {
  const std::lock_guard lock(warnings_mutex_);
  if (warnings_.size() < kWarningsMax) warnings_.push_back(std::move(sentence));
}

std::vector<std::string> Services::warnings() const {
  const std::lock_guard lock(warnings_mutex_);
  return warnings_;
}

AgentFigures& RunState::figures_of(std::string_view agent_id, std::string_view node_id, AgentRole role) {
  for (AgentFigures& known : figures) {
    if (known.agent_id == agent_id && known.node_id == node_id) return known;
  }
  figures.push_back({std::string(agent_id), std::string(node_id), role, {}, 0});
  return figures.back();
}

void RunState::tell(RunEvent event) const {
  if (!options.listener) return;
  event.run_id = run_id;
  event.trace_id = trace_id;
  options.listener(event);
}

}  // namespace meshflow::runtime
