// Policy: fields by name, as meshflow/_policy.py offers them.
#include <pybind11/stl.h>

#include "errors.hpp"
#include "meshflow/runtime/policy.hpp"
#include "modules.hpp"

namespace meshflow::python {
namespace {

void set(Policy& policy, const std::string& name, const FieldValue& value) {
  value_or_raise(set_field_value(policy, name, value));
}

py::object get(const Policy& policy, const std::string& name) {
  auto value = value_or_raise(field_value(policy, name));
  return value ? py::cast(*value) : py::none();
}

}  // namespace

void define_policy(py::module_& module) {
  py::class_<Policy>(module, "Fields")
      .def(py::init<>())
      .def(py::init<const Policy&>())
      // Without conversions: a bool is no number, a number no text.
      .def("set", &set, py::arg("name"), py::arg("value").noconvert())
      .def("get", &get, py::arg("name"))
      .def("check", [](const Policy& policy) { (void)value_or_raise(resolve(policy)); })
      .def("__eq__", [](const Policy& one, const Policy& other) { return one == other; })
      .def_static("names", &field_names)
      .def_static("from_yaml", [](const std::string& yaml,
                                  const std::string& file) { return value_or_raise(policy_from_yaml(yaml, file)); })
      .def_static("from_environment", [](const Policy& base) { return value_or_raise(policy_from_environment(base)); });
}

}  // namespace meshflow::python
