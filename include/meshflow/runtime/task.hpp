// Task<T>: a coroutine that runs when it is awaited. What agents, tools and models return.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

namespace meshflow {

template <typename T>
class Task;

namespace task_detail {

// Resumes whoever awaits the task, at the end, without growing the stack (symmetric transfer).
struct FinalAwaiter {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    return self.promise().continuation ? self.promise().continuation : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr exception;

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  template <typename U>
    requires std::convertible_to<U, T>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T& get() {
    if (exception) std::rethrow_exception(exception);
    return *value;
  }
  T take() { return std::move(get()); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void get() const {
    if (exception) std::rethrow_exception(exception);
  }
  void take() const { get(); }
};

}  // namespace task_detail

// Move-only. Starts when awaited, and resumes its awaiter on the thread on which it ends. An exception that leaves the
// coroutine is thrown where it is awaited (the runtime turns it into an Error). Await a task once; destroying one that
// was started and is not done is the runtime's business only: agents simply `co_await ctx.call_model(…)`.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;  // NOLINT(readability-identifier-naming): the language's name

  Task() noexcept = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool is_valid() const noexcept { return handle_ != nullptr; }

  auto operator co_await() && noexcept {
    struct Awaiter : UntilDone {
      T await_resume() const { return this->handle.promise().take(); }
    };
    return Awaiter{{handle_}};
  }

  // `co_await task` in two steps, for coroutines of which many wait at a time: the result stays in the task, where
  // `co_await` would need room for it in the frame of who awaits. `co_await task.until_done()` once, then `get()`,
  // which throws what left the coroutine and is valid for as long as the task.
  [[nodiscard]] auto until_done() & noexcept {
    struct Awaiter : UntilDone {
      void await_resume() const noexcept {}
    };
    return Awaiter{{handle_}};
  }
  [[nodiscard]] decltype(auto) get() { return handle_.promise().get(); }

 private:
  struct UntilDone {
    std::coroutine_handle<promise_type> handle;
    [[nodiscard]] bool await_ready() const noexcept { return handle.done(); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      handle.promise().continuation = awaiting;
      return handle;
    }
  };
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

namespace task_detail {
template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace task_detail

}  // namespace meshflow
