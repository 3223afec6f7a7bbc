// Python functions as bodies of agents and tools: plain ones on a thread that may block, coroutines on the loop of
// whoever awaits the run.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "interpreter.hpp"
#include "meshflow/runtime/agent.hpp"
#include "meshflow/runtime/run.hpp"
#include "meshflow/runtime/task.hpp"

namespace meshflow::python {

// The Python side (meshflow._mesh._Run) of each run under way, by run id. Thread-safe.
class RunTable {
 public:
  void put(const std::string& run_id, SharedObject run);
  void erase(const std::string& run_id);
  [[nodiscard]] SharedObject find(const std::string& run_id) const;  // null: the run is over

 private:
  mutable std::mutex mutex_;
  std::map<std::string, SharedObject> runs_;
};

// Which function: `kind` is "agent", "tool" or "model".
struct FunctionName {
  const char* kind;
  std::string name;
  std::shared_ptr<const ModelRequest> request = nullptr;  // what a model is asked; shared with the context it is shown
};

// What a function gave.
struct Outcome {
  std::string output = {};
  std::optional<double> uncertainty = std::nullopt;
  std::optional<ModelReply> reply = std::nullopt;  // of a model
  std::optional<Error> error = std::nullopt;
};

// Calls a plain function and waits for it.
[[nodiscard]] Outcome call_function(const RunTable& runs, const FunctionName& function, AgentContext& context);
// Starts a coroutine function on the run's loop, and ends when that has ended.
[[nodiscard]] Task<Outcome> call_coroutine(std::shared_ptr<RunTable> runs, FunctionName function,
                                           AgentContext& context);
// The decision of the run's approver; nothing: it leaves the decision to a person.
[[nodiscard]] std::optional<Decision> ask_approver(const RunTable& runs, const PendingRequest& request);

// Tells the `finished` method of a Python object, from a thread of the runtime's; drops both references there.
void tell(SharedObject listener, const char* method, const std::function<py::object()>& outcome);

}  // namespace meshflow::python
