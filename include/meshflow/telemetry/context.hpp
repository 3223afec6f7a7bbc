// What a span hands to its children, and what crosses a process border.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/telemetry/ids.hpp"

namespace meshflow::telemetry {

class TraceScope;  // private: what all spans of one trace share in this process (trace state, baggage, retention)

// The identity of a span plus what its children need. A value; cheap to copy; safe to read concurrently.
// An invalid context (default-constructed) as a parent starts a new trace.
struct Context {
  TraceId trace_id{};
  SpanId span_id{};
  std::uint8_t trace_flags = 0;  // W3C Trace Context level 2: bit 0 sampled, bit 1 random
  bool is_remote = false;        // came from another process
  // Wall clock minus monotonic clock, in nanoseconds, fixed when the trace began in this process: every span of a
  // trace reads one clock, so that no child outlasts its parent because the wall clock stepped. 0: not fixed yet.
  std::int64_t clock_offset_nanos = 0;
  // When the trace's first span in this process started, wall clock; every context of the trace carries it on. A run
  // resumed in another process may set it to the start of the root that it continues. 0: not known.
  std::int64_t local_root_start_unix_nanos = 0;
  std::shared_ptr<TraceScope> scope{};  // shared by the trace's spans, which end on any thread and in any order

  [[nodiscard]] bool is_valid() const noexcept { return trace_id.is_valid() && span_id.is_valid(); }
  [[nodiscard]] bool is_sampled() const noexcept { return (trace_flags & 1) != 0; }
};

// The W3C tracestate header value that came with a remote parent; empty if none.
[[nodiscard]] std::string_view trace_state_of(const Context& context) noexcept;

using Baggage = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] const Baggage& baggage_of(const Context& context) noexcept;
// `context` with other baggage; for the spans started from the result.
[[nodiscard]] Context with_baggage(Context context, Baggage baggage);

// Header or environment names and values, as a carrier holds them.
using Carrier = std::map<std::string, std::string, std::less<>>;

// Which formats to read and write (OTEL_PROPAGATORS). Default: tracecontext, baggage.
enum class Propagator { tracecontext, baggage, b3, b3multi };

// Reads the first valid parent from `carrier`, names compared without case: W3C traceparent/tracestate (W3C Trace
// Context, level 2), baggage (W3C Baggage), b3 single and multi. Invalid headers are as absent. Limits: 8 KiB and
// 64 entries of baggage, 512 B and 32 entries of tracestate; what is past them is dropped whole.
[[nodiscard]] Context extract(const Carrier& carrier, const std::vector<Propagator>& propagators);
// Writes `context` into `carrier`; nothing for an invalid context.
void inject(const Context& context, Carrier& carrier, const std::vector<Propagator>& propagators);

}  // namespace meshflow::telemetry
