#include "server/tempo_json.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace meshflow::server {
namespace {

using query::JsonWriter;

template <std::size_t kSize>
void write_id(JsonWriter& out, std::string_view name, const std::array<std::uint8_t, kSize>& id) {
  if (!otlp::is_set(id)) return;
  out.field(name, to_base64({reinterpret_cast<const char*>(id.data()), kSize}));
}

void write_text(JsonWriter& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.field(name, text);
}

void write_count(JsonWriter& out, std::string_view name, std::uint32_t count) {
  if (count == 0) return;
  out.key(name);
  out.integer(std::uint64_t{count});
}

void write_time(JsonWriter& out, std::string_view name, std::uint64_t unix_nano) {
  if (unix_nano != 0) out.field(name, fmt::format("{}", unix_nano));
}

void write_value(JsonWriter& out, const otlp::AnyValue& value);
void write_attributes(JsonWriter& out, std::string_view name, const otlp::KeyValueList& attributes);

struct WriteValue {
  JsonWriter& out;

  void operator()(std::monostate) const {}
  void operator()(const std::string& text) const { out.field("stringValue", text); }
  void operator()(bool flag) const {
    out.key("boolValue");
    out.boolean(flag);
  }
  void operator()(std::int64_t number) const { out.field("intValue", fmt::format("{}", number)); }
  void operator()(double number) const {
    out.key("doubleValue");
    if (std::isfinite(number)) return out.number(number);
    out.string(std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
  }
  void operator()(const otlp::ArrayValue& array) const {
    out.key("arrayValue");
    out.begin_object();
    if (!array.empty()) {
      out.key("values");
      out.begin_array();
      for (const otlp::AnyValue& each : array) write_value(out, each);
      out.end_array();
    }
    out.end_object();
  }
  void operator()(const otlp::KeyValueList& list) const {
    out.key("kvlistValue");
    out.begin_object();
    write_attributes(out, "values", list);
    out.end_object();
  }
  void operator()(const otlp::Bytes& bytes) const { out.field("bytesValue", to_base64(bytes.data)); }
};

// Nested as deep as otlp::DecodeLimits lets values be.
void write_value(JsonWriter& out, const otlp::AnyValue& value) {
  out.begin_object();
  std::visit(WriteValue{out}, value.value);
  out.end_object();
}

void write_attributes(JsonWriter& out, std::string_view name, const otlp::KeyValueList& attributes) {
  if (attributes.empty()) return;
  out.key(name);
  out.begin_array();
  for (const otlp::KeyValue& attribute : attributes) {
    out.begin_object();
    write_text(out, "key", attribute.key);
    out.key("value");
    write_value(out, attribute.value);
    out.end_object();
  }
  out.end_array();
}

// Names of opentelemetry-proto; a number that has none stays a number.
void write_kind(JsonWriter& out, otlp::SpanKind kind) {
  constexpr std::string_view kNames[] = {
      "", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
  const auto number = static_cast<std::int32_t>(kind);
  if (number == 0) return;
  out.key("kind");
  if (number > 0 && number < static_cast<std::int32_t>(std::size(kNames))) return out.string(kNames[number]);
  out.integer(std::int64_t{number});
}

void write_status(JsonWriter& out, const otlp::Status& status) {
  out.key("status");
  out.begin_object();
  write_text(out, "message", status.message);
  const auto number = static_cast<std::int32_t>(status.code);
  if (number != 0) {
    out.key("code");
    if (status.code == otlp::StatusCode::ok) {
      out.string("STATUS_CODE_OK");
    } else if (status.code == otlp::StatusCode::error) {
      out.string("STATUS_CODE_ERROR");
    } else {
      out.integer(std::int64_t{number});
    }
  }
  out.end_object();
}

void write_event(JsonWriter& out, const otlp::Event& event) {
  out.begin_object();
  write_time(out, "timeUnixNano", event.time_unix_nano);
  write_text(out, "name", event.name);
  write_attributes(out, "attributes", event.attributes);
  write_count(out, "droppedAttributesCount", event.dropped_attributes_count);
  out.end_object();
}

void write_link(JsonWriter& out, const otlp::Link& link) {
  out.begin_object();
  write_id(out, "traceId", link.trace_id);
  write_id(out, "spanId", link.span_id);
  write_text(out, "traceState", link.trace_state);
  write_attributes(out, "attributes", link.attributes);
  write_count(out, "droppedAttributesCount", link.dropped_attributes_count);
  write_count(out, "flags", link.flags);
  out.end_object();
}

template <typename Elements, typename Write>
void write_array(JsonWriter& out, std::string_view name, const Elements& elements, Write write) {
  if (elements.empty()) return;
  out.key(name);
  out.begin_array();
  for (const auto& each : elements) write(out, each);
  out.end_array();
}

void write_span(JsonWriter& out, const otlp::Span& span) {
  out.begin_object();
  write_id(out, "traceId", span.trace_id);
  write_id(out, "spanId", span.span_id);
  write_text(out, "traceState", span.trace_state);
  write_id(out, "parentSpanId", span.parent_span_id);
  write_count(out, "flags", span.flags);
  write_text(out, "name", span.name);
  write_kind(out, span.kind);
  write_time(out, "startTimeUnixNano", span.start_time_unix_nano);
  write_time(out, "endTimeUnixNano", span.end_time_unix_nano);
  write_attributes(out, "attributes", span.attributes);
  write_count(out, "droppedAttributesCount", span.dropped_attributes_count);
  write_array(out, "events", span.events, write_event);
  write_count(out, "droppedEventsCount", span.dropped_events_count);
  write_array(out, "links", span.links, write_link);
  write_count(out, "droppedLinksCount", span.dropped_links_count);
  write_status(out, span.status);
  out.end_object();
}

void write_scope_spans(JsonWriter& out, const otlp::ScopeSpans& scope_spans) {
  out.begin_object();
  out.key("scope");
  out.begin_object();
  write_text(out, "name", scope_spans.scope.name);
  write_text(out, "version", scope_spans.scope.version);
  write_attributes(out, "attributes", scope_spans.scope.attributes);
  write_count(out, "droppedAttributesCount", scope_spans.scope.dropped_attributes_count);
  out.end_object();
  write_array(out, "spans", scope_spans.spans, write_span);
  write_text(out, "schemaUrl", scope_spans.schema_url);
  out.end_object();
}

void write_resource_spans(JsonWriter& out, const otlp::ResourceSpans& resource_spans) {
  out.begin_object();
  out.key("resource");
  out.begin_object();
  write_attributes(out, "attributes", resource_spans.resource.attributes);
  write_count(out, "droppedAttributesCount", resource_spans.resource.dropped_attributes_count);
  out.end_object();
  write_array(out, "scopeSpans", resource_spans.scope_spans, write_scope_spans);
  write_text(out, "schemaUrl", resource_spans.schema_url);
  out.end_object();
}

}  // namespace

void write_tempo_trace(JsonWriter& out, const otlp::TracesData& data, std::string_view resource_spans_name) {
  out.begin_object();
  write_array(out, resource_spans_name, data.resource_spans, write_resource_spans);
  out.end_object();
}

}  // namespace meshflow::server
