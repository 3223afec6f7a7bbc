// Workflow files from outside: never a crash, an Error always has its place, and what the check passes runs to its end.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "runtime/graph.hpp"

namespace meshflow::runtime {
namespace {

constexpr int kStepsMax = 2000;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view input) {
  if (input.find("workflow") != std::string_view::npos) return;  // subgraphs would read files
  const auto workflow = Workflow::from_yaml(input, "fuzz.yaml");
  if (!workflow) {
    require(workflow.error().position.has_value());
    return;
  }
  auto graph = compile(*workflow);
  if (!graph) return;
  GraphState state(std::move(*graph), "task");
  const auto begun = state.start();
  std::vector<NodeIndex> running(begun.begin(), begun.end());
  for (int step = 0; step < kStepsMax && !running.empty(); ++step) {
    const auto node = running.back();
    running.pop_back();
    static_cast<void>(state.input_of(node));
    const auto ended = step % 7 == 6 ? NodeOutcome::Ended::blocked : NodeOutcome::Ended::ok;
    const auto ready = state.node_ended(node, {.ended = ended, .output = step % 2 == 0 ? "REVISE" : "fine"});
    running.insert(running.end(), ready.begin(), ready.end());
    require(state.waiting().size() == running.size());
    if (step % 50 == 49) {
      auto restored = GraphState::deserialize(*compile(*workflow), state.serialize());
      require(restored && restored->waiting() == state.waiting());
    }
  }
  require(!running.empty() || state.finished());
}

}  // namespace
}  // namespace meshflow::runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::runtime::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
