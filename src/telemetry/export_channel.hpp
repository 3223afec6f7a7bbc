// One exporter with what surrounds it: its thread and queue where it may wait, and the account of its spans.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "telemetry/exporter.hpp"
#include "telemetry/provider.hpp"
#include "telemetry/record_batch.hpp"

namespace meshflow::telemetry {

using Deadline = std::chrono::steady_clock::time_point;

// Each method may be called by any thread, except that submit and flush come from one thread at a time. Shared by the
// pipeline and the channel's own thread, which may have to outlive the pipeline while its exporter hangs.
class ExportChannel : public std::enable_shared_from_this<ExportChannel> {
 public:
  ExportChannel(std::unique_ptr<SpanExporter> exporter, const BatchOptions& options);
  ExportChannel(const ExportChannel&) = delete;
  ExportChannel& operator=(const ExportChannel&) = delete;

  [[nodiscard]] bool may_wait() const noexcept { return may_wait_; }
  // As the exporter has them; false, and nothing, once it was stopped.
  [[nodiscard]] bool may_be_watched() const noexcept { return may_be_watched_; }
  [[nodiscard]] bool is_watched();
  void export_starts(const StartBatch& batch);
  // Exports the batch now, or queues it for the channel's thread. A batch that would make the queue longer than
  // max_queue_size is dropped and counted; while a flush is under way (`is_flush`) twice as much may wait, so that what
  // the processor held is not lost to the rush.
  void submit(std::shared_ptr<const RecordBatch> batch, bool is_flush);
  // Starts flushing what was submitted so far; wait_flushed(ticket) tells when that is done. Tickets grow.
  void flush(std::uint64_t ticket, Deadline deadline);
  // False at the deadline.
  [[nodiscard]] bool wait_flushed(std::uint64_t ticket, Deadline deadline);

  // No export may take longer than until then.
  void limit(Deadline deadline);
  // The running export returns soon; what still waits is dropped and counted.
  void cancel();
  // Ends the thread once its queue is empty, and destroys the exporter. At the deadline the thread is left to itself:
  // what it has not delivered is counted as dropped, and false returned.
  [[nodiscard]] bool stop(Deadline deadline);

  [[nodiscard]] TelemetryStats::Exporter stats() const;

  // In a forked child: the exporter, for a new channel. This object must not be used any more, nor destroyed: another
  // thread of the parent may have held its mutex.
  [[nodiscard]] std::unique_ptr<SpanExporter> take_after_fork() noexcept { return std::move(exporter_); }

 private:
  struct Item {
    std::shared_ptr<const RecordBatch> batch;  // null: a flush
    std::uint64_t ticket = 0;
    Deadline deadline;
  };

  void run();
  void export_now(const RecordBatch& batch);
  void flush_now(std::uint64_t ticket, Deadline deadline);
  // Claims the exporter for a call that carries `spans`; false once it was stopped: they are counted as dropped.
  [[nodiscard]] bool begin_call(std::uint64_t spans);
  // False where stop has not waited for the call: nothing is to be counted, and the exporter is destroyed.
  [[nodiscard]] bool end_call(std::unique_lock<std::mutex>& lock);
  void count_dropped(std::uint64_t spans, std::string_view reason);  // mutex_ held

  const BatchOptions options_;
  std::unique_ptr<SpanExporter> exporter_;
  const bool may_wait_;
  const bool may_be_watched_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> queue_;
  std::uint64_t queued_spans_ = 0;
  bool is_busy_ = false;  // a call to the exporter is under way
  std::uint64_t spans_in_export_ = 0;
  std::uint64_t flushed_ticket_ = 0;
  Deadline deadline_max_ = Deadline::max();
  bool is_cancelled_ = false;
  bool is_stopping_ = false;
  bool is_abandoned_ = false;  // stop has counted what the thread may still be busy with
  bool has_ended_ = true;  // the thread
  TelemetryStats::Exporter stats_;
  std::thread thread_;
};

}  // namespace meshflow::telemetry
