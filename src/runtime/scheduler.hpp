// Where coroutines run: a few threads, strands that keep one run's work in order, timers, and a pool for functions
// that block. Boost.Asio stands behind it and is seen in scheduler.cpp only.
#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>

#include "meshflow/runtime/task.hpp"

namespace meshflow::runtime {

// Runs what is posted to it one at a time, in order, on whichever scheduler thread is free. A cheap handle;
// thread-safe.
class Strand {
 public:
  struct Impl;
  explicit Strand(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

  void post(std::function<void()> work) const;
  void resume(std::coroutine_handle<> coroutine) const;
  // True inside work that this strand runs.
  [[nodiscard]] bool is_current() const noexcept;

  // `co_await strand.enter()`: continue on this strand; free where it already is.
  [[nodiscard]] auto enter() const noexcept {
    struct Awaiter {
      const Strand& strand;
      [[nodiscard]] bool await_ready() const noexcept { return strand.is_current(); }
      void await_suspend(std::coroutine_handle<> coroutine) const { strand.resume(coroutine); }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

 private:
  friend class Scheduler;
  std::shared_ptr<Impl> impl_;
};

// A timer under way. Destroying or cancelling it on its strand guarantees that it does not fire any more.
class Timer {
 public:
  struct Impl;
  Timer() noexcept = default;
  explicit Timer(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
  Timer(Timer&& other) noexcept = default;
  Timer& operator=(Timer&& other) noexcept;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }
  void cancel() noexcept;

 private:
  std::shared_ptr<Impl> impl_;
};

// Owns the threads. Thread-safe. `stop` (or destruction) drops work that has not started; coroutines that wait are
// then never resumed, so whoever uses it first makes them end.
class Scheduler {
 public:
  struct Impl;
  explicit Scheduler(int threads);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] Strand make_strand() const;
  // Calls `work` on `strand` after `delay`.
  [[nodiscard]] Timer after(const Strand& strand, std::chrono::nanoseconds delay, std::function<void()> work) const;
  // Calls `work` on a thread that may block: an idle one or a new one, up to kBlockingThreadsMax; past that it queues.
  // Threads stuck in `work` outlive the scheduler.
  void run_blocking(std::function<void()> work) const;
  // Ends the threads; must not be called from one of them.
  void stop();

 private:
  std::unique_ptr<Impl> impl_;
};

// A value that is set once and awaited by one coroutine, both on one strand.
template <typename T>
class OneShot {
 public:
  explicit OneShot(Strand strand) noexcept : strand_(std::move(strand)) {}
  ~OneShot() = default;
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  // False if it was set before: the first value counts.
  bool set(T value) {
    if (value_) return false;
    value_.emplace(std::move(value));
    if (waiter_) strand_.resume(std::exchange(waiter_, nullptr));
    return true;
  }
  [[nodiscard]] bool is_set() const noexcept { return value_.has_value(); }
  [[nodiscard]] const Strand& strand() const noexcept { return strand_; }

  // Await once.
  [[nodiscard]] auto wait() noexcept {
    struct Awaiter {
      OneShot& shot;
      [[nodiscard]] bool await_ready() const noexcept { return shot.value_.has_value(); }
      void await_suspend(std::coroutine_handle<> coroutine) const noexcept { shot.waiter_ = coroutine; }
      T await_resume() const { return std::move(*shot.value_); }
    };
    return Awaiter{*this};
  }
  // The same for awaiters made of this: once, unless it is set.
  void wait_by(std::coroutine_handle<> coroutine) noexcept { waiter_ = coroutine; }
  // What was set.
  [[nodiscard]] T& get() noexcept { return *value_; }

 private:
  Strand strand_;
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

// A coroutine that nobody awaits: it begins when it is called and destroys itself at its end. Exceptions must not leave
// it.
struct Detached {
  struct promise_type {  // NOLINT(readability-identifier-naming): the language's name
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

// Starts `task` here and now, and lets it run to its end on its own; exceptions must not leave it.
void spawn(Task<void> task);

}  // namespace meshflow::runtime
