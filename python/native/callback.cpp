#include "callback.hpp"

#include <atomic>
#include <utility>

#include <pybind11/stl.h>

#include "completion.hpp"
#include "context.hpp"
#include "errors.hpp"

namespace meshflow::python {
namespace {

Error interpreter_closing() {
  return {ErrorCode::cancelled, "the Python interpreter is shutting down", std::nullopt, {}};
}

template <typename T>
std::optional<T> optional_from(const py::dict& fields, const char* name) {
  return fields[name].cast<std::optional<T>>();
}

// What a model answered: every field is there, checked by meshflow/_model.py.
ModelReply reply_from(const py::dict& fields) {
  ModelReply reply;
  reply.text = fields["text"].cast<std::string>();
  reply.model = fields["model"].cast<std::string>();
  reply.id = fields["id"].cast<std::string>();
  reply.finish_reason = fields["finish_reason"].cast<std::string>();
  for (const auto& call : fields["tool_calls"].cast<std::vector<std::tuple<std::string, std::string, std::string>>>()) {
    reply.tool_calls.push_back({std::get<0>(call), std::get<1>(call), std::get<2>(call)});
  }
  const auto input = optional_from<std::int64_t>(fields, "input_tokens");
  const auto output = optional_from<std::int64_t>(fields, "output_tokens");
  if (input && output) {
    reply.tokens = Tokens{*input, *output, fields["cached_tokens"].cast<std::int64_t>(),
                          fields["cache_written_tokens"].cast<std::int64_t>()};
  }
  reply.cost_nano_usd = optional_from<std::int64_t>(fields, "cost_nano_usd");
  reply.energy_microwatt_hours = optional_from<std::int64_t>(fields, "energy_microwatt_hours");
  reply.uncertainty = optional_from<double>(fields, "uncertainty");
  return reply;
}

// (output, uncertainty), the fields of a model's reply, or a MeshFlowError.
Outcome outcome_from(const py::object& given) {
  if (py::isinstance<py::dict>(given)) return {.reply = reply_from(given.cast<py::dict>())};
  if (py::isinstance<py::tuple>(given)) {
    const auto pair = given.cast<py::tuple>();
    return {.output = pair[0].cast<std::string>(), .uncertainty = pair[1].cast<std::optional<double>>()};
  }
  return {.error =
              Error{error_code_from(given.attr("code").cast<std::string>()), given.attr("message").cast<std::string>(),
                    std::nullopt, given.attr("hint").cast<std::string>()}};
}

// Our own Python code failed.
Error broken_binding(const py::error_already_set& error) {
  return {ErrorCode::internal, std::string("the Python module failed: ") + error.what(), std::nullopt, {}};
}

// Starts the Python coroutine. Everything by value: the coroutine that waits may be gone before this returns.
void start_on_loop(std::shared_ptr<Completion> completion, std::shared_ptr<RunTable> runs, FunctionName function,
                   AgentContext& context) {
  const SharedObject run = runs->find(context.run_id());
  Error failure = interpreter_closing();
  if (const EnterPython python; run && python) {
    try {
      auto shown = std::make_shared<Context>(context, function.request);
      auto end = std::make_shared<CoroutineEnd>(completion, shown);
      (*run).attr("start")(function.kind, function.name, py::cast(shown), py::cast(end));
      return;
    } catch (const py::error_already_set& error) {
      failure = broken_binding(error);
    }
  }
  completion->finish({.error = std::move(failure)});
}

struct StartAndWait {
  std::shared_ptr<Completion> completion;
  std::shared_ptr<RunTable> runs;
  FunctionName function;
  AgentContext& context;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const {
    completion->wait(waiter);
    start_on_loop(completion, runs, function, context);
  }
  [[nodiscard]] Outcome await_resume() const { return completion->take(); }
};

}  // namespace

void RunTable::put(const std::string& run_id, SharedObject run) {
  const std::lock_guard lock(mutex_);
  runs_[run_id] = std::move(run);
}

void RunTable::erase(const std::string& run_id) {
  SharedObject dropped;  // let go of after the lock: its last reference enters the interpreter
  const std::lock_guard lock(mutex_);
  if (const auto found = runs_.find(run_id); found != runs_.end()) {
    dropped = std::move(found->second);
    runs_.erase(found);
  }
}

SharedObject RunTable::find(const std::string& run_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run_id);
  return found == runs_.end() ? nullptr : found->second;
}

void Completion::finish(Outcome outcome) {
  if (finished_.exchange(true)) return;
  outcome_ = std::move(outcome);
  waiter_.resume();
}

void CoroutineEnd::finish(const py::object& given) {
  context_->close();
  Outcome outcome = outcome_from(given);
  const py::gil_scoped_release unlocked;
  completion_->finish(std::move(outcome));
}

CoroutineEnd::~CoroutineEnd() {
  context_->close();
  if (!interpreter_is_open()) return;  // what would be resumed is being torn down
  const py::gil_scoped_release unlocked;
  completion_->finish(
      {.error = Error{ErrorCode::cancelled, "the event loop ended before the function did", std::nullopt, {}}});
}

Outcome call_function(const RunTable& runs, const FunctionName& function, AgentContext& context) {
  const SharedObject run = runs.find(context.run_id());
  const EnterPython python;
  if (!run || !python) return {.error = interpreter_closing()};
  auto shown = std::make_shared<Context>(context);
  try {
    const py::object given = (*run).attr("call")(function.kind, function.name, py::cast(shown));
    shown->close();
    return outcome_from(given);
  } catch (const py::error_already_set& error) {
    shown->close();
    return {.error = broken_binding(error)};
  }
}

Task<Outcome> call_coroutine(std::shared_ptr<RunTable> runs, FunctionName function, AgentContext& context) {
  // A named object: GCC 12 destroys an aggregate that is a temporary in a co_await expression twice (GCC bug 101367).
  const StartAndWait waiting{std::make_shared<Completion>(), std::move(runs), std::move(function), context};
  co_return co_await waiting;
}

std::optional<Decision> ask_approver(const RunTable& runs, const PendingRequest& request) {
  const SharedObject run = runs.find(request.run_id);
  const EnterPython python;
  if (!run || !python) return std::nullopt;
  try {
    const py::object given = (*run).attr("approve")(py::cast(request));
    if (given.is_none()) return std::nullopt;
    const auto [approved, by, note] = given.cast<std::tuple<bool, std::string, std::string>>();
    return Decision{approved, by, note};
  } catch (const py::error_already_set& error) {
    return Decision{false, "approver", broken_binding(error).message};
  }
}

void tell(SharedObject listener, const char* method, const std::function<py::object()>& outcome) {
  const EnterPython python;
  if (!python) return;
  try {
    if (outcome) {
      (*listener).attr(method)(outcome());
    } else {
      (*listener).attr(method)();
    }
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("a meshflow callback");
  }
  listener.reset();
}

}  // namespace meshflow::python
