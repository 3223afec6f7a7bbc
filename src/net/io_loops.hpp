// What IoThreads is made of. Private to the room.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "net/io_threads.hpp"

namespace meshflow::net {

class IoThreads::Loops {
 public:
  explicit Loops(std::size_t threads);
  ~Loops();
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  // Ends the threads; the contexts stay, without anyone who runs them.
  void stop();

  [[nodiscard]] bool is_stopped() const noexcept { return loops_.front()->context.stopped(); }
  [[nodiscard]] std::size_t size() const noexcept { return loops_.size(); }
  [[nodiscard]] boost::asio::io_context& context(std::size_t index) noexcept { return loops_[index]->context; }
  [[nodiscard]] boost::asio::io_context& next() noexcept { return context(next_++ % size()); }

 private:
  struct Loop {
    // One thread runs it (a hint that spares locks); any thread may post.
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work = make_work_guard(context);
    std::thread thread;
  };
  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace meshflow::net
