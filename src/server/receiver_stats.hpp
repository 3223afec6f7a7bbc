// What a receiver has seen, for the server's own metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace meshflow::server {

// Counted since the receiver began to listen. A request is in exactly one of acknowledged and refused_*, once answered.
struct ReceiverStats {
  std::uint64_t requests = 0;  // with a body that was read whole
  std::uint64_t body_bytes = 0;  // of these, after decompression
  std::uint64_t acknowledged = 0;  // durable, rejected spans or not
  std::uint64_t rejected_spans = 0;  // of acknowledged requests
  std::uint64_t refused_bad = 0;  // no such message, or a content type that is none of OTLP's
  std::uint64_t refused_too_large = 0;  // a limit that no later try would pass
  std::uint64_t refused_overloaded = 0;  // a later try may succeed
  std::uint64_t refused_failed = 0;  // a fault of the server
};

// The same while it is counted. Thread-safe.
struct ReceiverCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> body_bytes{0};
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> rejected_spans{0};
  std::atomic<std::uint64_t> refused_bad{0};
  std::atomic<std::uint64_t> refused_too_large{0};
  std::atomic<std::uint64_t> refused_overloaded{0};
  std::atomic<std::uint64_t> refused_failed{0};

  [[nodiscard]] ReceiverStats stats() const {
    return {.requests = requests,
            .body_bytes = body_bytes,
            .acknowledged = acknowledged,
            .rejected_spans = rejected_spans,
            .refused_bad = refused_bad,
            .refused_too_large = refused_too_large,
            .refused_overloaded = refused_overloaded,
            .refused_failed = refused_failed};
  }
};

}  // namespace meshflow::server
