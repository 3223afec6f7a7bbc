// The native module, meshflow._meshflow. What users see of it is in meshflow/*.py.
#include "base/version.hpp"
#include "interpreter.hpp"
#include "modules.hpp"

PYBIND11_MODULE(_meshflow, module) {
  namespace binding = meshflow::python;
  module.doc() = "MeshFlow's runtime; import meshflow instead.";
  module.attr("__version__") = meshflow::version();
  binding::define_policy(module);
  binding::define_workflow(module);
  binding::define_results(module);
  binding::define_context(module);
  binding::define_mesh(module);
  module.def("close_interpreter", &binding::close_interpreter);
}
