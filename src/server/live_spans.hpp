// Spans that have begun and have not arrived: what live views draw before there is anything to store.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "otlp/inspect.hpp"
#include "telemetry/start_events.hpp"

namespace meshflow::server {

// Past these the oldest are forgotten.
struct LiveSpanLimits {
  std::size_t spans_max = 50'000;
  std::size_t bytes_max = std::size_t{32} << 20;
  std::chrono::hours age_max{48};  // twice as long as a person is waited for
};

// In memory alone: a server that was started later knows of spans that begin from then on. Thread-safe.
class LiveSpans {
 public:
  explicit LiveSpans(LiveSpanLimits limits = {}, const Clock& clock = system_clock())
      : limits_(limits), clock_(clock) {}

  // Those that have arrived already, or are known, are left out. Returns the keys of the others.
  std::vector<otlp::SpanKey> begin(std::vector<telemetry::SpanStart> starts);
  // They are over: forgotten. Cheap while nothing is known.
  void arrived(std::span<const otlp::SpanKey> keys);

  // Of one trace, by their start; at most `count_max`, and how many there are.
  struct Found {
    std::vector<telemetry::SpanStart> spans;
    std::size_t total = 0;
  };
  [[nodiscard]] Found of(const otlp::TraceId& trace_id, std::size_t count_max) const;

  struct Stats {
    std::size_t open = 0;
    std::size_t bytes = 0;
    std::uint64_t begun = 0;      // that were told
    std::uint64_t forgotten = 0;  // by a limit
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct KeyHash {
    std::size_t operator()(const otlp::SpanKey& key) const noexcept {
      return static_cast<std::size_t>((key.trace_low ^ key.span) * 0x9E3779B97F4A7C15u);
    }
  };
  struct TraceKey {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend auto operator<=>(const TraceKey&, const TraceKey&) = default;
  };
  struct Open {
    telemetry::SpanStart span;
    std::size_t bytes = 0;
    std::uint64_t order = 0;  // its key in by_age_
  };
  void forget(const otlp::SpanKey& key);      // mutex_ held
  void keep_to_limits(std::int64_t now);      // likewise
  void remember_arrival(const otlp::SpanKey& key);

  const LiveSpanLimits limits_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<otlp::SpanKey, Open, KeyHash> open_;
  std::map<TraceKey, std::vector<otlp::SpanKey>> by_trace_;
  struct Age {
    otlp::SpanKey key;
    std::int64_t told_nanos = 0;  // monotonic
  };
  std::map<std::uint64_t, Age> by_age_;
  std::uint64_t next_order_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t forgotten_ = 0;
  // Of the last arrivals: an event may come after its span.
  std::deque<otlp::SpanKey> arrivals_;
  std::unordered_set<otlp::SpanKey, KeyHash> has_arrived_;
};

[[nodiscard]] otlp::SpanKey key_of(const otlp::TraceId& trace_id, const otlp::SpanId& span_id) noexcept;

}  // namespace meshflow::server
