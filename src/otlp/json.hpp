// OTLP/JSON (OTLP specification, "JSON Protobuf Encoding"): the model of traces as JSON text, both ways.
//
// As written: lowerCamelCase keys, defaults left out, 64-bit integers as decimal strings, trace and span ids as
// lower-case hex, other bytes as base64, enums as integers, NaN and infinities as strings. One line without a newline,
// so that a file of such lines is the OTLP file form. Doubles come back with the same bits (NaN as a NaN).
// As read: both forms of integers, hex in either case, the standard and the URL alphabet of base64, null as absent;
// unknown keys are ignored; of several kinds in one AnyValue the first in the order of their field numbers counts.
// All functions are pure and safe to call concurrently.
#pragma once

#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "otlp/decode_limits.hpp"
#include "otlp/model.hpp"

namespace meshflow::otlp {

// TracesData, which is also ExportTraceServiceRequest. Invalid UTF-8 becomes U+FFFD.
[[nodiscard]] std::string encode_json(const TracesData& traces);
[[nodiscard]] std::string encode_json(const Span& span);
[[nodiscard]] std::string encode_json(const ExportTraceServiceResponse& response);

// Text that is no JSON gives ErrorCode::invalid_input with line and column (in bytes, from 1); a value of the wrong
// type gives it with the value's path ("resourceSpans[0].scopeSpans[0].spans[2].kind"); what is past a limit gives
// ErrorCode::limit_exceeded. Spans with unusable ids are left out and counted in the stats, as decode_traces does.
[[nodiscard]] Result<Decoded<TracesData>> decode_traces_json(std::string_view text, const DecodeLimits& limits = {});
[[nodiscard]] Result<Decoded<ExportTraceServiceResponse>> decode_response_json(std::string_view text,
                                                                               const DecodeLimits& limits = {});

}  // namespace meshflow::otlp
