// What comes out of a run, as read-only objects. Names and units as in C++; doubles beside the exact integers.
#include <pybind11/stl.h>

#include "errors.hpp"
#include "meshflow/runtime/run.hpp"
#include "meshflow/runtime/summary.hpp"
#include "modules.hpp"

namespace meshflow::python {
namespace {

std::string quoted(const std::string& text) { return py::repr(py::cast(text)).cast<std::string>(); }

template <typename Class>
void define_usage(Class& owner) {
  using Owner = typename Class::type;
  owner.def_property_readonly("cost_usd", [](const Owner& it) { return it.usage.cost_usd(); })
      .def_property_readonly("cost_nano_usd", [](const Owner& it) { return it.usage.cost_nano_usd; })
      .def_property_readonly("tokens", [](const Owner& it) { return it.usage.tokens.total(); })
      .def_property_readonly("input_tokens", [](const Owner& it) { return it.usage.tokens.input; })
      .def_property_readonly("output_tokens", [](const Owner& it) { return it.usage.tokens.output; })
      .def_property_readonly("cached_tokens", [](const Owner& it) { return it.usage.tokens.cached; })
      .def_property_readonly("carbon_g", [](const Owner& it) { return it.usage.carbon_g(); })
      .def_property_readonly("carbon_nanograms", [](const Owner& it) { return it.usage.carbon.nanograms; })
      .def_property_readonly("carbon_low_nanograms", [](const Owner& it) { return it.usage.carbon.low_nanograms; })
      .def_property_readonly("carbon_high_nanograms", [](const Owner& it) { return it.usage.carbon.high_nanograms; })
      .def_property_readonly("model_calls", [](const Owner& it) { return it.usage.model_calls; });
}

void define_agent_figures(py::module_& module) {
  py::class_<AgentFigures> figures(module, "AgentFigures");
  figures.def_readonly("agent_id", &AgentFigures::agent_id)
      .def_readonly("node_id", &AgentFigures::node_id)
      .def_property_readonly("role", [](const AgentFigures& it) { return name_of(it.role); })
      .def_readonly("executions", &AgentFigures::executions)
      .def("__repr__", [](const AgentFigures& it) {
        return "<AgentFigures " + it.agent_id + " at " + it.node_id +
               ": cost_usd=" + nano_text(it.usage.cost_nano_usd) +
               " tokens=" + std::to_string(it.usage.tokens.total()) + ">";
      });
  define_usage(figures);
}

void define_blocks(py::module_& module) {
  py::class_<BlockedSpan>(module, "BlockedSpan")
      .def_readonly("node_id", &BlockedSpan::node_id)
      .def_readonly("agent_id", &BlockedSpan::agent_id)
      .def_readonly("role", &BlockedSpan::role)
      .def_readonly("gate", &BlockedSpan::gate)
      .def_readonly("rule_id", &BlockedSpan::rule_id)
      .def_readonly("reason", &BlockedSpan::reason)
      .def_readonly("span_id", &BlockedSpan::span_id)
      .def_readonly("followed_by", &BlockedSpan::followed_by)
      .def("__repr__", [](const BlockedSpan& it) {
        return "<BlockedSpan " + it.node_id + ": " + quoted(it.reason) + " followed_by=" + quoted(it.followed_by) + ">";
      });
  py::class_<PendingRequest>(module, "PendingRequest")
      .def_readonly("run_id", &PendingRequest::run_id)
      .def_readonly("node_id", &PendingRequest::node_id)
      .def_readonly("reason", &PendingRequest::reason)
      .def_readonly("prompt", &PendingRequest::prompt)
      .def_readonly("content_digest", &PendingRequest::content_digest)
      .def_readonly("span_id", &PendingRequest::span_id)
      .def_readonly("role", &PendingRequest::role)
      .def_readonly("risk", &PendingRequest::risk)
      .def_readonly("rule_id", &PendingRequest::rule_id)
      .def_readonly("threshold", &PendingRequest::threshold)
      .def_readonly("value", &PendingRequest::value)
      .def_property_readonly("since",
                             [](const PendingRequest& it) { return static_cast<double>(it.since_unix_nanos) / 1e9; })
      .def_property_readonly("expires",
                             [](const PendingRequest& it) { return static_cast<double>(it.expires_unix_nanos) / 1e9; })
      .def("__repr__", [](const PendingRequest& it) {
        return "<PendingRequest " + it.run_id + " at " + it.node_id + ": " + quoted(it.reason) + ">";
      });
}

void define_run_result(py::module_& module) {
  // Dynamic attributes: `error` keeps the exception that code in Python raised.
  py::class_<RunResult> result(module, "RunResult", py::dynamic_attr());
  result.def_readonly("run_id", &RunResult::run_id)
      .def_readonly("trace_id", &RunResult::trace_id)
      .def_property_readonly("status", [](const RunResult& it) { return name_of(it.status); })
      .def_readonly("output", &RunResult::output)
      .def_property_readonly("_error",
                             [](const RunResult& it) { return it.error ? exception_of(*it.error) : py::none(); })
      .def_property_readonly("duration_ms",
                             [](const RunResult& it) { return static_cast<double>(it.duration_nanos) / 1e6; })
      .def_readonly("duration_nanos", &RunResult::duration_nanos)
      .def_readonly("agents", &RunResult::agents)
      .def_readonly("blocked", &RunResult::blocked)
      .def_readonly("pending", &RunResult::pending)
      .def_readonly("ledger_head", &RunResult::ledger_head)
      .def_property_readonly("span_count", &RunResult::span_count)
      .def_property_readonly("spans_by_name",
                             [](const RunResult& it) {
                               py::dict counts;
                               for (const auto& [name, count] : it.spans_by_name) counts[py::str(name)] = count;
                               return counts;
                             })
      .def("summary", &summary_text)
      .def("__repr__", [](const RunResult& it) {
        return "<RunResult " + it.run_id + " trace_id=" + it.trace_id + " status=" + std::string(name_of(it.status)) +
               " cost_usd=" + nano_text(it.usage.cost_nano_usd) + " tokens=" + std::to_string(it.usage.tokens.total()) +
               " blocked=" + std::to_string(it.blocked.size()) + " spans=" + std::to_string(it.span_count()) + ">";
      });
  define_usage(result);
}

const char* name_of(RunEvent::Kind kind) noexcept {
  switch (kind) {
    case RunEvent::Kind::run_started: return "run_started";
    case RunEvent::Kind::node_started: return "node_started";
    case RunEvent::Kind::node_ended: return "node_ended";
    case RunEvent::Kind::node_skipped: return "node_skipped";
    case RunEvent::Kind::blocked: return "blocked";
    case RunEvent::Kind::paused: return "paused";
    case RunEvent::Kind::decided: return "decided";
    case RunEvent::Kind::run_ended: return "run_ended";
  }
  return "run_started";
}

void define_run_event(py::module_& module) {
  py::class_<RunEvent> event(module, "RunEvent");
  event.def_property_readonly("kind", [](const RunEvent& it) { return name_of(it.kind); })
      .def_readonly("run_id", &RunEvent::run_id)
      .def_readonly("trace_id", &RunEvent::trace_id)
      .def_readonly("node_id", &RunEvent::node_id)
      .def_readonly("detail", &RunEvent::detail)
      .def_readonly("failed", &RunEvent::failed)
      .def_property_readonly("duration_ms",
                             [](const RunEvent& it) { return static_cast<double>(it.duration_nanos) / 1e6; })
      .def("__repr__", [](const RunEvent& it) {
        return std::string("<RunEvent ") + name_of(it.kind) + (it.node_id.empty() ? "" : " " + it.node_id) + ">";
      });
  define_usage(event);
}

}  // namespace

void define_results(py::module_& module) {
  define_agent_figures(module);
  define_blocks(module);
  define_run_result(module);
  define_run_event(module);
}

}  // namespace meshflow::python
