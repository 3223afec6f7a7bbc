// Telling live views that a span has begun (start_events.hpp).
#pragma once

#include "meshflow/telemetry/span.hpp"

namespace meshflow::telemetry {

// With the attributes that it has by now: once, soon after its start. Where nobody looks, or the span is not recorded
// or is held back, nothing happens. By the thread that has the span.
void announce(const Span& span) noexcept;

}  // namespace meshflow::telemetry
