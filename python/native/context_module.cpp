// The calls that a Python function makes into its run. Each takes a `done` that is called, on a thread of the
// runtime's, with the value or an exception; meshflow/_context.py makes blocking calls and awaitables of it.
#include <pybind11/stl.h>

#include "callback.hpp"
#include "context.hpp"
#include "errors.hpp"
#include "meshflow/telemetry/context.hpp"
#include "modules.hpp"

namespace meshflow::python {

AgentContext& Context::get() const {
  if (context_ == nullptr) {
    raise({ErrorCode::invalid_argument,
           "a context can be used only while the function that was given it runs",
           std::nullopt,
           {}});
  }
  return *context_;
}

namespace {

// A coroutine that nobody awaits: it ends by itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

// Another agent's answer is given as its text.
py::object reply_of(Result<AgentReply> result) {
  return outcome_of(std::move(result).map([](AgentReply reply) { return std::move(reply.output); }));
}
template <typename T>
py::object reply_of(Result<T> result) {
  return outcome_of(std::move(result));
}

template <typename T>
Detached deliver(Task<Result<T>> task, SharedObject done) {
  Result<T> result = fail(ErrorCode::internal, "the call gave nothing");
  try {
    result = co_await std::move(task);
  } catch (const std::exception& exception) {
    result = fail(ErrorCode::internal, exception.what());
  }
  tell(std::move(done), "__call__", [&result] { return reply_of(std::move(result)); });
}

template <typename T>
void start(Task<Result<T>> task, py::object done) {
  SharedObject shared = share(std::move(done));
  const py::gil_scoped_release unlocked;
  deliver(std::move(task), std::move(shared));
}

Message message_from(const std::string& author, const std::string& content) {
  Message message;
  if (author == "system") {
    message.author = Message::Author::system;
  } else if (author == "assistant") {
    message.author = Message::Author::assistant;
  } else if (author != "user") {
    raise(
        {ErrorCode::invalid_argument, "no message has the role " + author, std::nullopt, "system, user or assistant"});
  }
  message.content = content;
  return message;
}

using TextPair = std::pair<std::string, std::string>;
using TextTriple = std::tuple<std::string, std::string, std::string>;

struct ModelQuestion {
  std::string model;
  std::vector<TextPair> messages;  // author, content
  std::vector<TextTriple> tools;   // name, description, schema
  std::optional<std::int64_t> max_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
};

ModelRequest request_from(const ModelQuestion& question) {
  ModelRequest request;
  request.model = question.model;
  for (const auto& [author, content] : question.messages) request.messages.push_back(message_from(author, content));
  for (const auto& [name, description, schema] : question.tools) request.tools.push_back({name, description, schema});
  request.max_tokens = question.max_tokens;
  request.temperature = question.temperature;
  request.top_p = question.top_p;
  return request;
}

void call_model(const Context& context, std::string model, std::vector<TextPair> messages,
                std::vector<TextTriple> tools, std::optional<std::int64_t> max_tokens,
                std::optional<double> temperature, std::optional<double> top_p, py::object done) {
  const ModelQuestion question{std::move(model), std::move(messages), std::move(tools), max_tokens, temperature, top_p};
  start(context.get().call_model(request_from(question)), std::move(done));
}

std::string output_of(const Context& context, const std::string& node_id) {
  AgentContext& agent_context = context.get();
  const py::gil_scoped_release unlocked;  // it may wait for the run's other work
  return agent_context.output_of(node_id);
}

std::map<std::string, std::string> headers_of(const Context& context) {
  telemetry::Carrier carrier;
  telemetry::inject(context.get().trace_context(), carrier,
                    {telemetry::Propagator::tracecontext, telemetry::Propagator::baggage});
  return {carrier.begin(), carrier.end()};
}

void on_cancel(const Context& context, py::object tell_it) {
  SharedObject shared = share(std::move(tell_it));
  AgentContext& agent_context = context.get();
  const py::gil_scoped_release unlocked;
  agent_context.on_cancel([shared = std::move(shared)] { tell(shared, "__call__", nullptr); });
}

// A span of the user's own. The interpreter's lock keeps threads from touching it at once.
class OwnSpan {
 public:
  explicit OwnSpan(std::shared_ptr<telemetry::Span> span) : span_(std::move(span)) {}
  void set_attribute(const std::string& key, const py::object& value) {
    span_->set_attribute(key, attribute_from(value, key));
  }
  void add_event(const std::string& name, const py::dict& fields) {
    telemetry::Attributes attributes;
    for (const auto& [key, value] : fields) {
      const auto name_of_key = key.cast<std::string>();
      attributes.push_back({name_of_key, attribute_from(py::reinterpret_borrow<py::object>(value), name_of_key)});
    }
    span_->add_event(name, attributes);
  }
  void fail(const std::string& type, const std::string& message) {
    span_->record_exception(type, message);
    span_->set_attribute("error.type", type);
    span_->set_status(telemetry::StatusCode::error, message);
  }
  void end() { span_->end(); }
  [[nodiscard]] std::map<std::string, std::string> headers() const {
    telemetry::Carrier carrier;
    telemetry::inject(span_->context(), carrier, {telemetry::Propagator::tracecontext, telemetry::Propagator::baggage});
    return {carrier.begin(), carrier.end()};
  }
  [[nodiscard]] std::string span_id() const { return span_->context().span_id.hex(); }

 private:
  static telemetry::AttributeValue attribute_from(const py::object& value, const std::string& key) {
    if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
    if (py::isinstance<py::int_>(value)) return value.cast<std::int64_t>();
    if (py::isinstance<py::float_>(value)) return value.cast<double>();
    if (py::isinstance<py::str>(value)) return value.cast<std::string>();
    if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value)) {
      telemetry::AttributeArray array;
      for (const auto& item : value) array.push_back(attribute_from(py::reinterpret_borrow<py::object>(item), key));
      return array;
    }
    raise({ErrorCode::invalid_argument, "the attribute " + key + " is of a type that no attribute has", std::nullopt,
           "bool, int, float, str, or a list of them"});
  }

  std::shared_ptr<telemetry::Span> span_;  // the context looks at it too, and ends it
};

OwnSpan start_span(Context& context, const std::string& name) {
  auto span = std::make_shared<telemetry::Span>(context.get().start_span(name));
  context.watch(span);
  return OwnSpan(std::move(span));
}

const char* author_name(Message::Author author) noexcept {
  switch (author) {
    case Message::Author::system: return "system";
    case Message::Author::user: return "user";
    case Message::Author::assistant: return "assistant";
    case Message::Author::tool: return "tool";
  }
  return "user";
}

py::object request_of(const Context& context) {
  const ModelRequest* request = context.request();
  if (request == nullptr) return py::none();
  py::list messages;
  for (const Message& message : request->messages) {
    py::list calls;
    for (const ToolCall& call : message.tool_calls) calls.append(py::cast(call));
    messages.append(py::dict(py::arg("role") = author_name(message.author), py::arg("content") = message.content,
                             py::arg("tool_call_id") = message.tool_call_id, py::arg("tool_calls") = calls));
  }
  py::list tools;
  for (const ToolDescription& tool : request->tools) {
    tools.append(py::dict(py::arg("name") = tool.name, py::arg("description") = tool.description,
                          py::arg("parameters") = tool.parameters_schema));
  }
  return py::make_tuple(request->model, messages, tools, request->max_tokens, request->temperature, request->top_p);
}

void define_replies(py::module_& module) {
  py::class_<ToolCall>(module, "ToolCall")
      .def_readonly("id", &ToolCall::id)
      .def_readonly("name", &ToolCall::name)
      .def_readonly("arguments", &ToolCall::arguments);
  py::class_<ModelReply>(module, "ModelReply")
      .def_readonly("text", &ModelReply::text)
      .def_readonly("model", &ModelReply::model)
      .def_readonly("id", &ModelReply::id)
      .def_readonly("finish_reason", &ModelReply::finish_reason)
      .def_readonly("tool_calls", &ModelReply::tool_calls)
      .def_readonly("uncertainty", &ModelReply::uncertainty)
      .def_property_readonly("input_tokens", [](const ModelReply& it) { return it.tokens.value_or(Tokens{}).input; })
      .def_property_readonly("output_tokens", [](const ModelReply& it) { return it.tokens.value_or(Tokens{}).output; })
      .def("__repr__", [](const ModelReply& it) {
        return "<ModelReply " + it.model + ": " + py::repr(py::cast(it.text)).cast<std::string>() + ">";
      });
}

}  // namespace

void define_context(py::module_& module) {
  define_replies(module);
  py::class_<OwnSpan>(module, "Span")
      .def("set_attribute", &OwnSpan::set_attribute)
      .def("add_event", &OwnSpan::add_event)
      .def("fail", &OwnSpan::fail)
      .def("end", &OwnSpan::end)
      .def("headers", &OwnSpan::headers)
      .def_property_readonly("span_id", &OwnSpan::span_id);
  py::class_<Context, std::shared_ptr<Context>>(module, "Context")
      .def_property_readonly("run_id", [](const Context& it) { return it.get().run_id(); })
      .def_property_readonly("trace_id", [](const Context& it) { return it.get().trace_context().trace_id.hex(); })
      .def_property_readonly("node_id", [](const Context& it) { return it.get().node_id(); })
      .def_property_readonly("agent_id", [](const Context& it) { return it.get().agent_id(); })
      .def_property_readonly("role", [](const Context& it) { return name_of(it.get().role()); })
      .def_property_readonly("task", [](const Context& it) { return it.get().task(); })
      .def_property_readonly("input", [](const Context& it) { return it.get().input(); })
      .def_property_readonly("is_cancelled", [](const Context& it) { return it.get().is_cancelled(); })
      .def_property_readonly("request", &request_of)
      .def("headers", &headers_of)
      .def("start_span", &start_span)
      .def("output_of", &output_of)
      .def("on_cancel", &on_cancel)
      .def("call_model", &call_model)
      .def("call_tool",
           [](const Context& it, std::string name, std::string arguments, py::object done) {
             start(it.get().call_tool(std::move(name), std::move(arguments)), std::move(done));
           })
      .def("call_agent", [](const Context& it, std::string agent_id, std::string task, py::object done) {
        start(it.get().call_agent(std::move(agent_id), std::move(task)), std::move(done));
      });
}

}  // namespace meshflow::python
