// What a TracerProvider is inside: configuration, scopes, and the pipeline of this process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/lane.hpp"
#include "telemetry/pipeline.hpp"
#include "telemetry/provider.hpp"
#include "telemetry/sampler.hpp"
#include "telemetry/tracer_core.hpp"

namespace meshflow::telemetry {

// Thread-safe. Shared by the provider, its tracers and its lanes, so that a span may outlive the provider.
class ProviderCore : public std::enable_shared_from_this<ProviderCore> {
 public:
  ProviderCore(ProviderOptions options, std::vector<std::unique_ptr<SpanExporter>> exporters);
  ~ProviderCore();
  ProviderCore(const ProviderCore&) = delete;
  ProviderCore& operator=(const ProviderCore&) = delete;

  // The one of `scope`; it lives as long as this object.
  [[nodiscard]] const TracerCore& tracer(Scope scope);
  [[nodiscard]] Span start_span(const TracerCore& tracer, std::string_view name, const SpanOptions& options) noexcept;

  // For the end of a span, of whatever provider its record is.
  static void end(SpanRecord* record, std::int64_t end_unix_nanos, std::int64_t monotonic_nanos) noexcept;
  static void discard(SpanRecord* record) noexcept;
  // See announce.hpp.
  static void announce(const Span& span) noexcept;
  // Exports what the retention of a trace held.
  static void release(std::vector<SpanRecord*> records) noexcept;

  [[nodiscard]] bool flush(std::chrono::milliseconds timeout, FlushScope scope);
  [[nodiscard]] bool shutdown(std::chrono::milliseconds timeout);
  // The provider is gone.
  void close() noexcept;
  [[nodiscard]] TelemetryStats stats() const;
  [[nodiscard]] std::chrono::milliseconds shutdown_timeout() const noexcept { return options_.shutdown_timeout; }

 private:
  // What the sampler and the trace's retention say of a new span. Held where there is a retention, else recorded where
  // sampled.
  struct Fate {
    bool is_sampled;
    std::shared_ptr<Retention> retention;
  };

  static void identify(Context& context, const SpanOptions& options) noexcept;
  void start_clock(Span& span, const SpanOptions& options) const noexcept;
  // Begins the retention of a trace that is to be held, in `context`.
  [[nodiscard]] Fate decide(Context& context, const SpanOptions& options, bool is_local_root);

  // The calling thread's; null after shutdown, and once the thread's own variables are gone.
  [[nodiscard]] Lane* lane() noexcept;
  [[nodiscard]] Lane* find_lane() noexcept;
  [[nodiscard]] Pipeline& pipeline() const noexcept;
  void restart_after_fork(std::uint32_t generation) const noexcept;
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_.load(std::memory_order_relaxed); }
  [[nodiscard]] Pipeline::Options pipeline_options() const noexcept;

  void submit(SpanRecord* record) noexcept;
  void submit_past_lanes(std::vector<SpanRecord*> records) noexcept;
  void discard_held(const std::vector<SpanRecord*>& records) noexcept;
  static void put_back(SpanRecord* record, Lane* lane) noexcept;

  const ProviderOptions options_;
  const Clock* const clock_;  // null: the operating system's, read without a virtual call
  const Sampler sampler_;
  const bool records_;  // has exporters and is not disabled
  const std::string resource_;  // encoded

  std::atomic<bool> is_closed_{false};
  std::atomic<TracerCore*> tracers_{nullptr};  // only ever grows: read and extended without a lock, also after fork

  // The pipeline of this process; a forked child makes one of its own, hence mutable.
  mutable std::atomic<Pipeline*> pipeline_{nullptr};
  mutable std::atomic<std::uint32_t> pipeline_generation_;
  mutable std::atomic<std::uint32_t> restart_claim_;
  mutable std::shared_ptr<Pipeline> pipeline_owner_;  // shared with the pipeline's thread

  // What no lane counts.
  std::atomic<std::uint64_t> held_and_let_go_{0};
  std::atomic<std::uint64_t> ended_without_lane_{0};
  std::atomic<std::uint64_t> discarded_without_lane_{0};
  std::atomic<std::uint64_t> started_without_lane_{0};
  std::atomic<std::uint64_t> dropped_after_shutdown_{0};
};

}  // namespace meshflow::telemetry
