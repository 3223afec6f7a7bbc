// OTLP traces as plain owned values: opentelemetry-proto 1.11, every field of traces (fields.hpp has the numbers).
// What protobuf cannot tell apart is one here: an absent message and an empty one, a KeyValue without a value and one
// with an empty value.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace meshflow::otlp {

struct AnyValue;
struct KeyValue;

// Bytes, told apart from text.
struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};
using ArrayValue = std::vector<AnyValue>;
using KeyValueList = std::vector<KeyValue>;  // in order; OTLP wants unique keys, nothing here enforces it

// An attribute's value; std::monostate is OTLP's empty value. Has the shape of wire.hpp's NestedValue.
struct AnyValue {
  using Variant =
      std::variant<std::monostate, std::string, bool, std::int64_t, double, ArrayValue, KeyValueList, Bytes>;
  Variant value;

  friend bool operator==(const AnyValue&, const AnyValue&);
};

struct KeyValue {
  std::string key;
  AnyValue value;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

inline bool operator==(const AnyValue& a, const AnyValue& b) { return a.value == b.value; }

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;
// All zero is no id: the parent of a root span, a link to nowhere.
[[nodiscard]] inline bool is_set(const TraceId& id) noexcept { return id != TraceId{}; }
[[nodiscard]] inline bool is_set(const SpanId& id) noexcept { return id != SpanId{}; }

// Open enums, as in proto3: values that are not named here are kept.
enum class SpanKind : std::int32_t {
  unspecified = 0,
  internal = 1,
  server = 2,
  client = 3,
  producer = 4,
  consumer = 5
};
enum class StatusCode : std::int32_t { unset = 0, ok = 1, error = 2 };

struct Status {
  std::string message;
  StatusCode code = StatusCode::unset;
  friend bool operator==(const Status&, const Status&) = default;
};

struct Event {
  std::uint64_t time_unix_nano = 0;
  std::string name;
  KeyValueList attributes;
  std::uint32_t dropped_attributes_count = 0;
  friend bool operator==(const Event&, const Event&) = default;
};

struct Link {
  TraceId trace_id{};
  SpanId span_id{};
  std::string trace_state;
  KeyValueList attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::uint32_t flags = 0;
  friend bool operator==(const Link&, const Link&) = default;
};

struct Span {
  TraceId trace_id{};
  SpanId span_id{};
  std::string trace_state;
  SpanId parent_span_id{};  // all zero: a root span
  std::uint32_t flags = 0;
  std::string name;
  SpanKind kind = SpanKind::unspecified;
  std::uint64_t start_time_unix_nano = 0;
  std::uint64_t end_time_unix_nano = 0;
  KeyValueList attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::vector<Event> events;
  std::uint32_t dropped_events_count = 0;
  std::vector<Link> links;
  std::uint32_t dropped_links_count = 0;
  Status status;
  friend bool operator==(const Span&, const Span&) = default;
};

struct InstrumentationScope {
  std::string name;
  std::string version;
  KeyValueList attributes;
  std::uint32_t dropped_attributes_count = 0;
  friend bool operator==(const InstrumentationScope&, const InstrumentationScope&) = default;
};

struct ScopeSpans {
  InstrumentationScope scope;
  std::vector<Span> spans;
  std::string schema_url;
  friend bool operator==(const ScopeSpans&, const ScopeSpans&) = default;
};

struct EntityRef {
  std::string schema_url;
  std::string type;
  std::vector<std::string> id_keys;
  std::vector<std::string> description_keys;
  friend bool operator==(const EntityRef&, const EntityRef&) = default;
};

struct Resource {
  KeyValueList attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::vector<EntityRef> entity_refs;
  friend bool operator==(const Resource&, const Resource&) = default;
};

struct ResourceSpans {
  Resource resource;
  std::vector<ScopeSpans> scope_spans;
  std::string schema_url;
  friend bool operator==(const ResourceSpans&, const ResourceSpans&) = default;
};

// Also what an exporter sends: ExportTraceServiceRequest has the same fields.
struct TracesData {
  std::vector<ResourceSpans> resource_spans;
  friend bool operator==(const TracesData&, const TracesData&) = default;
};

// The answer to an exporter. partial_success is written only when one of its fields is set.
struct ExportTraceServiceResponse {
  std::int64_t rejected_spans = 0;
  std::string error_message;
  friend bool operator==(const ExportTraceServiceResponse&, const ExportTraceServiceResponse&) = default;
};

}  // namespace meshflow::otlp
