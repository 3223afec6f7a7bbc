// A child process with pipes to its standard streams.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime::mcp {

// Closes what it holds. Not copied.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  void close() noexcept;

 private:
  int fd_ = -1;
};

// In a process group of its own, so that a Ctrl-C at the terminal does not end it before its run. One thread at a time.
// The destructor ends it: by the end of its input, then SIGTERM, then SIGKILL.
class ChildProcess {
 public:
  // `command` is looked for along PATH. Of the environment it gets what a program needs to run (PATH, HOME, …), not
  // what may be secret, and `environment` over it. Fails (not_found, permission_denied, unavailable) if it can't start.
  [[nodiscard]] static Result<ChildProcess> start(const std::string& command, const std::vector<std::string>& args,
                                                  const std::vector<std::pair<std::string, std::string>>& environment);
  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { stop(); }

  // The parent's ends, none of which blocks. The input is a socket, so that writing to a dead child is an error and no
  // signal (use MSG_NOSIGNAL).
  [[nodiscard]] Descriptor& input() noexcept { return input_; }
  [[nodiscard]] const Descriptor& output() const noexcept { return output_; }
  [[nodiscard]] const Descriptor& errors() const noexcept { return errors_; }

  // How it ended ("exit status 1", "signal 9"), if it ends within `limit`; empty while it runs.
  [[nodiscard]] std::string ending(std::chrono::milliseconds limit);
  // Don't wait for it to end by itself.
  void hurry() noexcept { hurries_ = true; }

 private:
  [[nodiscard]] bool has_ended(std::chrono::milliseconds limit);
  void stop() noexcept;

  pid_t pid_ = -1;
  bool hurries_ = false;
  std::string ending_;
  Descriptor input_;
  Descriptor output_;
  Descriptor errors_;
};

}  // namespace meshflow::runtime::mcp
