// Workflows: read from YAML or built up; and the problems that keep one from running.
#include <pybind11/stl.h>

#include "errors.hpp"
#include "meshflow/runtime/workflow.hpp"
#include "modules.hpp"

namespace meshflow::python {
namespace {

template <typename T>
T value_of(const py::dict& fields, const char* name, T otherwise) {
  return fields.contains(name) ? fields[name].cast<T>() : otherwise;
}

NodeKind kind_or_raise(const std::string& name) {
  if (const auto kind = node_kind_from(name)) return *kind;
  raise({ErrorCode::invalid_argument, "no kind of node is called " + name, std::nullopt,
         "agent, tool, human, router, subgraph, http or mcp"});
}

HeaderTexts texts_of(const py::dict& fields, const char* name) {
  HeaderTexts texts;
  if (!fields.contains(name)) return texts;
  for (const auto& [key, value] : fields[name].cast<py::dict>()) {
    texts.emplace_back(key.cast<std::string>(), value.cast<std::string>());
  }
  return texts;
}

HttpCall http_from(const py::dict& fields) {
  HttpCall call;
  call.method = value_of<std::string>(fields, "method", {});
  call.url = value_of<std::string>(fields, "url", {});
  call.headers = texts_of(fields, "headers");
  call.body = value_of<std::string>(fields, "body", {});
  call.body_is_json = value_of<bool>(fields, "body_is_json", false);
  call.response_bytes_max = value_of<std::int64_t>(fields, "response_bytes_max", call.response_bytes_max);
  return call;
}

McpServer mcp_from(const py::dict& fields) {
  McpServer server;
  server.command = value_of<std::string>(fields, "command", {});
  server.args = value_of<std::vector<std::string>>(fields, "args", {});
  server.environment = texts_of(fields, "env");
  server.url = value_of<std::string>(fields, "url", {});
  server.headers = texts_of(fields, "headers");
  return server;
}

// Every field was named and given its type by Workflow.node in Python; what is not there keeps its default.
Node node_from(const py::dict& fields) {
  Node node;
  node.id = fields["id"].cast<std::string>();
  node.kind = kind_or_raise(fields["kind"].cast<std::string>());
  node.role = role_or_raise(fields["role"].cast<std::string>());
  node.agent = value_of<std::string>(fields, "agent", {});
  node.model = value_of<std::string>(fields, "model", {});
  node.prompt = value_of<std::string>(fields, "prompt", {});
  node.tools = value_of<std::vector<std::string>>(fields, "tools", {});
  node.arguments = value_of<std::string>(fields, "arguments", {});
  if (fields.contains("risk")) node.risk = risk_or_raise(fields["risk"].cast<std::string>());
  node.timeout_s = value_of<double>(fields, "timeout_s", 0);
  if (fields.contains("retries")) node.retries = fields["retries"].cast<int>();
  node.on_block = value_of<std::string>(fields, "on_block", {});
  node.output_schema = value_of<std::string>(fields, "output_schema", {});
  if (fields.contains("subgraph"))
    node.subgraph = std::make_shared<const Workflow>(fields["subgraph"].cast<Workflow>());
  if (node.kind == NodeKind::http) node.http = http_from(fields);
  if (node.kind == NodeKind::mcp) node.mcp = mcp_from(fields);
  return node;
}

ToolServer tool_server_from(const py::dict& fields) {
  ToolServer server;
  server.name = fields["name"].cast<std::string>();
  server.server = mcp_from(fields);
  if (fields.contains("risk")) server.risk = risk_or_raise(fields["risk"].cast<std::string>());
  server.timeout_s = value_of<double>(fields, "timeout_s", 0);
  return server;
}

std::vector<py::tuple> problems_of(const Workflow& workflow) {
  std::vector<py::tuple> problems;
  for (const Problem& problem : workflow.check()) {
    problems.push_back(py::make_tuple(problem.severity == Problem::Severity::error ? "error" : "warning",
                                      problem.message, problem.position.file, problem.position.line,
                                      problem.position.column, problem.text()));
  }
  return problems;
}

std::vector<std::string> node_ids(const Workflow& workflow) {
  std::vector<std::string> ids;
  for (const Node& node : workflow.nodes()) ids.push_back(node.id);
  return ids;
}

}  // namespace

AgentRole role_or_raise(const std::string& name) {
  const auto role = agent_role_from(name);
  if (!role) {
    raise({ErrorCode::invalid_argument, "no agent role is called " + name, std::nullopt,
           "orchestrator, planner, researcher, executor, critic or guardian"});
  }
  return *role;
}

Risk risk_or_raise(const std::string& name) {
  for (const Risk risk : {Risk::read_only, Risk::internal, Risk::external_io, Risk::irreversible}) {
    if (name == name_of(risk)) return risk;
  }
  raise({ErrorCode::invalid_argument, "no risk is called " + name, std::nullopt,
         "read_only, internal, external_io or irreversible"});
}

void define_workflow(py::module_& module) {
  py::class_<Workflow>(module, "Graph")
      .def(py::init<std::string, std::string>())
      .def_static("from_file", [](const std::string& path) { return value_or_raise(Workflow::from_file(path)); })
      .def_static("from_yaml", [](const std::string& yaml,
                                  const std::string& file) { return value_or_raise(Workflow::from_yaml(yaml, file)); })
      .def_static("default_team", &Workflow::default_team)
      .def("node", [](Workflow& workflow, const py::dict& fields) { workflow.node(node_from(fields)); })
      .def("tool_server",
           [](Workflow& workflow, const py::dict& fields) { workflow.tool_server(tool_server_from(fields)); })
      .def("edge", [](Workflow& workflow, const std::string& from, const std::string& to,
                      const std::string& when) { workflow.edge(from, to, when); })
      .def("loop", [](Workflow& workflow, const std::string& from, const std::string& to, const std::string& until,
                      int most) { workflow.loop({from, to, until, most, {}, {}}); })
      .def("entry", [](Workflow& workflow, const std::string& node_id) { workflow.entry(node_id); })
      .def("terminal", [](Workflow& workflow, const std::string& node_id) { workflow.terminal(node_id); })
      .def("check", &problems_of)
      .def_property_readonly("name", &Workflow::name)
      .def_property_readonly("version", &Workflow::version)
      .def_property_readonly("source_path", &Workflow::source_path)
      .def_property_readonly("node_ids", &node_ids)
      .def_property_readonly("policy", [](const Workflow& workflow) { return workflow.policy(); });
}

}  // namespace meshflow::python
