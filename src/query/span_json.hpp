// One span, whole, as the web UI's API has it.
#pragma once

#include "query/json_writer.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// `trace` must have one span, as Snapshot::span() gives it. Values of attributes are {key, type, value}: integers and
// lists as text (lists as JSON), bytes in base64. `raw` is the span in OTLP's JSON.
void write_span_json(JsonWriter& out, const store::StoredTrace& trace);

}  // namespace meshflow::query
