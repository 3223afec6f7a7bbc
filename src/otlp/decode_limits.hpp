// What decoding OTLP is bounded by, and what it reports beside the value. The same for protobuf and JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace meshflow::otlp {

// Past any of these, decoding ends with ErrorCode::limit_exceeded and a message that names the limit.
struct DecodeLimits {
  // Of the input. OTLP's exporters send at most 64 MiB a request (OTLP specification, "Message size").
  std::size_t input_bytes_max = std::size_t{64} << 20;
  // Spans of a request, rejected ones included: 64 MiB of spans of 256 bytes each. SDKs send 512 at a time.
  std::size_t spans_max = std::size_t{1} << 18;
  // Attributes of one span, event, link, scope or resource: 32 times what SDKs keep by default.
  std::size_t attributes_max = 4096;
  // Arrays and key-value lists inside one another in one value. Each level is one frame of a recursion.
  std::size_t value_depth_max = 32;
  // Everything repeated, taken together: resources, scopes, spans, events, links, attributes, elements of values. An
  // empty one takes 2 bytes of input and up to 152 in memory: a request made for it stays below 1 GiB all the same.
  std::size_t items_max = std::size_t{1} << 22;
  // JSON only: objects, arrays, strings, numbers. 64 MiB of them at 8 bytes each. In memory they take up to 80.
  std::size_t json_values_max = std::size_t{1} << 23;
};

// What was not taken as it came.
struct DecodeStats {
  // Spans left out because an id has the wrong length or is all zero, and why the first of them was: a sentence fit
  // for ExportTracePartialSuccess.error_message.
  std::uint64_t rejected_spans = 0;
  std::string rejection;
  // Pieces of invalid UTF-8 that became U+FFFD.
  std::uint64_t replaced_utf8 = 0;

  friend bool operator==(const DecodeStats&, const DecodeStats&) = default;
};

template <typename T>
struct Decoded {
  T value;
  DecodeStats stats;
};

}  // namespace meshflow::otlp
