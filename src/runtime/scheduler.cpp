#include "runtime/scheduler.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

namespace meshflow::runtime {
namespace {

namespace asio = boost::asio;
using AsioStrand = asio::strand<asio::io_context::executor_type>;

// Functions of users that block: as many as a process can hold without trouble (each has a stack of its own).
constexpr std::size_t kBlockingThreadsMax = 256;
// An idle thread stays this long for the next function.
constexpr std::chrono::seconds kBlockingThreadIdle{5};
// A stop waits this long for functions to return; one that is stuck is left to itself.
constexpr std::chrono::milliseconds kBlockingStopWait{250};

// Threads for blocking functions, made on demand. Shared by its threads, since one that is stuck in a user's function
// outlives everything else. All others are joined: a thread that still ends while the process exits would find the
// state of libraries (OpenSSL's, for one) taken down under it.
class BlockingPool : public std::enable_shared_from_this<BlockingPool> {
 public:
  void submit(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    join_ended();
    queue_.push_back(std::move(work));
    if (idle_ >= queue_.size()) {
      wake_.notify_one();
    } else if (workers_.size() < kBlockingThreadsMax) {
      Worker& worker = workers_.emplace_back();
      worker.thread = std::thread([self = shared_from_this(), &worker] { self->serve(worker); });
    }
  }

  void stop() {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    queue_.clear();
    wake_.notify_all();
    ended_.wait_for(lock, kBlockingStopWait, [this] { return std::ranges::all_of(workers_, &Worker::ended); });
    join_ended();
    for (Worker& worker : workers_) {
      if (worker.thread.joinable()) worker.thread.detach();
    }
  }

 private:
  struct Worker {
    std::thread thread;
    bool ended = false;  // it touches nothing of the pool any more, and can be joined at once
  };

  // Under the lock.
  void join_ended() {
    std::erase_if(workers_, [](Worker& worker) {
      if (worker.ended && worker.thread.joinable()) worker.thread.join();
      return worker.ended;
    });
  }

  void serve(Worker& worker) {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      if (queue_.empty()) {
        ++idle_;
        const bool timed_out = wake_.wait_for(lock, kBlockingThreadIdle) == std::cv_status::timeout;
        --idle_;
        if (timed_out && queue_.empty()) break;
        continue;
      }
      auto work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      work = nullptr;  // what it holds is destroyed before the lock is taken again
      lock.lock();
    }
    worker.ended = true;
    ended_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_;
  std::deque<std::function<void()>> queue_;
  std::list<Worker> workers_;  // a list: each thread holds a reference to its own
  std::size_t idle_ = 0;
  bool stopped_ = false;
};

}  // namespace

struct Strand::Impl {
  // Keeps the io_context, which the strand refers to, alive: work of a stuck function may still be posted after stop.
  std::shared_ptr<asio::io_context> context;
  AsioStrand strand;
};

struct Timer::Impl {
  Impl(std::shared_ptr<asio::io_context> io, const AsioStrand& strand) : context(std::move(io)), timer(strand) {}
  std::shared_ptr<asio::io_context> context;
  asio::steady_timer timer;
  std::function<void()> work;
};

struct Scheduler::Impl {
  std::shared_ptr<asio::io_context> context;
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  std::shared_ptr<BlockingPool> blocking;
  std::vector<std::thread> threads;
};

void Strand::post(std::function<void()> work) const {
  // Nobody would run it, and it would keep the context that keeps it: a stuck function may return after the stop.
  if (impl_->context->stopped()) return;
  asio::post(impl_->strand, std::move(work));
}

void Strand::resume(std::coroutine_handle<> coroutine) const {
  asio::post(impl_->strand, [coroutine] { coroutine.resume(); });
}

bool Strand::is_current() const noexcept { return impl_->strand.running_in_this_thread(); }

Timer& Timer::operator=(Timer&& other) noexcept {
  cancel();
  impl_ = std::move(other.impl_);
  return *this;
}

void Timer::cancel() noexcept {
  if (!impl_) return;
  impl_->work = nullptr;  // a handler that is queued already finds nothing to do
  impl_->timer.cancel();
  impl_.reset();
}

Scheduler::Scheduler(int threads) {
  const int count = threads > 0 ? threads : std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
  auto context = std::make_shared<asio::io_context>(count);
  impl_ = std::make_unique<Impl>(Impl{context, asio::make_work_guard(*context), std::make_shared<BlockingPool>(), {}});
  for (int i = 0; i < count; ++i) {
    impl_->threads.emplace_back([context] { context->run(); });
  }
}

Scheduler::~Scheduler() { stop(); }

Strand Scheduler::make_strand() const {
  return Strand(
      std::make_shared<Strand::Impl>(Strand::Impl{impl_->context, AsioStrand(impl_->context->get_executor())}));
}

Timer Scheduler::after(const Strand& strand, std::chrono::nanoseconds delay, std::function<void()> work) const {
  auto timer = std::make_shared<Timer::Impl>(impl_->context, strand.impl_->strand);
  timer->work = std::move(work);
  timer->timer.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(delay));
  // Weak: a handler that is still queued when the context stops would keep the timer, which keeps the context.
  timer->timer.async_wait([weak = std::weak_ptr(timer)](const boost::system::error_code& error) {
    const auto alive = weak.lock();
    if (!error && alive && alive->work) std::exchange(alive->work, nullptr)();
  });
  return Timer(std::move(timer));
}

void Scheduler::run_blocking(std::function<void()> work) const { impl_->blocking->submit(std::move(work)); }

void Scheduler::stop() {
  if (impl_->threads.empty()) return;  // stopped before
  impl_->blocking->stop();
  impl_->guard.reset();
  impl_->context->stop();
  for (auto& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
  impl_->threads.clear();
  // What was posted and not yet run: coroutines of calls that nobody waits for any more come to their ends here,
  // instead of staying behind for ever.
  impl_->context->restart();
  impl_->context->poll();
}

namespace {

Detached run_detached(Task<void> task) { co_await std::move(task); }

}  // namespace

void spawn(Task<void> task) { run_detached(std::move(task)); }

}  // namespace meshflow::runtime
