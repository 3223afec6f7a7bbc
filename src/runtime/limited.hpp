// Waits for code of the user's, but no longer than a time limit and the life of the run allow.
#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/task.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/scheduler.hpp"

namespace meshflow::runtime {

// The Error for an exception that left a callback of the user's; call it inside a catch block.
[[nodiscard]] inline Error error_of_exception(std::string_view who) {
  try {
    throw;
  } catch (const std::exception& exception) {
    return Error{ErrorCode::callback_failed, fmt::format("{} threw: {}", who, exception.what())};
  } catch (...) {
    return Error{ErrorCode::callback_failed, fmt::format("{} threw something that is no std::exception", who)};
  }
}

namespace limited_detail {

// Lives until both the waiting side and the code that it waits for are done with it: code that never returns keeps it.
template <typename T>
struct Wait {
  Wait(Strand run_strand, std::string label, std::shared_ptr<void> keep)
      : shot(std::move(run_strand)), who(std::move(label)), keep_alive(std::move(keep)) {}
  OneShot<Result<T>> shot;
  std::string who;
  std::shared_ptr<void> keep_alive;  // what the code refers to
};

// What the body came to; an exception is an Error.
template <typename T>
Result<T> result_of(Task<Result<T>>& body, std::string_view who) {
  try {
    return std::move(body.get());
  } catch (...) {
    return tl::unexpected(error_of_exception(who));
  }
}

template <typename T>
Detached drive(std::shared_ptr<Wait<T>> wait, Task<Result<T>> body) {
  co_await body.until_done();
  co_await wait->shot.strand().enter();
  wait->shot.set(result_of(body, wait->who));
}

// An exception is an Error. What comes after somebody else has set the result is not heard.
template <typename T>
void start_on_blocking_thread(const Scheduler& scheduler, std::shared_ptr<Wait<T>> wait,
                              std::function<Result<T>()> function) {
  scheduler.run_blocking([wait = std::move(wait), function = std::move(function)] {
    std::optional<Result<T>> result;
    try {
      result.emplace(function());
    } catch (...) {
      result.emplace(tl::unexpected(error_of_exception(wait->who)));
    }
    wait->shot.strand().post([wait, value = std::move(*result)]() mutable { wait->shot.set(std::move(value)); });
  });
}

}  // namespace limited_detail

// What code that waits needs: all of it outlives the wait.
struct WaitContext {
  const Scheduler& scheduler;
  const Strand& strand;
  Cancellation& cancellation;
};

// Await it once; then it has the result of `body`, or the reason of a cancellation. After `limit` (0: none) the scope
// itself is cancelled, with an Error of code timeout. A body that goes on in the background is not heard, and
// `keep_alive` lives until it ends. Made, awaited and destroyed on the strand. No coroutine, since many may wait at a
// time.
template <typename T>
class [[nodiscard]] RunLimited {
 public:
  RunLimited(WaitContext context, Task<Result<T>> body, std::chrono::nanoseconds limit, std::string who,
             std::shared_ptr<void> keep_alive)
      : context_(context),
        wait_(std::make_shared<limited_detail::Wait<T>>(context.strand, std::move(who), std::move(keep_alive))),
        body_(std::move(body)),
        limit_(limit) {}
  RunLimited(const RunLimited&) = delete;
  RunLimited& operator=(const RunLimited&) = delete;
  ~RunLimited() = default;

  [[nodiscard]] bool await_ready() {
    if (const Error* reason = context_.cancellation.reason()) {
      wait_->shot.set(tl::unexpected(*reason));
    } else {
      limited_detail::drive<T>(wait_, std::move(body_));
    }
    return wait_->shot.is_set();
  }
  void await_suspend(std::coroutine_handle<> coroutine) {
    wait_->shot.wait_by(coroutine);
    token_ = context_.cancellation.add([wait = wait_](const Error& why) { wait->shot.set(tl::unexpected(why)); });
    if (limit_.count() <= 0) return;
    timer_ = context_.scheduler.after(
        context_.strand, limit_, [wait = wait_, limit = limit_, &scope = context_.cancellation] {
          scope.cancel(Error{ErrorCode::timeout, fmt::format("{} took longer than {} s", wait->who,
                                                             std::chrono::duration<double>(limit).count())});
        });
  }
  void await_resume() noexcept {
    if (token_ != 0) context_.cancellation.remove(token_);
    timer_.cancel();
  }
  // Once awaited. Valid for as long as this.
  [[nodiscard]] Result<T>& get() noexcept { return wait_->shot.get(); }

 private:
  WaitContext context_;
  std::shared_ptr<limited_detail::Wait<T>> wait_;  // shared with the body, which may outlive the wait
  Task<Result<T>> body_;
  std::chrono::nanoseconds limit_;
  Cancellation::Token token_ = 0;
  Timer timer_;
};

// Runs a plain function on a thread that may block; the result comes back on the strand. An exception is an Error.
template <typename T>
Task<Result<T>> run_on_blocking_thread(WaitContext context, std::function<Result<T>()> function, std::string who,
                                       std::shared_ptr<void> keep_alive) {
  auto wait = std::make_shared<limited_detail::Wait<T>>(context.strand, std::move(who), std::move(keep_alive));
  limited_detail::start_on_blocking_thread(context.scheduler, wait, std::move(function));
  co_return co_await wait->shot.wait();
}

// The same for a function of the user's, which may never return: a cancellation ends the wait, with its reason.
template <typename T>
Task<Result<T>> run_user_function(WaitContext context, std::function<Result<T>()> function, std::string who,
                                  std::shared_ptr<void> keep_alive) {
  auto wait = std::make_shared<limited_detail::Wait<T>>(context.strand, std::move(who), std::move(keep_alive));
  if (context.cancellation.reason()) co_return tl::unexpected(*context.cancellation.reason());
  const auto token = context.cancellation.add([wait](const Error& reason) { wait->shot.set(tl::unexpected(reason)); });
  limited_detail::start_on_blocking_thread(context.scheduler, wait, std::move(function));
  auto result = co_await wait->shot.wait();
  context.cancellation.remove(token);
  co_return result;
}

// `co_await` waits for `duration`, or for a cancellation: a Result<void>, with its reason then. On the strand. No
// coroutine, since many may wait at a time.
class [[nodiscard]] SleepLimited {
 public:
  SleepLimited(WaitContext context, std::chrono::nanoseconds duration) : context_(context), duration_(duration) {}
  SleepLimited(const SleepLimited&) = delete;
  SleepLimited& operator=(const SleepLimited&) = delete;
  ~SleepLimited() = default;

  [[nodiscard]] bool await_ready() const noexcept { return context_.cancellation.reason() != nullptr; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    shot_ = std::make_shared<OneShot<bool>>(context_.strand);
    shot_->wait_by(coroutine);
    token_ = context_.cancellation.add([shot = shot_](const Error&) { shot->set(false); });
    timer_ = context_.scheduler.after(context_.strand, duration_, [shot = shot_] { shot->set(true); });
  }
  [[nodiscard]] Result<void> await_resume() {
    if (token_ != 0) context_.cancellation.remove(token_);
    timer_.cancel();
    if (shot_ != nullptr && shot_->get()) return {};
    return tl::unexpected(*context_.cancellation.reason());
  }

 private:
  WaitContext context_;
  std::chrono::nanoseconds duration_;
  std::shared_ptr<OneShot<bool>> shot_;  // shared with the timer and the cancellation: true: slept to the end
  Cancellation::Token token_ = 0;
  Timer timer_;
};

}  // namespace meshflow::runtime
