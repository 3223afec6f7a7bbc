// The model of OTLP traces as protobuf bytes (opentelemetry-proto 1.11), for what is not recorded as bytes already.
//
// The bytes are canonical: fields in the order of their numbers, defaults left out, lengths as short as they can be.
// All functions are pure and safe to call concurrently. Their recursion is as deep as the values are nested.
#pragma once

#include <string>

#include "otlp/model.hpp"

namespace meshflow::otlp {

// TracesData, which is also ExportTraceServiceRequest.
[[nodiscard]] std::string encode(const TracesData& traces);
// One message each, without tag and length.
[[nodiscard]] std::string encode(const Span& span);
[[nodiscard]] std::string encode(const Resource& resource);
[[nodiscard]] std::string encode(const InstrumentationScope& scope);
[[nodiscard]] std::string encode(const ExportTraceServiceResponse& response);

}  // namespace meshflow::otlp
