#include "telemetry/pipeline.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>
#include <new>
#include <unordered_set>
#include <utility>

#include "base/clock.hpp"

namespace meshflow::telemetry {
namespace {

using std::chrono::steady_clock;

// Chunks this small leave hardly a place of the queue unused on an idle thread; taking one costs 1/16 of an atomic
// operation a span at the default queue size.
constexpr std::size_t kCreditChunksMin = 128;
constexpr std::size_t kCreditChunkMax = 32;
// How long before the end of a shutdown running exports are cancelled, at most; a quarter of the time where that is
// less.
constexpr std::chrono::milliseconds kCancelGraceMax{500};

std::vector<std::shared_ptr<ExportChannel>> make_channels(std::vector<std::unique_ptr<SpanExporter>> exporters,
                                                          const BatchOptions& options) {
  std::vector<std::shared_ptr<ExportChannel>> channels;
  for (auto& exporter : exporters) channels.push_back(std::make_shared<ExportChannel>(std::move(exporter), options));
  return channels;
}

SpanCounts& operator+=(SpanCounts& sum, const SpanCounts& more) {
  sum.started += more.started;
  sum.not_recorded += more.not_recorded;
  sum.ended += more.ended;
  sum.discarded += more.discarded;
  sum.dropped_queue_full += more.dropped_queue_full;
  return sum;
}

}  // namespace

Pipeline::Pipeline(const Options& options, std::vector<std::unique_ptr<SpanExporter>> exporters)
    : options_(options),
      credit_chunk_(static_cast<std::uint32_t>(
          std::clamp<std::size_t>(options.batch.max_queue_size / kCreditChunksMin, 1, kCreditChunkMax))),
      channels_(make_channels(std::move(exporters), options.batch)),
      may_be_watched_(
          std::any_of(channels_.begin(), channels_.end(), [](const auto& c) { return c->may_be_watched(); })),
      credits_(static_cast<std::int64_t>(options.batch.max_queue_size)),
      wake_at_credits_(static_cast<std::int64_t>(options.batch.max_queue_size - options.batch.max_export_batch_size)) {
  sem_init(&wake_, 0, 0);
}

Pipeline::~Pipeline() { sem_destroy(&wake_); }

Pipeline::Credits Pipeline::take_credits() noexcept {
  std::int64_t available = credits_.load(std::memory_order_relaxed);
  std::int64_t taken = 0;
  do {
    if (available <= 0) {
      wake();
      return {0, true};
    }
    taken = std::min<std::int64_t>(available, credit_chunk_);
  } while (!credits_.compare_exchange_weak(available, available - taken, std::memory_order_acquire,
                                           std::memory_order_relaxed));
  return {static_cast<std::uint32_t>(taken), available - taken <= wake_at_credits_.load(std::memory_order_relaxed)};
}

void Pipeline::wake() noexcept {
  if (is_woken_.load(std::memory_order_relaxed)) return;
  if (!is_woken_.exchange(true, std::memory_order_acq_rel)) sem_post(&wake_);
}

bool Pipeline::sleep_until(Deadline deadline) noexcept {
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  timespec until{};
  until.tv_sec = nanos / 1'000'000'000;
  until.tv_nsec = nanos % 1'000'000'000;
  int outcome = 0;
  do {
    outcome = sem_clockwait(&wake_, CLOCK_MONOTONIC, &until);
  } while (outcome != 0 && errno == EINTR);
  return outcome == 0;
}

void Pipeline::start_thread() {
  has_ended_ = false;
  look_for_watchers();  // so that the very first span is announced
  thread_ = std::thread([self = shared_from_this()] { self->run(); });
}

Lane* Pipeline::open_lane(std::shared_ptr<ProviderCore> provider, std::uint32_t fork_generation) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return nullptr;
  Lane* const lane = new Lane(*this, std::move(provider), fork_generation);
  lanes_.push_back(lane);
  if (!thread_.joinable()) start_thread();
  return lane;
}

bool Pipeline::submit(std::vector<SpanRecord*> records) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return false;
    submitted_.insert(submitted_.end(), records.begin(), records.end());
    if (!thread_.joinable()) start_thread();
  }
  wake();
  return true;
}

// ---- live views -----------------------------------------------------------------------------------------------------

void Pipeline::look_for_watchers() {
  if (!may_be_watched_) return;
  const bool is_watched =
      std::any_of(channels_.begin(), channels_.end(), [](const auto& c) { return c->is_watched(); });
  is_watched_.store(is_watched, std::memory_order_relaxed);
}

std::chrono::milliseconds Pipeline::delay() const noexcept {
  return is_watched() ? std::min(options_.batch.schedule_delay, kWatchedDelay) : options_.batch.schedule_delay;
}

void Pipeline::announce(std::string_view span) noexcept try {
  std::string copy(span);
  const std::lock_guard lock(starts_mutex_);
  if (starts_.size() < kStartsMax) starts_.push_back(std::move(copy));
} catch (const std::bad_alloc&) {  // a live view lacks a span
}

std::vector<std::string> Pipeline::take_starts(const std::vector<Lane::Ended>& ended) {
  std::vector<std::string> starts;
  {
    const std::lock_guard lock(starts_mutex_);
    starts.swap(starts_);
  }
  if (starts.empty()) return starts;
  std::unordered_set<std::string_view> over;
  for (const Lane::Ended& one : ended) over.insert(SpanRecord::identity_of(one.record->bytes()));
  std::erase_if(starts, [&over](const std::string& span) { return over.contains(SpanRecord::identity_of(span)); });
  return starts;
}

void Pipeline::tell_starts(std::vector<std::string> spans) {
  if (spans.empty()) return;
  const StartBatch batch{options_.resource, options_.resource_schema_url, std::move(spans)};
  for (const auto& channel : channels_) {
    if (channel->may_be_watched()) channel->export_starts(batch);
  }
}

void Pipeline::run() {
  Deadline next = steady_clock::now() + delay();
  Deadline look = may_be_watched_ ? steady_clock::now() + kLookEvery : Deadline::max();
  bool is_stopping = false;
  while (!is_stopping) {
    (void)sleep_until(std::min(next, look));
    const Deadline now = steady_clock::now();
    if (now >= look) {
      look_for_watchers();
      look = now + kLookEvery;
      next = std::min(next, now + delay());
    }
    bool is_due = now >= next;
    is_woken_.exchange(false, std::memory_order_acq_rel);
    std::uint64_t ticket = 0;
    Deadline flush_deadline;
    bool is_flush = false;
    {
      const std::lock_guard lock(mutex_);
      is_stopping = is_stopping_;
      ticket = flush_wanted_;
      is_flush = ticket > flush_done_;
      flush_deadline = flush_deadline_;
      is_due = is_due || !submitted_.empty();
    }
    if (!is_due && !is_flush && !is_stopping && !is_batch_waiting()) continue;
    collect(is_stopping ? std::numeric_limits<std::uint64_t>::max() : cutoff(), is_flush || is_stopping);
    next = steady_clock::now() + delay();
    if (!is_flush) continue;
    for (const auto& channel : channels_) channel->flush(ticket, flush_deadline);
    const std::lock_guard lock(mutex_);
    flush_done_ = ticket;
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  changed_.notify_all();
}

std::uint64_t Pipeline::cutoff() const noexcept {
  if (options_.stamps_are_sequence) return sequence_.load();
  return static_cast<std::uint64_t>(system_clock().monotonic_nanos());
}

// A parent that ended after its child, on whatever thread, has the later stamp, and the child was in its lane before
// that stamp was taken. So with a cutoff taken before the lanes are read, a parent whose child was not seen is beyond
// it and waits for the next round.
void Pipeline::collect(std::uint64_t end, bool is_flush) {
  const std::int64_t credits_left = credits_.load();
  {
    const std::lock_guard lock(mutex_);
    collect_lanes();
    for (SpanRecord* const record : submitted_) pending_.push_back({record, record->end_stamp});
    submitted_.clear();
    in_hand_ = pending_.size();
  }
  tell_starts(take_starts(pending_));  // after the lanes were read: a span is announced before it ends
  const std::int64_t credits_when_empty = credits_left + static_cast<std::int64_t>(pending_.size());
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Lane::Ended& a, const Lane::Ended& b) { return a.stamp < b.stamp; });
  const auto first_later =
      std::find_if(pending_.begin(), pending_.end(), [end](const Lane::Ended& ended) { return ended.stamp >= end; });
  std::vector<SpanRecord*> records;
  records.reserve(static_cast<std::size_t>(first_later - pending_.begin()));
  for (auto ended = pending_.begin(); ended != first_later; ++ended) records.push_back(ended->record);
  pending_.erase(pending_.begin(), first_later);
  dispatch(std::move(records), is_flush);
  // What idle lanes keep of the credits is not among those counted here, and so does not pass for spans that wait.
  const auto queue_size = static_cast<std::int64_t>(options_.batch.max_queue_size);
  const auto batch_size = static_cast<std::int64_t>(options_.batch.max_export_batch_size);
  wake_at_credits_.store(std::max<std::int64_t>(0, std::min(credits_when_empty, queue_size) - batch_size));
  if (is_batch_waiting()) wake();  // whoever recorded it went by the old mark
}

void Pipeline::collect_lanes() {
  std::erase_if(lanes_, [this](Lane* lane) {
    const bool is_closed = lane->is_closed();  // read first: what a closed lane holds is all that it will ever hold
    lane->collect(pending_);
    if (!is_closed) return false;
    retired_ += lane->counts();
    lane->forget();
    return true;
  });
}

void Pipeline::dispatch(std::vector<SpanRecord*> records, bool is_flush) {
  for (std::size_t at = 0; at < records.size();) {
    const auto first = records.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t size = std::min(records.size() - at, options_.batch.max_export_batch_size);
    at += size;
    std::vector<SpanRecord*> ended(first, first + static_cast<std::ptrdiff_t>(size));
    const auto credits = std::count_if(ended.begin(), ended.end(), [](const SpanRecord* r) { return r->holds_credit; });
    auto batch = std::make_shared<const RecordBatch>(options_.resource, options_.resource_schema_url, std::move(ended));
    return_credits(static_cast<std::size_t>(credits));
    {
      const std::lock_guard lock(mutex_);
      processed_ += size;
      in_hand_ -= size;
    }
    for (const auto& channel : channels_) {
      if (channel->may_wait()) channel->submit(batch, is_flush);
    }
    for (const auto& channel : channels_) {
      if (!channel->may_wait()) channel->submit(batch, is_flush);
    }
  }
}

bool Pipeline::flush(Deadline deadline, FlushScope scope) {
  std::uint64_t ticket = 0;
  {
    std::unique_lock lock(mutex_);
    if (has_ended_) return true;  // nothing was recorded yet, or everything was flushed by the shutdown
    ticket = ++flush_wanted_;
    flush_deadline_ = std::max(flush_deadline_, deadline);
    wake();
    const bool was_reached = changed_.wait_until(lock, deadline, [&] { return flush_done_ >= ticket || has_ended_; });
    if (!was_reached || flush_done_ < ticket) return false;
  }
  return std::all_of(channels_.begin(), channels_.end(), [&](const auto& channel) {
    return (scope == FlushScope::local && channel->may_wait()) || channel->wait_flushed(ticket, deadline);
  });
}

bool Pipeline::shutdown(Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_closed_, true)) return true;
  }
  const auto time_left = std::max(steady_clock::duration::zero(), deadline - steady_clock::now());
  const Deadline cancel_at = deadline - std::min<steady_clock::duration>(kCancelGraceMax, time_left / 4);
  for (const auto& channel : channels_) channel->limit(cancel_at);
  bool is_clean = flush(cancel_at);
  if (!is_clean) {
    for (const auto& channel : channels_) channel->cancel();
  }
  is_clean = join_thread(deadline) && is_clean;
  for (const auto& channel : channels_) is_clean = channel->stop(deadline) && is_clean;
  return is_clean;
}

bool Pipeline::join_thread(Deadline deadline) {
  std::unique_lock lock(mutex_);
  is_stopping_ = true;
  if (!thread_.joinable()) return true;
  wake();
  if (!changed_.wait_until(lock, deadline, [&] { return has_ended_; })) {
    thread_.detach();  // it hangs in an exporter that should not wait; it keeps this object alive
    return false;
  }
  lock.unlock();
  thread_.join();
  return true;
}

void Pipeline::forget_lanes() {
  std::vector<SpanRecord*> left;
  {
    const std::lock_guard lock(mutex_);
    std::vector<Lane::Ended> ended;
    for (Lane* const lane : lanes_) lane->collect(ended);
    for (const Lane::Ended& e : ended) left.push_back(e.record);
    left.insert(left.end(), submitted_.begin(), submitted_.end());
    submitted_.clear();
    if (has_ended_) {
      for (const Lane::Ended& e : std::exchange(pending_, {})) left.push_back(e.record);
    }
    for (Lane* const lane : std::exchange(lanes_, {})) lane->forget();
  }
  return_records(left);
}

Pipeline::Stats Pipeline::stats() const {
  Stats stats;
  for (const auto& channel : channels_) stats.exporters.push_back(channel->stats());
  const std::lock_guard lock(mutex_);
  stats.spans = retired_;
  for (const Lane* const lane : lanes_) {
    stats.spans += lane->counts();
    stats.waiting += lane->waiting();
  }
  stats.waiting += submitted_.size() + in_hand_;
  stats.processed = processed_;
  stats.has_ended = is_closed_ && has_ended_;
  return stats;
}

std::vector<std::unique_ptr<SpanExporter>> Pipeline::take_exporters_after_fork() {
  std::vector<std::unique_ptr<SpanExporter>> exporters;
  for (const auto& channel : channels_) exporters.push_back(channel->take_after_fork());
  return exporters;
}

}  // namespace meshflow::telemetry
