// The seam between the receivers and whoever keeps spans.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "telemetry/start_events.hpp"

namespace meshflow::server {

// What a receiver hands requests to.
class SpanSink {
 public:
  virtual ~SpanSink() = default;

  struct Accepted {
    std::uint64_t rejected_spans = 0;
    std::string rejection = {};  // a sentence for partial_success, where anything was rejected
  };
  using Done = std::function<void(Result<Accepted>)>;

  // Takes one ExportTraceServiceRequest, as protobuf. `done` is called exactly once, from any thread and perhaps before
  // ingest returns, when the request is durable or refused. Called by many threads, some of which serve sockets: it
  // must not wait for a disk. Errors by code: invalid_input (the bytes are no such message), limit_exceeded (a limit
  // that no later try would pass), unavailable (overloaded, or the disk is full: a later try may succeed), timeout,
  // cancelled and conflict (as unavailable); any other code is a fault of the server.
  virtual void ingest(std::string otlp_protobuf, Done done) = 0;
  // Spans that have begun, for live views. Any thread; returns soon.
  virtual void begun(std::vector<telemetry::SpanStart> starts) { (void)starts; }
};

}  // namespace meshflow::server
