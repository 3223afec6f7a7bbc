#include "runtime/run_state.hpp"

#include <algorithm>
#include <functional>

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
  constexpr std::size_t kScannedMax = 16;  // most runs have fewer, and need no index
  const auto is_it = [&](const AgentFigures& one) { return one.agent_id == agent_id && one.node_id == node_id; };
  const auto hash_of = [](std::string_view agent, std::string_view node) {
    const std::hash<std::string_view> hash;
    return hash(agent) * 31 + hash(node);
  };
  if (figures.size() <= kScannedMax) {
    const auto found = std::ranges::find_if(figures, is_it);
    if (found != figures.end()) return *found;
  } else {
    if (!figures_index_) figures_index_ = std::make_unique<std::unordered_multimap<std::size_t, std::size_t>>();
    for (std::size_t at = figures_index_->size(); at < figures.size(); ++at)
      figures_index_->emplace(hash_of(figures[at].agent_id, figures[at].node_id), at);
    const auto [first, last] = figures_index_->equal_range(hash_of(agent_id, node_id));
    for (auto one = first; one != last; ++one) {
      if (is_it(figures[one->second])) return figures[one->second];
    }
  }
  return figures.emplace_back(AgentFigures{std::string(agent_id), std::string(node_id), role, {}, 0});
}

void RunState::tell(RunEvent event) const {
  if (!listener) return;
  event.run_id = run_id;
  event.trace_id = spans.trace_id();
  listener(event);
}

}  // namespace meshflow::runtime
