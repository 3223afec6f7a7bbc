// Ends queries whose time is up or whose caller has gone. Private to the room.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "meshflow/base/error.hpp"
#include "store/snapshot.hpp"

namespace meshflow::store {

class Connection;

// One thread that watches all queries of a database: a thread for each costs a small query more than it takes.
// Thread-safe; must outlive its guards.
class QueryWatch {
 public:
  QueryWatch();
  ~QueryWatch();
  QueryWatch(const QueryWatch&) = delete;
  QueryWatch& operator=(const QueryWatch&) = delete;

  // A query under way. While it lives the connection is interrupted once its limits say so; not after it.
  class Guard {
   public:
    Guard(QueryWatch& watch, Connection& connection, const QueryLimits& limits);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // Why the query was interrupted; nothing where it was not.
    [[nodiscard]] std::optional<ErrorCode> reason() const;

   private:
    friend class QueryWatch;
    struct Query {
      Connection* connection;
      std::chrono::steady_clock::time_point deadline;
      const std::atomic<bool>* cancelled;
      std::optional<ErrorCode> reason;
    };
    QueryWatch& watch_;
    std::list<Query>::iterator query_;
  };

 private:
  using Clock = std::chrono::steady_clock;
  void run();
  // When the query has to be looked at again, after a look at it now.
  static Clock::time_point look_at(Guard::Query& query, Clock::time_point now);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Guard::Query> queries_;
  Clock::time_point next_look_ = Clock::time_point::max();
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace meshflow::store
