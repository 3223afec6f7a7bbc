// How a run, or one call in it, is stopped: a tree of scopes, in which everything that waits is told once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime {

// One per run and one per call. Used on the run's strand; `is_cancelled` alone may be asked from any thread.
class Cancellation {
 public:
  using Token = std::uint64_t;

  // Makes `child` end with `parent`, while this object lives.
  class Attachment {
   public:
    Attachment(Cancellation& parent, Cancellation& child) : parent_(parent), child_(child) {
      parent.children_.push_back(&child);
      if (parent.reason_) child.cancel(*parent.reason_);
    }
    ~Attachment() { std::erase(parent_.children_, &child_); }
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

   private:
    Cancellation& parent_;
    Cancellation& child_;
  };

  // `tell` is called at most once, with the reason; remove it before what it refers to goes away.
  [[nodiscard]] Token add(std::function<void(const Error&)> tell) {
    waiting_.emplace_back(++last_, std::move(tell));
    return last_;
  }
  void remove(Token token) {
    std::erase_if(waiting_, [token](const auto& entry) { return entry.first == token; });
  }
  // Only the first reason counts. Inner scopes are told first: what they resume then ends its spans before those around
  // it.
  void cancel(const Error& reason) {
    if (reason_) return;
    reason_ = std::make_unique<const Error>(reason);
    cancelled_.store(true, std::memory_order_release);
    for (Cancellation* child : std::vector<Cancellation*>(children_)) child->cancel(reason);
    for (auto& [token, tell] : std::exchange(waiting_, {})) tell(reason);
  }
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  // Null until cancelled.
  [[nodiscard]] const Error* reason() const noexcept { return reason_.get(); }

 private:
  std::vector<Cancellation*> children_;
  std::vector<std::pair<Token, std::function<void(const Error&)>>> waiting_;
  std::unique_ptr<const Error> reason_;
  Token last_ = 0;
  std::atomic<bool> cancelled_{false};
};

}  // namespace meshflow::runtime
