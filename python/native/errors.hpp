// Errors of C++ as exceptions of Python (meshflow/_errors.py), and back.
#pragma once

#include <pybind11/pybind11.h>

#include "meshflow/base/error.hpp"

namespace meshflow::python {

namespace py = pybind11;

// The exception for `error`, not raised.
[[nodiscard]] py::object exception_of(const Error& error);
[[noreturn]] void raise(const Error& error);
// The code of that name; callback_failed for one that there is not.
[[nodiscard]] ErrorCode error_code_from(std::string_view name) noexcept;

template <typename T>
T value_or_raise(Result<T> result) {
  if (!result) raise(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// What a callback is given: the value, or the exception.
template <typename T>
py::object outcome_of(Result<T> result) {
  if (!result) return exception_of(result.error());
  if constexpr (std::is_void_v<T>) {
    return py::none();
  } else {
    return py::cast(std::move(*result));
  }
}

}  // namespace meshflow::python
