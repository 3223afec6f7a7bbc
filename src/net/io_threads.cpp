#include "net/io_threads.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <boost/asio/post.hpp>

#include "net/io_loops.hpp"

namespace meshflow::net {

IoThreads::Loops::Loops(std::size_t threads) {
  // The threads inherit the mask: signals are for the program's own threads, and a closed socket is no signal.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    loops_.push_back(std::make_unique<Loop>());
    Loop& loop = *loops_.back();
    loop.thread = std::thread([&loop] { loop.context.run(); });
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

IoThreads::Loops::~Loops() { stop(); }

void IoThreads::Loops::stop() {
  for (auto& loop : loops_) loop->context.stop();
  for (auto& loop : loops_) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

IoThreads::IoThreads(std::size_t threads) : loops_(std::make_shared<Loops>(threads)) {}
IoThreads::~IoThreads() { loops_->stop(); }

std::size_t IoThreads::size() const noexcept { return loops_->size(); }

void IoThreads::post(std::function<void()> work) { boost::asio::post(loops_->next(), std::move(work)); }

}  // namespace meshflow::net
