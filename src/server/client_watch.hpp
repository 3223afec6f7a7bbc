// Whether those who asked still wait for the answers of queries under way.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace meshflow::server {

// One thread that looks after all of them: a thread for each would cost a small query more than it takes. Thread-safe;
// must outlive its guards.
class ClientWatch {
 public:
  ClientWatch();
  ~ClientWatch();
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;

  // A query under way. `is_wanted` is asked by another thread every few hundredths of a second, and not after the
  // guard's destruction; it must return at once.
  class Guard {
   public:
    Guard(ClientWatch& watch, std::function<bool()> is_wanted);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // True once `is_wanted` has said no: for store::QueryLimits::cancelled.
    [[nodiscard]] const std::atomic<bool>& is_gone() const noexcept { return query_->is_gone; }

   private:
    friend class ClientWatch;
    struct Query {
      std::function<bool()> is_wanted;
      std::atomic<bool> is_gone{false};
    };
    ClientWatch& watch_;
    std::list<Query>::iterator query_;
  };

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Guard::Query> queries_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace meshflow::server
