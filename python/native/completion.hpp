// Where a coroutine of C++ waits for one of Python.
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>

#include "callback.hpp"
#include "context.hpp"

namespace meshflow::python {

// Waited for by one coroutine, finished once, from any thread that does not hold the interpreter's lock.
class Completion {
 public:
  void wait(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  void finish(Outcome outcome);  // the first call counts; after `wait`
  [[nodiscard]] Outcome take() noexcept { return std::move(outcome_); }

 private:
  std::coroutine_handle<> waiter_;
  Outcome outcome_;
  std::atomic<bool> finished_{false};
};

// Python's end of it. Dropped unfinished, as by a loop that closes, it finishes with an error.
class CoroutineEnd {
 public:
  CoroutineEnd(std::shared_ptr<Completion> completion, std::shared_ptr<Context> context) noexcept
      : completion_(std::move(completion)), context_(std::move(context)) {}
  ~CoroutineEnd();
  CoroutineEnd(const CoroutineEnd&) = delete;
  CoroutineEnd& operator=(const CoroutineEnd&) = delete;

  void finish(const py::object& given);

 private:
  std::shared_ptr<Completion> completion_;
  std::shared_ptr<Context> context_;
};

}  // namespace meshflow::python
