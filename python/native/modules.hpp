// The parts of the native module, each in a source of its own.
#pragma once

#include <string>

#include <pybind11/pybind11.h>

#include "meshflow/runtime/agent.hpp"

namespace meshflow::python {

namespace py = pybind11;

AgentRole role_or_raise(const std::string& name);
Risk risk_or_raise(const std::string& name);

void define_policy(py::module_& module);
void define_workflow(py::module_& module);
void define_results(py::module_& module);
void define_context(py::module_& module);
void define_mesh(py::module_& module);

}  // namespace meshflow::python
