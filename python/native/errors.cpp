#include "errors.hpp"

namespace meshflow::python {

py::object exception_of(const Error& error) {
  py::object position = py::none();
  if (error.position) position = py::make_tuple(error.position->file, error.position->line, error.position->column);
  return py::module_::import("meshflow._errors")
      .attr("error_from")(error_code_name(error.code), error.message, error.hint, position, error.text());
}

void raise(const Error& error) {
  const py::object exception = exception_of(error);
  PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
  throw py::error_already_set();
}

ErrorCode error_code_from(std::string_view name) noexcept {
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    if (name == error_code_name(static_cast<ErrorCode>(code))) return static_cast<ErrorCode>(code);
  }
  return ErrorCode::callback_failed;
}

}  // namespace meshflow::python
