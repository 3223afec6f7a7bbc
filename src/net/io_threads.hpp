// The threads on which servers read and write sockets.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace meshflow::net {

// A fixed number of event loops, one thread each, shared by any number of HttpServers; a connection stays on the loop
// that it was accepted for. Work on these threads must be short: whoever waits for a disk or computes for more than a
// few milliseconds does so on a WorkerPool. Each method may be called by any thread.
// Must outlive the servers that listen on it. The destructor stops the loops and drops what was posted and not yet run.
class IoThreads {
 public:
  explicit IoThreads(std::size_t threads = 2);
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  [[nodiscard]] std::size_t size() const noexcept;
  // Runs `work` soon, on one of the threads.
  void post(std::function<void()> work);

  // The event loops, for the sources of this room.
  class Loops;
  [[nodiscard]] const std::shared_ptr<Loops>& loops() const noexcept { return loops_; }

 private:
  std::shared_ptr<Loops> loops_;  // shared with answers that are still owed when a server goes
};

}  // namespace meshflow::net
