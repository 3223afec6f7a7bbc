// Ctrl-C: the first one asks to stop, a second one kills.
#pragma once

#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

namespace meshflow::cli {

// From construction to destruction SIGINT and SIGTERM request a stop instead of ending the process; after the first of
// them both do what they did before. Make it before other threads are started: they inherit its signal mask.
class InterruptWatch {
 public:
  // `on_first` is called on a thread of its own.
  explicit InterruptWatch(std::function<void()> on_first);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }

 private:
  void watch();
  std::function<void()> on_first_;
  std::stop_source stop_;
  sigset_t signals_{};
  sigset_t mask_before_{};
  int signal_fd_ = -1;
  int wake_fd_ = -1;
  std::jthread thread_;
};

}  // namespace meshflow::cli
