#include "query/span_json.hpp"

#include <array>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "otlp/json.hpp"
#include "query/names.hpp"
#include "query/resources.hpp"
#include "query/trace_row.hpp"

namespace meshflow::query {
namespace {

void write_nanos(JsonWriter& out, std::string_view name, std::uint64_t nanos) {
  out.field(name, fmt::format("{}", nanos));
}
void write_count(JsonWriter& out, std::string_view name, std::uint64_t count) {
  out.key(name);
  out.integer(count);
}

std::string_view type_of(const otlp::AnyValue& value) {
  constexpr std::array<std::string_view, 8> kNames{"empty",  "string", "bool",   "int",
                                                   "double", "array",  "kvlist", "bytes"};
  static_assert(kNames.size() == std::variant_size_v<otlp::AnyValue::Variant>);
  return kNames.at(value.value.index());
}

void write_value(JsonWriter& out, const otlp::AnyValue& value) {
  if (std::holds_alternative<std::monostate>(value.value)) return out.null();
  if (const auto* const flag = std::get_if<bool>(&value.value)) return out.boolean(*flag);
  if (const auto* const number = std::get_if<double>(&value.value)) return out.number(*number);
  out.string(text_of(value));
}

void write_attributes(JsonWriter& out, const otlp::KeyValueList& attributes) {
  out.key("attributes");
  out.begin_array();
  for (const otlp::KeyValue& each : attributes) {
    out.begin_object();
    out.field("key", each.key);
    out.field("type", type_of(each.value));
    out.key("value");
    write_value(out, each.value);
    out.end_object();
  }
  out.end_array();
}

std::string_view status_name(otlp::StatusCode code) {
  switch (code) {
    case otlp::StatusCode::ok: return "ok";
    case otlp::StatusCode::error: return "error";
    default: return "unset";
  }
}

void write_status(JsonWriter& out, const otlp::Status& status) {
  out.key("status");
  out.begin_object();
  out.field("code", status_name(status.code));
  out.field("message", status.message);
  out.end_object();
}

void write_events(JsonWriter& out, const std::vector<otlp::Event>& events) {
  out.key("events");
  out.begin_array();
  for (const otlp::Event& event : events) {
    out.begin_object();
    write_nanos(out, "time_ns", event.time_unix_nano);
    out.field("name", event.name);
    write_attributes(out, event.attributes);
    write_count(out, "dropped_attributes", event.dropped_attributes_count);
    out.end_object();
  }
  out.end_array();
}

void write_links(JsonWriter& out, const std::vector<otlp::Link>& links) {
  out.key("links");
  out.begin_array();
  for (const otlp::Link& link : links) {
    out.begin_object();
    out.field("trace_id", hex_of(link.trace_id));
    out.field("span_id", hex_of(link.span_id));
    out.field("trace_state", link.trace_state);
    write_attributes(out, link.attributes);
    write_count(out, "dropped_attributes", link.dropped_attributes_count);
    out.end_object();
  }
  out.end_array();
}

void write_scope(JsonWriter& out, const otlp::ScopeSpans& scope) {
  out.key("scope");
  out.begin_object();
  out.field("name", scope.scope.name);
  out.field("version", scope.scope.version);
  out.field("schema_url", scope.schema_url);
  write_attributes(out, scope.scope.attributes);
  out.end_object();
}

void write_resource(JsonWriter& out, const otlp::ResourceSpans& resource) {
  out.key("resource");
  out.begin_object();
  out.field("schema_url", resource.schema_url);
  write_attributes(out, resource.resource.attributes);
  out.end_object();
}

}  // namespace

void write_span_json(JsonWriter& out, const store::StoredTrace& trace) {
  const otlp::ResourceSpans& resource = trace.data.resource_spans.front();
  const otlp::ScopeSpans& scope = resource.scope_spans.front();
  const otlp::Span& span = scope.spans.front();
  out.begin_object();
  out.field("trace_id", hex_of(span.trace_id));
  out.field("span_id", hex_of(span.span_id));
  out.key("parent_span_id");
  otlp::is_set(span.parent_span_id) ? out.string(hex_of(span.parent_span_id)) : out.null();
  out.field("name", span.name);
  const std::string_view kind = name_of_kind(span.kind);
  out.field("kind", kind.empty() ? "unspecified" : kind);
  out.field("service", service_name_of(resource.resource));
  write_nanos(out, "start_ns", span.start_time_unix_nano);
  write_nanos(out, "end_ns", span.end_time_unix_nano);
  out.key("duration_ns");
  out.exact_integer(static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano));
  write_status(out, span.status);
  out.field("trace_state", span.trace_state);
  write_count(out, "flags", span.flags);
  write_attributes(out, span.attributes);
  write_count(out, "dropped_attributes", span.dropped_attributes_count);
  write_events(out, span.events);
  write_count(out, "dropped_events", span.dropped_events_count);
  write_links(out, span.links);
  write_count(out, "dropped_links", span.dropped_links_count);
  write_scope(out, scope);
  write_resource(out, resource);
  out.key("raw");
  out.raw(otlp::encode_json(span));
  out.end_object();
}

}  // namespace meshflow::query
