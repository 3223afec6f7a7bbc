// A run from its first span to its result, and from a pause onwards.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "meshflow/runtime/mesh.hpp"
#include "runtime/graph.hpp"
#include "runtime/run_state.hpp"

namespace meshflow::runtime {

// Compiled workflows, so that many runs of one workflow share one graph. Thread-safe.
class GraphCache {
 public:
  [[nodiscard]] Result<std::shared_ptr<const CompiledGraph>> get(const std::shared_ptr<const Workflow>& workflow);

 private:
  // Past it the entries of workflows that are gone are dropped, and then all: they are only made again.
  static constexpr std::size_t kEntriesMax = 64;
  struct Entry {
    std::weak_ptr<const Workflow> workflow;
    std::shared_ptr<const CompiledGraph> graph;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

// A policy checked and ready to govern.
[[nodiscard]] Result<std::shared_ptr<const Governance>> make_governance(const Policy& policy);

// Held by pointer: a result is large, and each coroutine on its way would keep room for it while the run waits.
using RunOutcome = Result<std::unique_ptr<RunResult>>;

// Both resume on a scheduler thread. An Error means that the run could not start or go on; what happens to it later is
// in the result.
Task<RunOutcome> begin_run(std::shared_ptr<Services> services, std::shared_ptr<GraphCache> graphs, std::string task,
                           RunOptions options);
Task<RunOutcome> continue_run(std::shared_ptr<Services> services, std::shared_ptr<GraphCache> graphs,
                              std::string run_id, RunOptions options);

}  // namespace meshflow::runtime
