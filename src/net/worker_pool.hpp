// Threads for handlers that take their time: queries, large encodings.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "net/http_server.hpp"

namespace meshflow::net {

// A fixed number of threads and a bounded queue before them. Thread-safe. The destructor ends the threads after the
// work that is running; what still waits in the queue is dropped (an HttpResponder in it then answers 503).
class WorkerPool {
 public:
  WorkerPool(std::size_t threads, std::size_t queue_max);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, without running it, where `queue_max` pieces of work wait already. `work` must not throw.
  [[nodiscard]] bool try_post(std::function<void()> work);

 private:
  void run();

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

// The same handler, run on `workers` (which must outlive it); 503 with Retry-After where their queue is full.
[[nodiscard]] HttpHandler on_workers(WorkerPool& workers, HttpHandler handler);

}  // namespace meshflow::net
