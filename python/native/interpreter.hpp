// How threads of the runtime's meet the interpreter: who may hold its lock, and who lets go of Python objects.
#pragma once

#include <memory>
#include <optional>

#include <pybind11/pybind11.h>

namespace meshflow::python {

namespace py = pybind11;

// False from the moment that the interpreter begins to shut down: no thread of the runtime's enters it any more.
[[nodiscard]] bool interpreter_is_open() noexcept;
// Before the interpreter shuts down, with its lock held: from now on nobody enters it, and those who are inside have
// left when it returns. A thread that came back to an interpreter that is gone would be ended by it in the middle of
// C++.
void close_interpreter();

// True inside an EnterPython scope: on a thread of the runtime's, where a Mesh must not be destroyed.
[[nodiscard]] bool is_runtime_thread() noexcept;

// Holds the interpreter's lock on a thread of the runtime's, unless the interpreter is closing: ask before anything
// else.
class EnterPython {
 public:
  EnterPython();
  ~EnterPython();
  EnterPython(const EnterPython&) = delete;
  EnterPython& operator=(const EnterPython&) = delete;
  [[nodiscard]] explicit operator bool() const noexcept { return lock_.has_value(); }

 private:
  std::optional<py::gil_scoped_acquire> lock_;
};

// A Python object that threads without the lock may hold and let go of; it is abandoned once the interpreter is gone.
using SharedObject = std::shared_ptr<py::object>;
[[nodiscard]] SharedObject share(py::object object);

}  // namespace meshflow::python
