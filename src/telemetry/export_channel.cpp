#include "telemetry/export_channel.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace meshflow::telemetry {

ExportChannel::ExportChannel(std::unique_ptr<SpanExporter> exporter, const BatchOptions& options)
    : options_(options),
      exporter_(std::move(exporter)),
      may_wait_(exporter_->may_wait()),
      may_be_watched_(exporter_->may_be_watched()) {
  stats_.name = exporter_->name();
}

void ExportChannel::submit(std::shared_ptr<const RecordBatch> batch, bool is_flush) {
  if (!may_wait_) return export_now(*batch);
  const std::lock_guard lock(mutex_);
  const std::size_t room = options_.max_queue_size * (is_flush ? 2 : 1);
  if (is_cancelled_ || is_stopping_) return count_dropped(batch->span_count, "the exporter was shut down");
  if (queued_spans_ + batch->span_count > room) {
    return count_dropped(batch->span_count,
                         "the exporter's queue was full: its endpoint is too slow or does not answer");
  }
  queued_spans_ += batch->span_count;
  queue_.push_back({std::move(batch), 0, {}});
  if (!thread_.joinable()) {
    has_ended_ = false;
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
  }
  changed_.notify_all();
}

void ExportChannel::flush(std::uint64_t ticket, Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (thread_.joinable() && !has_ended_) {
      queue_.push_back({nullptr, ticket, deadline});
      changed_.notify_all();
      return;
    }
  }
  flush_now(ticket, deadline);
}

bool ExportChannel::begin_call(std::uint64_t spans) {
  const std::lock_guard lock(mutex_);
  if (is_abandoned_ || exporter_ == nullptr) {
    count_dropped(spans, "the exporter was shut down");
    return false;
  }
  is_busy_ = true;
  spans_in_export_ = spans;
  return true;
}

bool ExportChannel::end_call(std::unique_lock<std::mutex>& lock) {
  lock.lock();
  is_busy_ = false;
  spans_in_export_ = 0;
  changed_.notify_all();
  if (!is_abandoned_) return true;
  const std::unique_ptr<SpanExporter> exporter = std::move(exporter_);  // nobody else will
  lock.unlock();
  return false;
}

void ExportChannel::flush_now(std::uint64_t ticket, Deadline deadline) {
  if (!begin_call(0)) return;
  exporter_->flush(deadline);
  std::unique_lock lock(mutex_, std::defer_lock);
  if (end_call(lock)) flushed_ticket_ = std::max(flushed_ticket_, ticket);
}

bool ExportChannel::is_watched() {
  if (!may_be_watched_ || !begin_call(0)) return false;
  const bool is_watched = exporter_->is_watched();
  std::unique_lock lock(mutex_, std::defer_lock);
  return end_call(lock) && is_watched;
}

void ExportChannel::export_starts(const StartBatch& batch) {
  if (!may_be_watched_ || !begin_call(0)) return;
  exporter_->export_starts(batch);
  std::unique_lock lock(mutex_, std::defer_lock);
  (void)end_call(lock);
}

bool ExportChannel::wait_flushed(std::uint64_t ticket, Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] { return flushed_ticket_ >= ticket; });
}

void ExportChannel::limit(Deadline deadline) {
  const std::lock_guard lock(mutex_);
  deadline_max_ = deadline;
}

void ExportChannel::cancel() {
  {
    const std::lock_guard lock(mutex_);
    if (exporter_ == nullptr) return;
    is_cancelled_ = true;
  }
  exporter_->cancel();
}

bool ExportChannel::stop(Deadline deadline) {
  std::unique_lock lock(mutex_);
  is_stopping_ = true;
  changed_.notify_all();
  const bool ended = changed_.wait_until(lock, deadline, [&] { return has_ended_ && !is_busy_; });
  if (!ended) {
    is_abandoned_ = true;
    count_dropped(queued_spans_ + spans_in_export_, "the time limit of the shutdown was reached");
    queued_spans_ = 0;
    spans_in_export_ = 0;
    queue_.clear();
    if (thread_.joinable()) thread_.detach();
    return false;
  }
  const std::unique_ptr<SpanExporter> exporter = std::move(exporter_);  // destroyed after the lock is given up
  lock.unlock();
  if (thread_.joinable()) thread_.join();
  return true;
}

TelemetryStats::Exporter ExportChannel::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void ExportChannel::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return !queue_.empty() || is_stopping_; });
    if (queue_.empty() || is_abandoned_) break;
    const Item item = std::move(queue_.front());
    queue_.pop_front();
    if (item.batch != nullptr) {
      queued_spans_ -= item.batch->span_count;
      if (is_cancelled_) {
        count_dropped(item.batch->span_count, "the time limit of the shutdown was reached");
        continue;
      }
    }
    lock.unlock();
    if (item.batch != nullptr) {
      export_now(*item.batch);
    } else {
      flush_now(item.ticket, item.deadline);
    }
    lock.lock();
  }
  has_ended_ = true;
  changed_.notify_all();
}

void ExportChannel::export_now(const RecordBatch& batch) {
  if (!begin_call(batch.span_count)) return;
  Deadline deadline = std::chrono::steady_clock::now() + options_.export_timeout;
  {
    const std::lock_guard lock(mutex_);
    deadline = std::min(deadline, deadline_max_);
  }
  ExportOutcome outcome;
  try {
    outcome = exporter_->export_batch(batch, deadline);
  } catch (const std::exception& thrown) {
    outcome = {0, batch.span_count, thrown.what()};
  }
  std::unique_lock lock(mutex_, std::defer_lock);
  if (!end_call(lock)) return;
  stats_.exported += outcome.exported;
  count_dropped(outcome.dropped, outcome.error);
}

void ExportChannel::count_dropped(std::uint64_t spans, std::string_view reason) {
  if (spans == 0) return;
  stats_.dropped += spans;
  stats_.last_error = reason;
}

}  // namespace meshflow::telemetry
