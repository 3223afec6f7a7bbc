// How a run is stopped: everything that waits registers here, and is told once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime {

// One per run, used on the run's strand; `is_cancelled` alone may be asked from any thread.
class Cancellation {
 public:
  using Token = std::uint64_t;

  // `tell` is called at most once, with the reason; remove it before what it refers to goes away.
  [[nodiscard]] Token add(std::function<void(const Error&)> tell) {
    waiting_.emplace_back(++last_, std::move(tell));
    return last_;
  }
  void remove(Token token) {
    for (auto& entry : waiting_) {
      if (entry.first != token) continue;
      std::swap(entry, waiting_.back());
      waiting_.pop_back();
      return;
    }
  }
  // Only the first reason counts.
  void cancel(Error reason) {
    if (reason_) return;
    reason_ = std::move(reason);
    cancelled_.store(true, std::memory_order_release);
    auto told = std::exchange(waiting_, {});
    for (auto& [token, tell] : told) tell(*reason_);
  }
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  [[nodiscard]] const std::optional<Error>& reason() const noexcept { return reason_; }

 private:
  std::vector<std::pair<Token, std::function<void(const Error&)>>> waiting_;
  std::optional<Error> reason_;
  Token last_ = 0;
  std::atomic<bool> cancelled_{false};
};

}  // namespace meshflow::runtime
