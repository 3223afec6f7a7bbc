// The entry point: agents under a policy, each run a trace.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/agent.hpp"
#include "meshflow/runtime/policy.hpp"
#include "meshflow/runtime/run.hpp"
#include "meshflow/runtime/task.hpp"
#include "meshflow/runtime/workflow.hpp"
#include "meshflow/telemetry/tracer.hpp"

namespace meshflow {

class MeshCore;  // private

// Decides a request at once, in place of a person; nothing: the run pauses.
using Approver = std::function<std::optional<Decision>(const PendingRequest&)>;

struct MeshOptions {
  std::shared_ptr<ModelProvider> model = nullptr;  // default: chosen by the environment (MESHFLOW_MOCK, …)
  Approver approver = nullptr;
  int scheduler_threads = 0;                       // 0: the machine's cores, at least 2
  bool governance_spans = true;                    // policy_check, gate and ledger_write spans
};

struct RunOptions {
  std::shared_ptr<const Workflow> workflow = nullptr;  // default: the default team
  telemetry::Context parent = {};  // continue this trace; else TRACEPARENT of the environment, else new
  std::string variant = {};  // beats the policy's
  std::string conversation_id = {};
  RunListener listener = nullptr;
  std::stop_token stop = {};  // cancels the run: every span is ended, status failed
  // Stays until a person has decided, in another process say, instead of returning a paused run.
  bool wait_for_decision = false;
};

// Runs workflows. Thread-safe; runs are concurrent. Construction does nothing that can fail: a policy that cannot be
// used is the Error of the first run. Destruction waits for runs under way to be cancelled and for telemetry, at most
// telemetry_shutdown_timeout_ms. Not copied or moved.
class Mesh {
 public:
  explicit Mesh(Policy policy = {}, MeshOptions options = {});
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  // Before the first run; a second one of the same name replaces the first.
  Mesh& add(Agent agent);
  Mesh& add(Tool tool);

  // Runs `task`. A run that was started always gives a RunResult, whatever became of it; an Error means that it could
  // not start. Resumes the awaiter on a scheduler thread. The Mesh must outlive the task.
  [[nodiscard]] Task<Result<RunResult>> run(std::string task, RunOptions options = {});
  [[nodiscard]] Result<RunResult> run_blocking(std::string task, RunOptions options = {});
  // Calls `done` on a scheduler thread when the run has ended: for bindings with event loops of their own.
  void run_async(std::string task, RunOptions options, std::function<void(Result<RunResult>)> done);

  // Records a decision on a paused run. Who decided what is in the ledger before this returns.
  [[nodiscard]] Result<void> decide(std::string_view run_id, Decision decision);
  // Continues a decided run from its checkpoint, under its run id and trace id. `workflow`: the one it began with; may
  // be left out where it came from a file.
  [[nodiscard]] Result<RunResult> resume_blocking(std::string_view run_id, RunOptions options = {});
  void resume_async(std::string run_id, RunOptions options, std::function<void(Result<RunResult>)> done);
  [[nodiscard]] Result<std::vector<PendingRequest>> pending() const;

  // Returns once what was recorded has been written or sent, or false at the time limit.
  bool flush(std::chrono::milliseconds timeout = std::chrono::seconds(5));
  // Ends telemetry, for a last look at `warnings`: what cannot be sent within telemetry_shutdown_timeout_ms is dropped
  // and counted. Later runs are not recorded.
  void shutdown();
  [[nodiscard]] telemetry::TelemetryStats telemetry_stats() const;
  // One line for each exporter that dropped something; empty when all went well.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  std::unique_ptr<MeshCore> core_;
};

// The policy's fields and `run`, in one step.
using MeshFlow = Mesh;

}  // namespace meshflow
