#include "cli/interrupt.hpp"

#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace meshflow::cli {

InterruptWatch::InterruptWatch(std::function<void()> on_first) : on_first_(std::move(on_first)) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, &mask_before_);
  signal_fd_ = ::signalfd(-1, &signals_, SFD_CLOEXEC);
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::jthread([this] { watch(); });
}

InterruptWatch::~InterruptWatch() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  thread_.join();
  ::close(signal_fd_);
  ::close(wake_fd_);
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void InterruptWatch::watch() {
  pollfd ready[] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  while (::poll(ready, 2, -1) < 0) {
  }
  if ((ready[1].revents & POLLIN) != 0) return;
  signalfd_siginfo which{};
  [[maybe_unused]] const auto got = ::read(signal_fd_, &which, sizeof which);
  // A signal goes to any thread that lets it in: from now on this one does, so the next one ends the process.
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  stop_.request_stop();
  on_first_();
  while (::poll(&ready[1], 1, -1) < 0) {
  }
}

}  // namespace meshflow::cli
