// How ended spans get from the threads that record them to the one that exports them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "telemetry/span_record.hpp"
#include "telemetry/trace_scope.hpp"

namespace meshflow::telemetry {

class Pipeline;

// A counter that one thread writes and any thread reads.
class OwnedCounter {
 public:
  void add() noexcept { value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What became of the spans of one thread or of many.
struct SpanCounts {
  std::uint64_t started = 0;
  std::uint64_t not_recorded = 0;
  std::uint64_t ended = 0;
  std::uint64_t discarded = 0;
  std::uint64_t dropped_queue_full = 0;
};

// What one thread does with one provider: it takes empty records from here and leaves ended ones here, without a lock
// and without touching memory that another recording thread writes.
//
// Threads: the owner (the thread that registered) calls take, put_back, push and close; the pipeline's thread calls
// collect; give_back may be called by any thread. Counters are written by the owner.
//
// Lifetime: counted. A lane lives while its pipeline lists it, its owner has not closed it, or a record of its pool is
// out: a span may end on another thread, after its own thread and its provider have gone. The owner's share is counted
// without atomic operations: as kOwnerShare until close, when what it took and put back is settled.
class Lane {
 public:
  // A span and when it ended; the stamp lies here so that sorting need not touch the record.
  struct Ended {
    SpanRecord* record;
    std::uint64_t stamp;
  };

  // `keep_alive` is what records refer to besides: the provider.
  Lane(Pipeline& pipeline, std::shared_ptr<ProviderCore> keep_alive, std::uint32_t fork_generation);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  [[nodiscard]] const ProviderCore* provider() const noexcept { return provider_.get(); }
  [[nodiscard]] std::uint32_t fork_generation() const noexcept { return fork_generation_; }

  // An empty record; from the heap only while the pool is empty.
  [[nodiscard]] SpanRecord* take() noexcept;
  // Returns a record that was taken from this lane, without the detour through the pipeline.
  void put_back(SpanRecord* record) noexcept;
  // Hands over an ended span; false where the queue is full: the record stays the caller's.
  [[nodiscard]] bool push(SpanRecord* record) noexcept;
  // The owner's last call. The pipeline still collects what is here; without a pipeline it is discarded.
  void close() noexcept;

  // Appends what was pushed so far, in order.
  void collect(std::vector<Ended>& out);
  [[nodiscard]] std::uint64_t waiting() const noexcept {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_closed() const noexcept { return (gone_.load(std::memory_order_acquire) & kOwnerGone) != 0; }

  // Returns records that were taken from this lane; the lane may be gone afterwards. Any thread.
  void give_back(std::span<SpanRecord* const> records) noexcept;
  // The pipeline's last call; the lane may be gone afterwards. What is still here is discarded.
  void forget() noexcept;
  [[nodiscard]] SpanCounts counts() const noexcept;

  OwnedCounter started;
  OwnedCounter not_recorded;
  OwnedCounter ended;
  OwnedCounter discarded;
  OwnedCounter dropped_queue_full;

 private:
  static constexpr std::int64_t kOwnerShare = std::int64_t{1} << 40;
  static constexpr unsigned kOwnerGone = 1;
  static constexpr unsigned kPipelineGone = 2;

  ~Lane();
  void release(std::int64_t shares) noexcept;
  void discard_ended() noexcept;
  static void free_list(SpanRecord* record) noexcept;

  // The owner's.
  Pipeline& pipeline_;
  const std::shared_ptr<ProviderCore> provider_;
  const std::uint32_t fork_generation_;
  const std::int64_t pooled_records_max_;  // more go back to the heap when they return
  std::uint32_t credits_ = 0;       // places of the queue that this lane may fill before it asks for more
  SpanRecord* free_ = nullptr;
  std::int64_t taken_ = 0;          // records that the owner took and did not put back itself
  const std::uint64_t slot_mask_;
  const std::unique_ptr<Ended[]> slots_;

  alignas(64) std::atomic<std::uint64_t> tail_{0};         // written by the owner
  alignas(64) std::atomic<std::uint64_t> head_{0};         // written by the pipeline
  alignas(64) std::atomic<SpanRecord*> returned_{nullptr};  // written by whoever returns records
  std::atomic<std::int64_t> shares_{kOwnerShare + 1};       // the owner's and the pipeline's; then each record out
  std::atomic<std::int64_t> record_count_{0};
  std::atomic<unsigned> gone_{0};  // the second to go discards what is left
};

// Returns each record to the lane that it was taken from. Any thread.
void return_records(std::span<SpanRecord* const> records) noexcept;

}  // namespace meshflow::telemetry
