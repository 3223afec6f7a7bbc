#include "otlp/encode.hpp"

#include <string_view>
#include <variant>

#include "otlp/log_fields.hpp"
#include "otlp/logs.hpp"
#include "otlp/wire.hpp"

namespace meshflow::otlp {
namespace {

// Appends fields to a string. The fields of proto3 are left out where they have their default.
class Writer {
 public:
  template <auto kField>
  void varint(std::uint64_t value) {
    if (value == 0) return;
    grow(wire::varint_field_size<kField>(value), [&](char* out) { wire::write_varint_field<kField>(out, value); });
  }
  template <auto kField>
  void fixed32(std::uint32_t value) {
    if (value == 0) return;
    grow(wire::kFixed32FieldSize<kField>, [&](char* out) { wire::write_fixed32_field<kField>(out, value); });
  }
  template <auto kField>
  void fixed64(std::uint64_t value) {
    if (value == 0) return;
    grow(wire::kFixed64FieldSize<kField>, [&](char* out) { wire::write_fixed64_field<kField>(out, value); });
  }
  template <auto kField>
  void bytes(std::string_view value) {
    if (!value.empty()) element<kField>(value);
  }
  template <auto kField, std::size_t kSize>
  void id(const std::array<std::uint8_t, kSize>& id) {
    if (is_set(id)) element<kField>({reinterpret_cast<const char*>(id.data()), kSize});
  }
  // Of a repeated field: written even when empty.
  template <auto kField>
  void element(std::string_view value) {
    grow(wire::length_field_size<kField>(value.size()),
         [&](char* out) { wire::write_length_field<kField>(out, value); });
  }
  template <auto kField>
  void attributes(const KeyValueList& list) {
    for (const KeyValue& attribute : list) {
      grow(wire::attribute_size<kField>(attribute.key, attribute.value),
           [&](char* out) { wire::write_attribute<kField>(out, attribute.key, attribute.value); });
    }
  }
  template <auto kField>
  void value_unless_empty(const AnyValue& value) {
    if (std::holds_alternative<std::monostate>(value.value)) return;
    const std::size_t size = wire::value_size(value);
    grow(wire::length_field_size<kField>(size),
         [&](char* out) { (void)wire::write_value(wire::write_length_header<kField>(out, size), value); });
  }
  // A message of a repeated field: written even when empty.
  template <auto kField, typename Message>
  void message(const Message& message) {
    grow(wire::kTagSize<kField> + 1, [](char* out) { (void)wire::open_message<kField>(out); });
    const std::size_t body = bytes_.size();
    write(*this, message);
    const std::size_t size = bytes_.size() - body;
    bytes_.append(wire::varint_size(size) - 1, '\0');  // room for a longer length
    (void)wire::close_message(bytes_.data() + body, bytes_.data() + body + size);
  }
  template <auto kField, typename Message>
  void message_unless_default(const Message& message) {
    if (message != Message{}) this->message<kField>(message);
  }

  [[nodiscard]] std::string take() && { return std::move(bytes_); }

 private:
  template <typename Write>
  void grow(std::size_t size, Write write_at) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size);
    write_at(bytes_.data() + at);
  }

  std::string bytes_;
};

void write(Writer& out, const EntityRef& entity) {
  out.bytes<EntityRefField::schema_url>(entity.schema_url);
  out.bytes<EntityRefField::type>(entity.type);
  for (const std::string& key : entity.id_keys) out.element<EntityRefField::id_keys>(key);
  for (const std::string& key : entity.description_keys) out.element<EntityRefField::description_keys>(key);
}

void write(Writer& out, const Resource& resource) {
  out.attributes<ResourceField::attributes>(resource.attributes);
  out.varint<ResourceField::dropped_attributes_count>(resource.dropped_attributes_count);
  for (const EntityRef& entity : resource.entity_refs) out.message<ResourceField::entity_refs>(entity);
}

void write(Writer& out, const InstrumentationScope& scope) {
  out.bytes<ScopeField::name>(scope.name);
  out.bytes<ScopeField::version>(scope.version);
  out.attributes<ScopeField::attributes>(scope.attributes);
  out.varint<ScopeField::dropped_attributes_count>(scope.dropped_attributes_count);
}

void write(Writer& out, const Event& event) {
  out.fixed64<EventField::time_unix_nano>(event.time_unix_nano);
  out.bytes<EventField::name>(event.name);
  out.attributes<EventField::attributes>(event.attributes);
  out.varint<EventField::dropped_attributes_count>(event.dropped_attributes_count);
}

void write(Writer& out, const Link& link) {
  out.id<LinkField::trace_id>(link.trace_id);
  out.id<LinkField::span_id>(link.span_id);
  out.bytes<LinkField::trace_state>(link.trace_state);
  out.attributes<LinkField::attributes>(link.attributes);
  out.varint<LinkField::dropped_attributes_count>(link.dropped_attributes_count);
  out.fixed32<LinkField::flags>(link.flags);
}

// Enums are int32: negative ones are written with their sign extended to 64 bits.
template <typename Enum>
std::uint64_t enum_bits(Enum value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

void write(Writer& out, const Status& status) {
  out.bytes<StatusField::message>(status.message);
  out.varint<StatusField::code>(enum_bits(status.code));
}

void write(Writer& out, const Span& span) {
  out.id<SpanField::trace_id>(span.trace_id);
  out.id<SpanField::span_id>(span.span_id);
  out.bytes<SpanField::trace_state>(span.trace_state);
  out.id<SpanField::parent_span_id>(span.parent_span_id);
  out.bytes<SpanField::name>(span.name);
  out.varint<SpanField::kind>(enum_bits(span.kind));
  out.fixed64<SpanField::start_time_unix_nano>(span.start_time_unix_nano);
  out.fixed64<SpanField::end_time_unix_nano>(span.end_time_unix_nano);
  out.attributes<SpanField::attributes>(span.attributes);
  out.varint<SpanField::dropped_attributes_count>(span.dropped_attributes_count);
  for (const Event& event : span.events) out.message<SpanField::events>(event);
  out.varint<SpanField::dropped_events_count>(span.dropped_events_count);
  for (const Link& link : span.links) out.message<SpanField::links>(link);
  out.varint<SpanField::dropped_links_count>(span.dropped_links_count);
  out.message_unless_default<SpanField::status>(span.status);
  out.fixed32<SpanField::flags>(span.flags);
}

void write(Writer& out, const ScopeSpans& scope_spans) {
  out.message_unless_default<ScopeSpansField::scope>(scope_spans.scope);
  for (const Span& span : scope_spans.spans) out.message<ScopeSpansField::spans>(span);
  out.bytes<ScopeSpansField::schema_url>(scope_spans.schema_url);
}

void write(Writer& out, const ResourceSpans& resource_spans) {
  out.message_unless_default<ResourceSpansField::resource>(resource_spans.resource);
  for (const ScopeSpans& spans : resource_spans.scope_spans) out.message<ResourceSpansField::scope_spans>(spans);
  out.bytes<ResourceSpansField::schema_url>(resource_spans.schema_url);
}

void write(Writer& out, const TracesData& traces) {
  for (const ResourceSpans& spans : traces.resource_spans) out.message<TracesField::resource_spans>(spans);
}

// An AnyValue is a variant, and empty where it holds nothing.
void write(Writer& out, const LogRecord& record) {
  using F = LogRecordField;
  out.fixed64<F::time_unix_nano>(record.time_unix_nano);
  out.varint<F::severity_number>(static_cast<std::uint64_t>(std::int64_t{record.severity_number}));
  out.bytes<F::severity_text>(record.severity_text);
  out.value_unless_empty<F::body>(record.body);
  out.attributes<F::attributes>(record.attributes);
  out.varint<F::dropped_attributes_count>(record.dropped_attributes_count);
  out.fixed32<F::flags>(record.flags);
  out.id<F::trace_id>(record.trace_id);
  out.id<F::span_id>(record.span_id);
  out.fixed64<F::observed_time_unix_nano>(record.observed_time_unix_nano);
  out.bytes<F::event_name>(record.event_name);
}

void write(Writer& out, const ScopeLogs& scope_logs) {
  out.message_unless_default<ScopeLogsField::scope>(scope_logs.scope);
  for (const LogRecord& record : scope_logs.log_records) out.message<ScopeLogsField::log_records>(record);
  out.bytes<ScopeLogsField::schema_url>(scope_logs.schema_url);
}

void write(Writer& out, const ResourceLogs& resource_logs) {
  out.message_unless_default<ResourceLogsField::resource>(resource_logs.resource);
  for (const ScopeLogs& logs : resource_logs.scope_logs) out.message<ResourceLogsField::scope_logs>(logs);
  out.bytes<ResourceLogsField::schema_url>(resource_logs.schema_url);
}

void write(Writer& out, const LogsData& logs) {
  for (const ResourceLogs& each : logs.resource_logs) out.message<LogsField::resource_logs>(each);
}

// ExportTracePartialSuccess, which the model keeps as the response's own fields.
struct PartialSuccess {
  const ExportTraceServiceResponse& response;
};

void write(Writer& out, const PartialSuccess& partial) {
  out.varint<PartialSuccessField::rejected_spans>(static_cast<std::uint64_t>(partial.response.rejected_spans));
  out.bytes<PartialSuccessField::error_message>(partial.response.error_message);
}

void write(Writer& out, const ExportTraceServiceResponse& response) {
  if (response == ExportTraceServiceResponse{}) return;
  out.message<ResponseField::partial_success>(PartialSuccess{response});
}

template <typename Message>
std::string encoded(const Message& message) {
  Writer out;
  write(out, message);
  return std::move(out).take();
}

}  // namespace

std::string encode(const TracesData& traces) { return encoded(traces); }
std::string encode(const LogsData& logs) { return encoded(logs); }
std::string encode(const Span& span) { return encoded(span); }
std::string encode(const Resource& resource) { return encoded(resource); }
std::string encode(const InstrumentationScope& scope) { return encoded(scope); }
std::string encode(const ExportTraceServiceResponse& response) { return encoded(response); }
// ExportLogsPartialSuccess has the numbers of ExportTracePartialSuccess.
std::string encode(const ExportLogsServiceResponse& response) {
  return encoded(ExportTraceServiceResponse{response.rejected_log_records, response.error_message});
}

}  // namespace meshflow::otlp
