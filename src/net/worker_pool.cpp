#include "net/worker_pool.hpp"

#include <utility>

namespace meshflow::net {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool WorkerPool::try_post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_ || queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
    if (is_stopping_) return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds goes before the mutex is taken
    lock.lock();
  }
}

HttpHandler on_workers(WorkerPool& workers, HttpHandler handler) {
  // Shared, so that a request does not copy what the handler holds.
  auto shared = std::make_shared<const HttpHandler>(std::move(handler));
  return [&workers, shared](HttpServerRequest request, const HttpResponder& responder) {
    // std::function wants what can be copied; nobody does.
    auto owned = std::make_shared<HttpServerRequest>(std::move(request));
    const bool is_queued = workers.try_post([shared, owned, responder] {
      try {
        (*shared)(std::move(*owned), responder);
      } catch (...) {
        responder.fail(500, "the server failed to answer this request");
      }
    });
    if (!is_queued) responder.fail(503, "too many requests wait to be worked on", {{"Retry-After", "1"}});
  };
}

}  // namespace meshflow::net
