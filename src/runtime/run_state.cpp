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
  const auto key_of = [](std::string_view agent, std::string_view node) {
    return std::string(agent).append(1, '\0').append(node);
  };
  if (figures_index_.size() != figures.size()) {  // a resumed run begins with those of its checkpoint
    for (std::size_t at = 0; at < figures.size(); ++at)
      figures_index_.emplace(key_of(figures[at].agent_id, figures[at].node_id), at);
  }
  const auto [found, is_new] = figures_index_.try_emplace(key_of(agent_id, node_id), figures.size());
  if (is_new) figures.push_back({std::string(agent_id), std::string(node_id), role, {}, 0});
  return figures[found->second];
}

void RunState::tell(RunEvent event) const {
  if (!listener) return;
  event.run_id = run_id;
  event.trace_id = trace_id;
  listener(event);
}

}  // namespace meshflow::runtime
