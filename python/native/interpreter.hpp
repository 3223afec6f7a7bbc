// How threads of the runtime's meet the interpreter: who may hold its lock, and who lets go of Python objects.
#pragma once

#include <memory>

#include <pybind11/pybind11.h>

namespace meshflow::python {

namespace py = pybind11;

// False from the moment that the interpreter begins to shut down: no thread of the runtime's may enter it any more.
[[nodiscard]] bool interpreter_is_open() noexcept;
void close_interpreter() noexcept;

// True inside an EnterPython scope: on a thread of the runtime's, where a Mesh must not be destroyed.
[[nodiscard]] bool is_runtime_thread() noexcept;

// Holds the interpreter's lock on a thread of the runtime's. Only while interpreter_is_open().
class EnterPython {
 public:
  EnterPython();
  ~EnterPython();
  EnterPython(const EnterPython&) = delete;
  EnterPython& operator=(const EnterPython&) = delete;

 private:
  py::gil_scoped_acquire lock_;
};

// A Python object that threads without the lock may hold and let go of; it is abandoned once the interpreter is gone.
using SharedObject = std::shared_ptr<py::object>;
[[nodiscard]] SharedObject share(py::object object);

}  // namespace meshflow::python
