// OTLP protobuf bytes (opentelemetry-proto 1.11) as the model of traces.
//
// Unknown fields, and known ones with another wire type, are skipped. Repeated singular fields merge as protobuf says:
// the last scalar wins, messages are joined. Bytes that are no protobuf give ErrorCode::invalid_input; what is past a
// limit gives ErrorCode::limit_exceeded. All functions are pure and safe to call concurrently.
#pragma once

#include <string_view>

#include "meshflow/base/error.hpp"
#include "otlp/decode_limits.hpp"
#include "otlp/model.hpp"

namespace meshflow::otlp {

// TracesData or ExportTraceServiceRequest. Spans with unusable ids are left out and counted in the stats; the rest is
// kept. A parent id of eight zeros means a root span, a link's ids may be all zero.
[[nodiscard]] Result<Decoded<TracesData>> decode_traces(std::string_view bytes, const DecodeLimits& limits = {});

// One message each, without tag and length. A span with unusable ids is an error.
[[nodiscard]] Result<Decoded<Span>> decode_span(std::string_view bytes, const DecodeLimits& limits = {});
[[nodiscard]] Result<Decoded<Resource>> decode_resource(std::string_view bytes, const DecodeLimits& limits = {});
[[nodiscard]] Result<Decoded<InstrumentationScope>> decode_scope(std::string_view bytes,
                                                                 const DecodeLimits& limits = {});
[[nodiscard]] Result<Decoded<ExportTraceServiceResponse>> decode_response(std::string_view bytes,
                                                                          const DecodeLimits& limits = {});

}  // namespace meshflow::otlp
