// Spans that have begun, in the outline of their trace.
#pragma once

#include "query/json_writer.hpp"
#include "server/live_spans.hpp"

namespace meshflow::server {

// The members "open" and "open_more" of an outline: what has begun in a trace and has no row yet.
inline constexpr std::size_t kOpenSpansShownMax = 1'000;
void write_open(query::JsonWriter& out, const LiveSpans::Found& found);

}  // namespace meshflow::server
