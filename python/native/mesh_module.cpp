// Mesh: registration of agents and tools, and runs that tell a Python object when they have ended.
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include <pybind11/stl.h>

#include "callback.hpp"
#include "completion.hpp"
#include "errors.hpp"
#include "meshflow/runtime/mesh.hpp"
#include "meshflow/runtime/mock_model.hpp"
#include "modules.hpp"

namespace meshflow::python {
namespace {

enum class Body { none, function, coroutine };

Body body_from(const std::string& name) {
  if (name == "function") return Body::function;
  return name == "coroutine" ? Body::coroutine : Body::none;
}

Result<AgentReply> agent_reply(Outcome outcome) {
  if (outcome.error) return tl::unexpected(std::move(*outcome.error));
  return AgentReply{std::move(outcome.output), outcome.uncertainty};
}

Result<std::string> tool_reply(Outcome outcome) {
  if (outcome.error) return tl::unexpected(std::move(*outcome.error));
  return std::move(outcome.output);
}

Task<Result<AgentReply>> await_agent(std::shared_ptr<RunTable> runs, std::string id, AgentContext& context) {
  FunctionName function{"agent", std::move(id)};
  Outcome outcome = co_await call_coroutine(std::move(runs), std::move(function), context);
  co_return agent_reply(std::move(outcome));
}

Task<Result<std::string>> await_tool(std::shared_ptr<RunTable> runs, std::string name, AgentContext& context) {
  FunctionName function{"tool", std::move(name)};
  Outcome outcome = co_await call_coroutine(std::move(runs), std::move(function), context);
  co_return tool_reply(std::move(outcome));
}

// A model provider written in Python: its `complete` runs on the loop of the run that asks.
class PythonModel final : public ModelProvider {
 public:
  PythonModel(std::shared_ptr<RunTable> runs, const py::dict& fields)
      : runs_(std::move(runs)),
        name_(fields["name"].cast<std::string>()),
        default_model_(fields["default_model"].cast<std::string>()),
        server_address_(fields["server_address"].cast<std::string>()),
        server_port_(fields["server_port"].cast<int>()) {}
  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  [[nodiscard]] std::string default_model() const override { return default_model_; }
  [[nodiscard]] std::string server_address() const override { return server_address_; }
  [[nodiscard]] int server_port() const override { return server_port_; }
  [[nodiscard]] Task<Result<ModelReply>> complete(AgentContext& context, ModelRequest request) override {
    return ask(runs_, name_, context, std::make_shared<const ModelRequest>(std::move(request)));
  }

 private:
  static Task<Result<ModelReply>> ask(std::shared_ptr<RunTable> runs, std::string name, AgentContext& context,
                                      std::shared_ptr<const ModelRequest> request) {
    FunctionName function{"model", std::move(name), request};
    std::string model = request->model;
    Outcome outcome = co_await call_coroutine(std::move(runs), std::move(function), context);
    if (outcome.error) co_return tl::unexpected(std::move(*outcome.error));
    if (!outcome.reply) co_return fail(ErrorCode::internal, "the Python module gave no reply of a model");
    if (outcome.reply->model.empty()) outcome.reply->model = std::move(model);
    co_return std::move(*outcome.reply);
  }

  const std::shared_ptr<RunTable> runs_;
  const std::string name_;
  const std::string default_model_;
  const std::string server_address_;
  const int server_port_;
};

// A run under way, as Python holds it.
class RunHandle {
 public:
  [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
  void cancel() {
    const py::gil_scoped_release unlocked;
    stop_.request_stop();
  }

 private:
  std::stop_source stop_;
};

struct RunSettings {
  std::shared_ptr<const Workflow> workflow;
  std::string variant;
  std::string conversation_id;
  std::map<std::string, std::string> headers;
  bool wait_for_decision;
  bool has_listener;
};

RunSettings settings_from(const py::dict& given) {
  RunSettings settings;
  if (!given["workflow"].is_none())
    settings.workflow = std::make_shared<const Workflow>(given["workflow"].cast<Workflow>());
  settings.variant = given["variant"].cast<std::string>();
  settings.conversation_id = given["conversation_id"].cast<std::string>();
  settings.headers = given["headers"].cast<std::map<std::string, std::string>>();
  settings.wait_for_decision = given["wait_for_decision"].cast<bool>();
  settings.has_listener = given["has_listener"].cast<bool>();
  return settings;
}

// Which run a Python object stands for, from the moment that it has an id to its end.
struct RunUnderWay {
  std::shared_ptr<RunTable> runs;
  SharedObject run;
  std::string run_id = {};  // written before the first callback, read after the last
};

RunOptions options_from(RunSettings settings, const std::shared_ptr<RunUnderWay>& under_way, std::stop_token stop) {
  RunOptions options;
  options.workflow = std::move(settings.workflow);
  options.variant = std::move(settings.variant);
  options.conversation_id = std::move(settings.conversation_id);
  options.parent = telemetry::extract(telemetry::Carrier(settings.headers.begin(), settings.headers.end()),
                                      {telemetry::Propagator::tracecontext, telemetry::Propagator::baggage});
  options.stop = std::move(stop);
  options.wait_for_decision = settings.wait_for_decision;
  options.listener = [under_way, tells = settings.has_listener](const RunEvent& event) {
    if (event.kind == RunEvent::Kind::run_started) {
      under_way->run_id = event.run_id;
      under_way->runs->put(event.run_id, under_way->run);
    }
    if (tells) tell(under_way->run, "event", [&event] { return py::cast(event); });
  };
  return options;
}

void tell_finished(const std::shared_ptr<RunUnderWay>& under_way, Result<RunResult> result) {
  under_way->runs->erase(under_way->run_id);
  tell(std::move(under_way->run), "finished", [&result] { return outcome_of(std::move(result)); });
}

// Counts the calls of Python threads that are inside C++ without the interpreter's lock. Whoever closes a mesh waits
// for them: they could not come back into an interpreter that has begun to shut down.
class CallsUnderWay {
 public:
  class Call {
   public:
    explicit Call(CallsUnderWay& calls) noexcept : calls_(calls) { calls_.change(1); }
    ~Call() { calls_.change(-1); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    CallsUnderWay& calls_;
  };

  // Called without the interpreter's lock.
  void wait_for_none() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  void change(int by) {
    const std::lock_guard lock(mutex_);
    count_ += by;
    if (count_ == 0) none_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

class MeshHandle {
 private:
  [[nodiscard]] std::shared_ptr<Mesh> mesh() const {
    if (!mesh_) raise({ErrorCode::conflict, "this mesh is closed", std::nullopt, "make another one"});
    return mesh_;
  }

  // Calls what may take a while, without the interpreter's lock.
  template <typename Function>
  auto unlocked(Function function) {
    const CallsUnderWay::Call call(calls_);  // ends last: `close` then holds the last reference
    const std::shared_ptr<Mesh> used = mesh();
    const py::gil_scoped_release released;
    return function(*used);
  }

 public:
  // `model`: None, one of this module's, or the fields of one written in Python.
  MeshHandle(const Policy& policy, const py::object& model, bool has_approver, int threads) {
    MeshOptions options;
    if (py::isinstance<py::dict>(model)) {
      options.model = std::make_shared<PythonModel>(runs_, model.cast<py::dict>());
    } else if (!model.is_none()) {
      options.model = model.cast<std::shared_ptr<ModelProvider>>();
    }
    options.scheduler_threads = threads;
    if (has_approver) {
      options.approver = [runs = runs_](const PendingRequest& request) { return ask_approver(*runs, request); };
    }
    mesh_ = std::make_shared<Mesh>(policy, std::move(options));
  }
  ~MeshHandle() { close(); }
  MeshHandle(const MeshHandle&) = delete;
  MeshHandle& operator=(const MeshHandle&) = delete;

  // Without the interpreter's lock, which the runs may need in order to end; and never on a thread of the runtime's,
  // for which destruction waits.
  void close() {
    std::shared_ptr<Mesh> last = std::move(mesh_);
    if (!last) return;
    const py::gil_scoped_release unlocked;
    if (is_runtime_thread()) {
      std::thread([mesh = std::move(last)] {}).detach();
      return;
    }
    calls_.wait_for_none();
    last.reset();
  }

  void add_agent(const py::dict& fields) {
    Agent agent;
    agent.id = fields["id"].cast<std::string>();
    agent.role = role_or_raise(fields["role"].cast<std::string>());
    agent.prompt = fields["prompt"].cast<std::string>();
    agent.model = fields["model"].cast<std::string>();
    agent.tools = fields["tools"].cast<std::vector<std::string>>();
    agent.description = fields["description"].cast<std::string>();
    agent.version = fields["version"].cast<std::string>();
    const Body body = body_from(fields["body"].cast<std::string>());
    if (body == Body::function) {
      agent.body = AgentFunction([runs = runs_, id = agent.id](AgentContext& context) {
        return agent_reply(call_function(*runs, {"agent", id}, context));
      });
    } else if (body == Body::coroutine) {
      agent.body = AgentCoroutine(
          [runs = runs_, id = agent.id](AgentContext& context) { return await_agent(runs, id, context); });
    }
    mesh()->add(std::move(agent));
  }

  void add_tool(const py::dict& fields) {
    Tool tool;
    tool.name = fields["name"].cast<std::string>();
    tool.description = fields["description"].cast<std::string>();
    tool.risk = risk_or_raise(fields["risk"].cast<std::string>());
    tool.parameters_schema = fields["parameters_schema"].cast<std::string>();
    if (body_from(fields["body"].cast<std::string>()) == Body::coroutine) {
      tool.body = ToolCoroutine(
          [runs = runs_, name = tool.name](AgentContext& context) { return await_tool(runs, name, context); });
    } else {
      tool.body = ToolFunction([runs = runs_, name = tool.name](AgentContext& context) {
        return tool_reply(call_function(*runs, {"tool", name}, context));
      });
    }
    mesh()->add(std::move(tool));
  }

  std::shared_ptr<RunHandle> start(std::string task, const py::dict& settings, py::object run) {
    auto handle = std::make_shared<RunHandle>();
    auto under_way = std::make_shared<RunUnderWay>(RunUnderWay{runs_, share(std::move(run))});
    RunOptions options = options_from(settings_from(settings), under_way, handle->token());
    unlocked([&](Mesh& mesh) {
      mesh.run_async(std::move(task), std::move(options),
                     [under_way](Result<RunResult> result) { tell_finished(under_way, std::move(result)); });
    });
    return handle;
  }

  std::shared_ptr<RunHandle> resume(std::string run_id, const py::dict& settings, py::object run) {
    auto handle = std::make_shared<RunHandle>();
    auto under_way = std::make_shared<RunUnderWay>(RunUnderWay{runs_, share(std::move(run)), run_id});
    runs_->put(run_id, under_way->run);
    RunOptions options = options_from(settings_from(settings), under_way, handle->token());
    unlocked([&](Mesh& mesh) {
      mesh.resume_async(std::move(run_id), std::move(options),
                        [under_way](Result<RunResult> result) { tell_finished(under_way, std::move(result)); });
    });
    return handle;
  }

  void decide(const std::string& run_id, bool approved, const std::string& by, const std::string& note) {
    value_or_raise(unlocked([&](Mesh& mesh) { return mesh.decide(run_id, {approved, by, note}); }));
  }
  std::vector<PendingRequest> pending() {
    return value_or_raise(unlocked([](Mesh& mesh) { return mesh.pending(); }));
  }
  bool flush(double timeout_s) {
    const std::chrono::milliseconds timeout(static_cast<std::int64_t>(timeout_s * 1000));
    return unlocked([timeout](Mesh& mesh) { return mesh.flush(timeout); });
  }
  std::vector<std::string> warnings() {
    return unlocked([](Mesh& mesh) { return mesh.warnings(); });
  }

 private:
  std::shared_ptr<RunTable> runs_ = std::make_shared<RunTable>();
  CallsUnderWay calls_;
  std::shared_ptr<Mesh> mesh_;  // shared with calls under way, so that `close` cannot pull it away from them
};

}  // namespace

void define_mesh(py::module_& module) {
  py::class_<ModelProvider, std::shared_ptr<ModelProvider>>(module, "Model")
      .def_property_readonly("name", [](const ModelProvider& model) { return std::string(model.name()); });
  module.def("mock_model", [](std::int64_t latency_min_ms, std::int64_t latency_max_ms) {
    return mock_model({std::chrono::milliseconds(latency_min_ms), std::chrono::milliseconds(latency_max_ms)});
  });
  py::class_<CoroutineEnd, std::shared_ptr<CoroutineEnd>>(module, "CoroutineEnd").def("finish", &CoroutineEnd::finish);
  py::class_<RunHandle, std::shared_ptr<RunHandle>>(module, "RunHandle").def("cancel", &RunHandle::cancel);
  py::class_<MeshHandle>(module, "Mesh")
      .def(py::init<const Policy&, const py::object&, bool, int>())
      .def("add_agent", &MeshHandle::add_agent)
      .def("add_tool", &MeshHandle::add_tool)
      .def("start", &MeshHandle::start)
      .def("resume", &MeshHandle::resume)
      .def("decide", &MeshHandle::decide)
      .def("pending", &MeshHandle::pending)
      .def("flush", &MeshHandle::flush)
      .def("warnings", &MeshHandle::warnings)
      .def("close", &MeshHandle::close);
}

}  // namespace meshflow::python
