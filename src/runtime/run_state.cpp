#include "runtime/run_state.hpp"

namespace meshflow::runtime {

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
