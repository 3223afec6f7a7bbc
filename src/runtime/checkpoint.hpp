// What a paused run leaves behind, so that another process can go on with it: text, by JSON.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "runtime/graph_run.hpp"
#include "runtime/run_state.hpp"

namespace meshflow::runtime {

inline constexpr int kCheckpointVersion = 1;

// The part of a checkpoint that is known before the workflow is: what the run was begun with and what it has used.
struct CheckpointHead {
  std::string run_id;
  std::string task;
  std::string variant;
  std::string conversation_id;
  Policy policy;
  telemetry::Context outer;  // the parent of the root, where it has one
  telemetry::TraceId trace_id;
  SpanIdentity root;
  BudgetTotals budget;
  std::vector<AgentFigures> figures;
  std::vector<BlockRecord> blocked;
  std::int64_t running_nanos = 0;
  RunSpans::Counts span_counts;
  std::string ledger_head;
};

// The state of a run that waits. Its frame has paused nodes and nothing under way. `spans`: recorded when it waits.
[[nodiscard]] std::string write_checkpoint(const RunState& run, const GraphFrame& frame, const RunSpans::Counts& spans);

// Damaged text and newer versions are Errors that say so.
[[nodiscard]] Result<CheckpointHead> read_checkpoint_head(std::string_view text);
// The frame of the same text, for the workflow's graph. `root`: the root span of the continued run.
[[nodiscard]] Result<std::unique_ptr<GraphFrame>> read_checkpoint_frame(std::string_view text,
                                                                        std::shared_ptr<const CompiledGraph> graph,
                                                                        const telemetry::Context& root);

}  // namespace meshflow::runtime
