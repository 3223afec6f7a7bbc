#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "otlp/json.hpp"
#include "otlp/logs.hpp"

namespace meshflow::otlp {
namespace {

// Appends JSON text. Fields of proto3 are left out where they have their default.
class Writer {
 public:
  template <typename Body>
  void object(Body body) {
    separate();
    out_ += '{';
    body();
    out_ += '}';
  }
  void key(std::string_view name) {
    separate();
    fmt::format_to(std::back_inserter(out_), "\"{}\":", name);
  }
  // Always written.
  void string(std::string_view text);
  void raw(std::string_view json) {
    separate();
    out_ += json;
  }
  void double_value(double number);

  void text_field(std::string_view name, std::string_view text) {
    if (text.empty()) return;
    key(name);
    string(text);
  }
  template <std::integral T>
  void number_field(std::string_view name, T number) {
    if (number == 0) return;
    key(name);
    out_ += fmt::format_int(number).c_str();
  }
  template <std::integral T>
  void string_number_field(std::string_view name, T number) {
    if (number == 0) return;
    key(name);
    string_number(number);
  }
  template <std::integral T>
  void string_number(T number) {
    raw(fmt::format("\"{}\"", number));
  }
  template <std::size_t kSize>
  void id_field(std::string_view name, const std::array<std::uint8_t, kSize>& id) {
    if (!is_set(id)) return;
    key(name);
    string(to_hex({reinterpret_cast<const char*>(id.data()), kSize}));
  }
  template <typename Elements, typename Write>
  void array(const Elements& elements, Write write_element) {
    separate();
    out_ += '[';
    for (const auto& element : elements) write_element(*this, element);
    out_ += ']';
  }
  template <typename Elements, typename Write>
  void array_field(std::string_view name, const Elements& elements, Write write_element) {
    if (elements.empty()) return;
    key(name);
    array(elements, write_element);
  }

  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  // A comma before all but the first of an object or array, and not between key and value.
  void separate() {
    if (!out_.empty() && out_.back() != '{' && out_.back() != '[' && out_.back() != ':') out_ += ',';
  }
  void append_escaped(std::string_view text);

  std::string out_;
};

void Writer::append_escaped(std::string_view text) {
  std::size_t plain = 0;  // where the text that needs no escape begins
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out_.append(text, plain, i - plain);
    plain = i + 1;
    switch (byte) {
      case '"': out_ += "\\\""; break;
      case '\\': out_ += "\\\\"; break;
      case '\n': out_ += "\\n"; break;
      case '\r': out_ += "\\r"; break;
      case '\t': out_ += "\\t"; break;
      default: out_ += fmt::format("\\u{:04x}", byte);
    }
  }
  out_.append(text, plain);
}

void Writer::string(std::string_view text) {
  separate();
  out_ += '"';
  if (is_valid_utf8(text)) {
    append_escaped(text);
  } else {
    append_escaped(sanitize_utf8(text));
  }
  out_ += '"';
}

void Writer::double_value(double number) {
  if (std::isnan(number)) return raw("\"NaN\"");
  if (std::isinf(number)) return raw(number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  char digits[32];  // the shortest form that reads back as the same double has at most 24 characters
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
  std::string text(digits, end);
  // Without a fraction a JSON reader may take "-0" for an integer and lose the sign.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  raw(text);
}

void write_any(Writer& out, const AnyValue& any);

void write_attribute(Writer& out, const KeyValue& attribute) {
  out.object([&] {
    out.key("key");
    out.string(attribute.key);
    out.key("value");
    write_any(out, attribute.value);
  });
}

// The one key of an AnyValue's object and its value, for each kind.
struct WriteKind {
  Writer& out;

  void operator()(std::monostate) const {}
  void operator()(const std::string& text) const {
    out.key("stringValue");
    out.string(text);
  }
  void operator()(bool flag) const {
    out.key("boolValue");
    out.raw(flag ? "true" : "false");
  }
  void operator()(std::int64_t number) const {
    out.key("intValue");
    out.string_number(number);
  }
  void operator()(double number) const {
    out.key("doubleValue");
    out.double_value(number);
  }
  void operator()(const ArrayValue& array) const {
    out.key("arrayValue");
    out.object([&] { out.array_field("values", array, write_any); });
  }
  void operator()(const KeyValueList& list) const {
    out.key("kvlistValue");
    out.object([&] { out.array_field("values", list, write_attribute); });
  }
  void operator()(const Bytes& bytes) const {
    out.key("bytesValue");
    out.string(to_base64(bytes.data));
  }
};

void write_any(Writer& out, const AnyValue& any) {
  out.object([&] { std::visit(WriteKind{out}, any.value); });
}

void write_attributes(Writer& out, const KeyValueList& attributes, std::uint32_t dropped) {
  out.array_field("attributes", attributes, write_attribute);
  out.number_field("droppedAttributesCount", dropped);
}

void write_event(Writer& out, const Event& event) {
  out.object([&] {
    out.string_number_field("timeUnixNano", event.time_unix_nano);
    out.text_field("name", event.name);
    write_attributes(out, event.attributes, event.dropped_attributes_count);
  });
}

void write_link(Writer& out, const Link& link) {
  out.object([&] {
    out.id_field("traceId", link.trace_id);
    out.id_field("spanId", link.span_id);
    out.text_field("traceState", link.trace_state);
    write_attributes(out, link.attributes, link.dropped_attributes_count);
    out.number_field("flags", link.flags);
  });
}

void write_span(Writer& out, const Span& span) {
  out.object([&] {
    out.id_field("traceId", span.trace_id);
    out.id_field("spanId", span.span_id);
    out.text_field("traceState", span.trace_state);
    out.id_field("parentSpanId", span.parent_span_id);
    out.number_field("flags", span.flags);
    out.text_field("name", span.name);
    out.number_field("kind", static_cast<std::int32_t>(span.kind));
    out.string_number_field("startTimeUnixNano", span.start_time_unix_nano);
    out.string_number_field("endTimeUnixNano", span.end_time_unix_nano);
    write_attributes(out, span.attributes, span.dropped_attributes_count);
    out.array_field("events", span.events, write_event);
    out.number_field("droppedEventsCount", span.dropped_events_count);
    out.array_field("links", span.links, write_link);
    out.number_field("droppedLinksCount", span.dropped_links_count);
    if (span.status == Status{}) return;
    out.key("status");
    out.object([&] {
      out.text_field("message", span.status.message);
      out.number_field("code", static_cast<std::int32_t>(span.status.code));
    });
  });
}

void write_scope_spans(Writer& out, const ScopeSpans& scope_spans) {
  out.object([&] {
    if (const InstrumentationScope& scope = scope_spans.scope; scope != InstrumentationScope{}) {
      out.key("scope");
      out.object([&] {
        out.text_field("name", scope.name);
        out.text_field("version", scope.version);
        write_attributes(out, scope.attributes, scope.dropped_attributes_count);
      });
    }
    out.array_field("spans", scope_spans.spans, write_span);
    out.text_field("schemaUrl", scope_spans.schema_url);
  });
}

void write_entity(Writer& out, const EntityRef& entity) {
  const auto write_key = [](Writer& to, const std::string& key) { to.string(key); };
  out.object([&] {
    out.text_field("schemaUrl", entity.schema_url);
    out.text_field("type", entity.type);
    out.array_field("idKeys", entity.id_keys, write_key);
    out.array_field("descriptionKeys", entity.description_keys, write_key);
  });
}

void write_resource_spans(Writer& out, const ResourceSpans& resource_spans) {
  out.object([&] {
    if (const Resource& resource = resource_spans.resource; resource != Resource{}) {
      out.key("resource");
      out.object([&] {
        write_attributes(out, resource.attributes, resource.dropped_attributes_count);
        out.array_field("entityRefs", resource.entity_refs, write_entity);
      });
    }
    out.array_field("scopeSpans", resource_spans.scope_spans, write_scope_spans);
    out.text_field("schemaUrl", resource_spans.schema_url);
  });
}

}  // namespace

std::string encode_json(const TracesData& traces) {
  Writer out;
  out.object([&] { out.array_field("resourceSpans", traces.resource_spans, write_resource_spans); });
  return std::move(out).take();
}

std::string encode_json(const Span& span) {
  Writer out;
  write_span(out, span);
  return std::move(out).take();
}

namespace {

std::string response_json(const char* rejected_name, std::int64_t rejected, const std::string& error_message) {
  Writer out;
  out.object([&] {
    if (rejected == 0 && error_message.empty()) return;
    out.key("partialSuccess");
    out.object([&] {
      out.string_number_field(rejected_name, rejected);
      out.text_field("errorMessage", error_message);
    });
  });
  return std::move(out).take();
}

}  // namespace

std::string encode_json(const ExportTraceServiceResponse& response) {
  return response_json("rejectedSpans", response.rejected_spans, response.error_message);
}

std::string encode_json(const ExportLogsServiceResponse& response) {
  return response_json("rejectedLogRecords", response.rejected_log_records, response.error_message);
}

}  // namespace meshflow::otlp
