#include "server/client_watch.hpp"

#include <chrono>
#include <utility>

#include <pthread.h>

namespace meshflow::server {
namespace {

constexpr std::chrono::milliseconds kInterval{50};

}  // namespace

ClientWatch::ClientWatch() : thread_([this] { run(); }) {}

ClientWatch::~ClientWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ClientWatch::run() {
  ::pthread_setname_np(::pthread_self(), "client-watch");
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    if (queries_.empty()) {
      wake_.wait(lock);
      continue;
    }
    wake_.wait_for(lock, kInterval, [this] { return is_ending_; });
    for (Guard::Query& query : queries_) {
      if (!query.is_wanted()) query.is_gone.store(true, std::memory_order_release);
    }
  }
}

ClientWatch::Guard::Guard(ClientWatch& watch, std::function<bool()> is_wanted) : watch_(watch) {
  bool is_first = false;
  {
    const std::lock_guard lock(watch_.mutex_);
    is_first = watch_.queries_.empty();
    query_ = watch_.queries_.emplace(watch_.queries_.end());
    query_->is_wanted = std::move(is_wanted);
  }
  if (is_first) watch_.wake_.notify_one();
}

ClientWatch::Guard::~Guard() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.queries_.erase(query_);
}

}  // namespace meshflow::server
