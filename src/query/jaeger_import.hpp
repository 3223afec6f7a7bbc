// Jaeger's JSON back to OTLP: what its UI and API download, and what write_json(JaegerTrace) writes.
#pragma once

#include <cstddef>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "otlp/decode_limits.hpp"
#include "otlp/model.hpp"

namespace meshflow::query {

// `text` is {"data": [trace, …]}, an array of traces, or one trace. Tags that Jaeger makes of a span's own fields
// (span.kind, error, otel.status_code, otel.status_description, w3c.tracestate, otel.scope.name, otel.scope.version)
// become those fields again; the first CHILD_OF reference within the trace, else the first FOLLOWS_FROM, is the parent,
// the others are links; a log's field `event` is the event's name. Spans whose ids cannot be used are left out and
// counted in the stats. Text that is no JSON, or not of that form, gives invalid_input with the value's place
// ("data[0].spans[2].startTime"). Pure.
[[nodiscard]] Result<otlp::Decoded<otlp::TracesData>> from_jaeger_json(std::string_view text);

// Values within one another in the text; more are refused.
inline constexpr std::size_t kJaegerJsonDepthMax = 32;

}  // namespace meshflow::query
