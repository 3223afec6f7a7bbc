// From ended spans to exporters.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <semaphore.h>

#include "telemetry/export_channel.hpp"
#include "telemetry/lane.hpp"

namespace meshflow::telemetry {

// Which exporters a flush waits for: all, or those that wait for no peer.
enum class FlushScope { all, local };

// One background thread collects the lanes when about a batch waits, the delay has passed or a flush asks; puts the
// spans into the order of their end, so that children precede their parents across threads and batches; and gives them
// to the exporters in batches. Thread-safe. Its thread starts with the first lane.
//
// The queue is bounded by credits. A lane takes a chunk of them at a time, so that threads seldom touch the shared
// counter: max_queue_size spans wait at most, exactly so many where one thread records; with T threads a span may be
// dropped when up to (T - 1) x (chunk - 1) places are still free.
class Pipeline : public std::enable_shared_from_this<Pipeline> {
 public:
  struct Options {
    BatchOptions batch;
    bool stamps_are_sequence = false;  // see stamp()
    std::string_view resource;         // encoded; these two outlive every span
    std::string_view resource_schema_url;
  };

  Pipeline(const Options& options, std::vector<std::unique_ptr<SpanExporter>> exporters);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  [[nodiscard]] std::size_t queue_size_max() const noexcept { return options_.batch.max_queue_size; }
  struct Credits {
    std::uint32_t count;    // 0 where the queue is full
    bool is_batch_waiting;  // about a batch is: wake() once the span that the credits were taken for stands in its lane
  };
  [[nodiscard]] Credits take_credits() noexcept;
  void return_credits(std::size_t credits) noexcept { credits_.fetch_add(static_cast<std::int64_t>(credits)); }

  // The background thread collects soon. Cheap where that was asked already.
  void wake() noexcept;

  // What orders a span that ends now: the time that was read anyway, or a sequence where the clock is a test's, which
  // may stand still.
  [[nodiscard]] std::uint64_t stamp(std::int64_t monotonic_nanos) noexcept {
    return options_.stamps_are_sequence ? sequence_.fetch_add(1) : static_cast<std::uint64_t>(monotonic_nanos);
  }

  // Somebody looks at what an exporter writes. Cheap: asked for every span.
  [[nodiscard]] bool is_watched() const noexcept { return is_watched_.load(std::memory_order_relaxed); }
  // A span that has begun, as its record stands: told to who looks unless it ends first. At most kStartsMax wait; more
  // are left out.
  void announce(std::string_view span) noexcept;

  // A new lane for the calling thread; null after shutdown.
  [[nodiscard]] Lane* open_lane(std::shared_ptr<ProviderCore> provider, std::uint32_t fork_generation);
  // Ended spans past the lanes, without regard to the queue's bound: those that were held back, which are bounded by
  // themselves. False after shutdown: the records stay the caller's.
  [[nodiscard]] bool submit(std::vector<SpanRecord*> records);

  [[nodiscard]] bool flush(Deadline deadline, FlushScope scope = FlushScope::all);
  [[nodiscard]] bool shutdown(Deadline deadline);
  // The owner of the provider is gone: lanes live on only for their threads and records.
  void forget_lanes();
  struct Stats {
    SpanCounts spans;
    std::uint64_t waiting = 0;  // in the queue
    std::uint64_t processed = 0;  // given to the exporters
    bool has_ended = false;  // what waits will not be exported any more
    std::vector<TelemetryStats::Exporter> exporters;
  };
  [[nodiscard]] Stats stats() const;

  // In a forked child; see ExportChannel::take_after_fork.
  [[nodiscard]] std::vector<std::unique_ptr<SpanExporter>> take_exporters_after_fork();

 private:
  void run();
  void start_thread();  // mutex_ held
  // True when woken, false at the deadline.
  [[nodiscard]] bool sleep_until(Deadline deadline) noexcept;
  // `end`: later spans stay for the next round.
  void collect(std::uint64_t end, bool is_flush);
  void collect_lanes();  // mutex_ held
  [[nodiscard]] bool is_batch_waiting() const noexcept { return credits_.load() <= wake_at_credits_.load(); }
  [[nodiscard]] bool join_thread(Deadline deadline);
  void dispatch(std::vector<SpanRecord*> records, bool is_flush);
  [[nodiscard]] std::uint64_t cutoff() const noexcept;

  static constexpr std::size_t kStartsMax = 4096;
  // How often the exporters are asked whether somebody looks, and how long what ended or began waits while somebody
  // does.
  static constexpr std::chrono::milliseconds kLookEvery{500};
  static constexpr std::chrono::milliseconds kWatchedDelay{200};
  void look_for_watchers();
  [[nodiscard]] std::chrono::milliseconds delay() const noexcept;
  // Those that were announced and are not among `ended`.
  [[nodiscard]] std::vector<std::string> take_starts(const std::vector<Lane::Ended>& ended);
  void tell_starts(std::vector<std::string> spans);

  const Options options_;
  const std::uint32_t credit_chunk_;
  const std::vector<std::shared_ptr<ExportChannel>> channels_;
  const bool may_be_watched_;

  std::atomic<bool> is_watched_{false};
  std::mutex starts_mutex_;
  std::vector<std::string> starts_;

  alignas(64) std::atomic<std::int64_t> credits_;
  std::atomic<std::int64_t> wake_at_credits_;  // few enough are left to collect
  std::atomic<std::uint64_t> sequence_{0};
  alignas(64) std::atomic<bool> is_woken_{false};
  sem_t wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Lane*> lanes_;  // each with a share of its own
  std::vector<SpanRecord*> submitted_;  // past the lanes
  SpanCounts retired_;  // of lanes that are gone
  std::uint64_t processed_ = 0;
  std::uint64_t in_hand_ = 0;  // collected, but not given to the exporters yet
  std::uint64_t flush_wanted_ = 0;
  std::uint64_t flush_done_ = 0;
  Deadline flush_deadline_;
  bool is_closed_ = false;  // to lanes and spans
  bool is_stopping_ = false;  // the thread
  bool has_ended_ = true;  // the thread
  std::thread thread_;

  std::vector<Lane::Ended> pending_;  // the thread's: collected, and beyond the cutoff
};

}  // namespace meshflow::telemetry
