#include "store/query_watch.hpp"

#include <algorithm>
#include <atomic>

#include <pthread.h>

#include "store/engine.hpp"

namespace meshflow::store {
namespace {

// How soon a caller's flag is seen, and how often a query that goes on is interrupted again.
constexpr auto kWatchInterval = std::chrono::milliseconds(20);

}  // namespace

QueryWatch::QueryWatch() : thread_([this] { run(); }) {}

QueryWatch::~QueryWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

QueryWatch::Clock::time_point QueryWatch::look_at(Guard::Query& query, Clock::time_point now) {
  const bool is_cancelled = query.cancelled != nullptr && query.cancelled->load(std::memory_order_relaxed);
  if (is_cancelled || now >= query.deadline) {
    if (!query.reason) query.reason = is_cancelled ? ErrorCode::cancelled : ErrorCode::timeout;
    query.connection->interrupt();  // again and again: an interrupt before the query began is forgotten
    return now + kWatchInterval;
  }
  return query.cancelled != nullptr ? std::min(query.deadline, now + kWatchInterval) : query.deadline;
}

void QueryWatch::run() {
  ::pthread_setname_np(::pthread_self(), "store-watch");
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    const auto now = Clock::now();
    next_look_ = Clock::time_point::max();
    for (auto& query : queries_) next_look_ = std::min(next_look_, look_at(query, now));
    if (next_look_ == Clock::time_point::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next_look_);
    }
  }
}

QueryWatch::Guard::Guard(QueryWatch& watch, Connection& connection, const QueryLimits& limits) : watch_(watch) {
  const auto now = Clock::now();
  // A limit of hours must not overflow the clock.
  const auto time_max = std::min<std::chrono::milliseconds>(limits.time_max, std::chrono::hours(24 * 365));
  bool is_earlier = false;
  {
    const std::lock_guard lock(watch_.mutex_);
    query_ = watch_.queries_.insert(watch_.queries_.end(),
                                    Query{&connection, now + time_max, limits.cancelled, std::nullopt});
    const auto first_look =
        limits.cancelled != nullptr ? std::min(query_->deadline, now + kWatchInterval) : query_->deadline;
    // Mostly the thread sleeps for a query before this one, whose time would be up sooner.
    is_earlier = first_look < watch_.next_look_;
    if (is_earlier) watch_.next_look_ = first_look;
  }
  if (is_earlier) watch_.wake_.notify_one();
}

QueryWatch::Guard::~Guard() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.queries_.erase(query_);
}

std::optional<ErrorCode> QueryWatch::Guard::reason() const {
  const std::lock_guard lock(watch_.mutex_);
  return query_->reason;
}

}  // namespace meshflow::store
