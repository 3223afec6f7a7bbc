// Waits for code of the user's, but no longer than a time limit and the life of the run allow.
#pragma once

#include <chrono>
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
      : strand(std::move(run_strand)), shot(strand), who(std::move(label)), keep_alive(std::move(keep)) {}
  Strand strand;
  OneShot<Result<T>> shot;
  std::string who;
  std::shared_ptr<void> keep_alive;  // what the code refers to
};

template <typename T>
Task<void> drive(std::shared_ptr<Wait<T>> wait, Task<Result<T>> body) {
  std::optional<Result<T>> result;
  try {
    result.emplace(co_await std::move(body));
  } catch (...) {
    result.emplace(tl::unexpected(error_of_exception(wait->who)));
  }
  co_await wait->strand.enter();
  wait->shot.set(std::move(*result));
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
    wait->strand.post([wait, value = std::move(*result)]() mutable { wait->shot.set(std::move(value)); });
  });
}

}  // namespace limited_detail

// What code that waits needs: all of it outlives the wait.
struct WaitContext {
  const Scheduler& scheduler;
  const Strand& strand;
  Cancellation& cancellation;
};

// The result of `body`, or the reason of a cancellation. After `limit` (0: none) the scope itself is cancelled, with an
// Error of code timeout. A body that goes on in the background is not heard, and `keep_alive` lives until it ends.
// Called on the strand, and returns on it.
template <typename T>
Task<Result<T>> run_limited(WaitContext context, Task<Result<T>> body, std::chrono::nanoseconds limit, std::string who,
                            std::shared_ptr<void> keep_alive) {
  auto wait = std::make_shared<limited_detail::Wait<T>>(context.strand, std::move(who), std::move(keep_alive));
  if (context.cancellation.reason()) co_return tl::unexpected(*context.cancellation.reason());
  spawn(limited_detail::drive<T>(wait, std::move(body)));
  if (wait->shot.is_set()) co_return co_await wait->shot.wait();
  const auto token = context.cancellation.add([wait](const Error& reason) { wait->shot.set(tl::unexpected(reason)); });
  Timer timer;
  if (limit.count() > 0) {
    timer = context.scheduler.after(context.strand, limit, [wait, limit, &scope = context.cancellation] {
      scope.cancel(Error{ErrorCode::timeout, fmt::format("{} took longer than {} s", wait->who,
                                                         std::chrono::duration<double>(limit).count())});
    });
  }
  auto result = co_await wait->shot.wait();
  context.cancellation.remove(token);
  co_return result;
}

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

// Waits for `duration`, or for a cancellation: its reason then.
inline Task<Result<void>> sleep_limited(WaitContext context, std::chrono::nanoseconds duration) {
  auto shot = std::make_shared<OneShot<Result<void>>>(context.strand);
  if (context.cancellation.reason()) co_return tl::unexpected(*context.cancellation.reason());
  const auto token = context.cancellation.add([shot](const Error& reason) { shot->set(tl::unexpected(reason)); });
  Timer timer = context.scheduler.after(context.strand, duration, [shot] { shot->set({}); });
  auto result = co_await shot->wait();
  context.cancellation.remove(token);
  co_return result;
}

}  // namespace meshflow::runtime
