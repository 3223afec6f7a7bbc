#include "interpreter.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace meshflow::python {
namespace {

// One per process, like the interpreter itself.
std::atomic<bool> interpreter_open{true};
thread_local int runtime_scopes = 0;

// Threads of the runtime's that are inside the interpreter, or on their way. Never destroyed: a thread may still leave
// while the process ends.
struct Inside {
  std::mutex mutex;
  std::condition_variable none;
  int count = 0;
};
Inside& inside() {
  static Inside* const one = new Inside;
  return *one;
}

// Python that does not return must not keep the process from its end for ever.
constexpr std::chrono::seconds kLeaveTime{10};

}  // namespace

bool interpreter_is_open() noexcept { return interpreter_open.load(std::memory_order_acquire); }

void close_interpreter() {
  const py::gil_scoped_release released;  // those inside need it to leave
  std::unique_lock lock(inside().mutex);
  interpreter_open.store(false, std::memory_order_release);
  inside().none.wait_for(lock, kLeaveTime, [] { return inside().count == 0; });
}

bool is_runtime_thread() noexcept { return runtime_scopes > 0; }

EnterPython::EnterPython() {
  {
    const std::lock_guard lock(inside().mutex);
    if (!interpreter_is_open()) return;
    ++inside().count;
  }
  lock_.emplace();
  ++runtime_scopes;
}

EnterPython::~EnterPython() {
  if (!lock_) return;
  --runtime_scopes;
  lock_.reset();
  const std::lock_guard lock(inside().mutex);
  if (--inside().count == 0) inside().none.notify_all();
}

SharedObject share(py::object object) {
  return {new py::object(std::move(object)), [](py::object* held) {
            const EnterPython python;
            if (!python) held->release();  // never freed: there is nothing left that could free it
            delete held;
          }};
}

}  // namespace meshflow::python
