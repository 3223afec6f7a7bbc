// Field numbers and wire types of OTLP traces: opentelemetry-proto 1.11 (trace.proto, common.proto, resource.proto,
// trace_service.proto). The one table: readers and writers of OTLP protobuf name their fields by it.
#pragma once

#include <cstdint>

namespace meshflow::otlp {

// TracesData and ExportTraceServiceRequest: the same bytes.
enum class TracesField : std::uint32_t { resource_spans = 1 };

enum class ResourceSpansField : std::uint32_t { resource = 1, scope_spans = 2, schema_url = 3 };

enum class ResourceField : std::uint32_t { attributes = 1, dropped_attributes_count = 2, entity_refs = 3 };

enum class EntityRefField : std::uint32_t { schema_url = 1, type = 2, id_keys = 3, description_keys = 4 };

enum class ScopeSpansField : std::uint32_t { scope = 1, spans = 2, schema_url = 3 };

enum class ScopeField : std::uint32_t { name = 1, version = 2, attributes = 3, dropped_attributes_count = 4 };

enum class SpanField : std::uint32_t {
  trace_id = 1,
  span_id = 2,
  trace_state = 3,
  parent_span_id = 4,
  name = 5,
  kind = 6,
  start_time_unix_nano = 7,  // fixed64
  end_time_unix_nano = 8,    // fixed64
  attributes = 9,
  dropped_attributes_count = 10,
  events = 11,
  dropped_events_count = 12,
  links = 13,
  dropped_links_count = 14,
  status = 15,
  flags = 16,  // fixed32
};

enum class EventField : std::uint32_t {
  time_unix_nano = 1,  // fixed64
  name = 2,
  attributes = 3,
  dropped_attributes_count = 4,
};

enum class LinkField : std::uint32_t {
  trace_id = 1,
  span_id = 2,
  trace_state = 3,
  attributes = 4,
  dropped_attributes_count = 5,
  flags = 6,  // fixed32
};

enum class StatusField : std::uint32_t { message = 2, code = 3 };

// KeyValue.key_strindex = 3 and AnyValue.string_value_strindex = 8 belong to profiles alone: unknown here.
enum class KeyValueField : std::uint32_t { key = 1, value = 2 };

enum class AnyValueField : std::uint32_t {
  string_value = 1,
  bool_value = 2,
  int_value = 3,
  double_value = 4,
  array_value = 5,
  kvlist_value = 6,
  bytes_value = 7,
};

// ArrayValue (of AnyValue) and KeyValueList (of KeyValue).
enum class ListField : std::uint32_t { values = 1 };

enum class ResponseField : std::uint32_t { partial_success = 1 };

enum class PartialSuccessField : std::uint32_t { rejected_spans = 1, error_message = 2 };

// Span.flags and Link.flags (trace.proto, "SpanFlags"): the low byte holds the W3C trace flags.
inline constexpr std::uint32_t kFlagsTraceFlagsMask = 0x000000FF;
inline constexpr std::uint32_t kFlagsHasIsRemote = 0x00000100;
inline constexpr std::uint32_t kFlagsIsRemote = 0x00000200;

}  // namespace meshflow::otlp
