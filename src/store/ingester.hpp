// From the log to the tables: one thread decodes requests into recent spans, another moves these into DuckDB. Private
// to the room.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "store/operations.hpp"
#include "store/recent.hpp"
#include "store/request_log.hpp"
#include "store/span_decoder.hpp"
#include "store/tables.hpp"

namespace meshflow::store {

// Rows of one append: DuckDB's row group, which it then writes to its file at once.
inline constexpr std::uint64_t kAppendRows = 122'880;
// Spans that may wait for the tables; past it, or past Options::recent_bytes_max, requests wait in the queue, which
// refuses when it is full.
inline constexpr std::uint64_t kRecentRowsMax = 3 * kAppendRows;
// Spans wait for others so long at most.
inline constexpr std::chrono::seconds kAppendAge{30};
inline constexpr std::chrono::seconds kAppendRetry{1};
// Appends between two checkpoints.
inline constexpr int kAppendsPerCheckpoint = 8;

// Thread-safe.
class Ingester {
 public:
  struct Options {
    std::uint64_t queue_bytes_max = std::uint64_t{128} << 20;
    std::uint64_t recent_bytes_max = std::uint64_t{256} << 20;  // one request more may be there
    // After positions were committed: files that nobody needs may go.
    std::function<void(const SourcePositions&)> committed = {};
    // After a request's spans are there to be seen, on the thread that decodes: StoreOptions::visible.
    std::function<void(std::span<const otlp::SpanKey>)> visible = {};
    // Every few seconds, on the thread that appends: retention.
    std::function<void()> maintain = {};
  };
  // All must outlive it. Its threads begin here.
  Ingester(Tables& tables, RecentSpans& recent, Operations& operations, Options options);
  ~Ingester();
  Ingester(const Ingester&) = delete;
  Ingester& operator=(const Ingester&) = delete;

  // ---- bounding the queue ----
  // Room for `bytes`, kept until the request is visible; false where there is none.
  [[nodiscard]] bool reserve(std::uint64_t bytes);
  void release(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t queued_bytes() const;

  // A request for which room was reserved.
  void push(LoggedRequest request);
  // Waits for room first; false where the store stops, or cannot store, before there is any.
  [[nodiscard]] bool push_when_room(LoggedRequest request);
  bool wait_until_visible(std::chrono::milliseconds limit);
  // All that is recent goes into the tables.
  [[nodiscard]] Result<void> flush();
  // Runs `work` on the thread that appends, which alone may change the tables; waits for it.
  [[nodiscard]] Result<void> on_writer(std::function<Result<void>()> work);
  // Finishes the queue, appends all, ends the threads. Idempotent.
  [[nodiscard]] Result<void> stop();

  [[nodiscard]] std::uint64_t duplicates() const noexcept { return duplicates_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string trouble() const;

 private:
  void decode_loop();
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] bool decode_when_possible(LoggedRequest& request);
  void append_loop();
  // Leaves out what is here already.
  [[nodiscard]] Result<void> leave_out_duplicates(std::vector<otlp::SpanKey>& keys);
  [[nodiscard]] Result<void> decode(LoggedRequest& request);
  [[nodiscard]] std::uint64_t append_bytes() const noexcept;
  [[nodiscard]] bool is_batch() const;  // enough waits to be appended
  [[nodiscard]] Result<void> append_batch(std::uint64_t rows_min);
  [[nodiscard]] Result<void> append_all();
  void note(const RequestPlace& place);
  void set_trouble(const Result<void>& result);

  Tables& tables_;
  RecentSpans& recent_;
  Operations& operations_;
  const Options options_;

  // The decoding thread's.
  SpanDecoder decoder_;
  SourcePositions positions_;
  std::unique_ptr<SpanFilter> newer_;  // of the last spans that were decoded: what is recent is in one of the two
  std::unique_ptr<SpanFilter> older_;
  std::uint64_t newer_count_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<LoggedRequest> queue_;
  std::uint64_t reserved_bytes_ = 0;
  std::uint64_t pushed_ = 0;   // requests
  std::uint64_t visible_ = 0;  // of these
  bool stopping_ = false;
  bool decoding_done_ = false;
  std::chrono::steady_clock::time_point oldest_;  // when the oldest recent span came
  bool has_recent_ = false;
  struct Job {
    std::function<Result<void>()> work;
    std::function<void(Result<void>)> done;
  };
  std::deque<Job> jobs_;
  std::string trouble_;
  std::atomic<std::uint64_t> duplicates_{0};
  int appends_ = 0;   // since the last checkpoint
  int halvings_ = 0;  // of the next batch: DuckDB's memory was not enough for a larger one

  std::thread decoding_;
  std::thread appending_;
};

}  // namespace meshflow::store
