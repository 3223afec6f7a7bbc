#include "interpreter.hpp"

#include <atomic>

namespace meshflow::python {
namespace {

// One per process, like the interpreter itself.
std::atomic<bool> interpreter_open{true};
thread_local int runtime_scopes = 0;

}  // namespace

bool interpreter_is_open() noexcept { return interpreter_open.load(std::memory_order_acquire); }
void close_interpreter() noexcept { interpreter_open.store(false, std::memory_order_release); }
bool is_runtime_thread() noexcept { return runtime_scopes > 0; }

EnterPython::EnterPython() { ++runtime_scopes; }
EnterPython::~EnterPython() { --runtime_scopes; }

SharedObject share(py::object object) {
  return {new py::object(std::move(object)), [](py::object* held) {
            if (!interpreter_is_open()) {
              held->release();  // never freed: there is nothing left that could free it
              delete held;
              return;
            }
            const EnterPython python;
            delete held;
          }};
}

}  // namespace meshflow::python
