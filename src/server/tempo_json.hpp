// OTLP traces as Tempo's JSON: the JSON form of protobuf, with ids in base64 and enums by name.
#pragma once

#include <string>
#include <string_view>

#include "otlp/model.hpp"
#include "query/json_writer.hpp"

namespace meshflow::server {

// {"batches": […]}, or with another name for the resource spans: {"resourceSpans": […]}. Defaults are left out. Pure.
void write_tempo_trace(query::JsonWriter& out, const otlp::TracesData& data, std::string_view resource_spans_name);

}  // namespace meshflow::server
