// Where spans come from and where they go.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/telemetry/attribute.hpp"
#include "meshflow/telemetry/span.hpp"

namespace meshflow::telemetry {

struct TracerCore;   // private
class ProviderCore;  // private

// Starts spans of one instrumentation scope. A cheap handle, copyable; every method is safe to call concurrently.
// It may outlive its provider: its spans are then not recorded.
class Tracer {
 public:
  Tracer() = default;  // records nothing
  [[nodiscard]] Span start_span(std::string_view name, const SpanOptions& options = {}) const noexcept;

 private:
  friend class TracerProvider;
  explicit Tracer(std::shared_ptr<const TracerCore> core) : core_(std::move(core)) {}
  std::shared_ptr<const TracerCore> core_;
};

// Instrumentation scope (OTLP InstrumentationScope plus schema_url).
struct Scope {
  std::string name{};
  std::string version{};
  std::string schema_url{};
  Attributes attributes{};
};

// What became of spans so far, under the names of the otel.sdk.* metrics. Counters only grow.
struct TelemetryStats {
  std::uint64_t span_started = 0;            // otel.sdk.span.started
  std::uint64_t not_recorded = 0;            // … with otel.span.sampling_result=DROP; those held and let go included
  std::int64_t span_live = 0;                // otel.sdk.span.live
  std::uint64_t discarded = 0;               // Span::discard
  std::uint64_t queue_size = 0;              // otel.sdk.processor.span.queue.size, now
  std::uint64_t processed = 0;               // otel.sdk.processor.span.processed
  std::uint64_t dropped_queue_full = 0;      // … with error.type=queue_full
  std::uint64_t dropped_after_shutdown = 0;  // … with error.type=already_shutdown
  struct Exporter {
    std::string name;                        // "console", "otlp_http", "otlp_grpc", "file", "spool", "memory"
    std::uint64_t exported = 0;              // otel.sdk.exporter.span.exported
    std::uint64_t dropped = 0;               // … with error.type: rejected, failed, or queue full
    std::string last_error;                  // empty when none
  };
  std::vector<Exporter> exporters;
};

// Owns the pipeline of one process or one Mesh: not global, nothing registers itself. Thread-safe. Destroying it shuts
// it down with the time limit of its configuration.
class TracerProvider {
 public:
  explicit TracerProvider(std::shared_ptr<ProviderCore> core) noexcept;
  ~TracerProvider();
  TracerProvider(const TracerProvider&) = delete;
  TracerProvider& operator=(const TracerProvider&) = delete;

  [[nodiscard]] Tracer tracer(Scope scope) const;
  // Returns once every span that ended before the call was given to each exporter and each has finished with it, or
  // at the time limit: false then.
  bool flush(std::chrono::milliseconds timeout);
  // The same for the exporters that wait for no peer (console, file, spool, memory) only.
  bool flush_local(std::chrono::milliseconds timeout);
  // flush, then stops the threads and closes the exporters; only the first call counts. Spans that end afterwards are
  // counted as dropped.
  bool shutdown(std::chrono::milliseconds timeout);
  [[nodiscard]] TelemetryStats stats() const;

 private:
  std::shared_ptr<ProviderCore> core_;
};

}  // namespace meshflow::telemetry
