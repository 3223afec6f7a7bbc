#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "otlp/json.hpp"
#include "otlp/json_parse.hpp"
#include "otlp/logs.hpp"

namespace meshflow::otlp {
namespace {

namespace json = boost::json;

// A value that is not what OTLP says; `path` grows from the inside out while the exception passes.
struct WrongValue {
  std::string path;
  std::string expected;
};

// Runs `read`; what is wrong in there is wrong below `step` of the path.
template <typename Read>
void below(std::string_view step, Read read) {
  try {
    read();
  } catch (WrongValue& wrong) {
    if (!wrong.path.empty() && wrong.path.front() != '[') wrong.path.insert(0, ".");
    wrong.path.insert(0, step);
    throw;
  }
}

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

const json::object& as_object(const json::value& value) {
  if (const json::object* object = value.if_object()) return *object;
  throw WrongValue{{}, "an object"};
}

// Reads a field where it is present and not null.
template <typename Read>
void field(const json::object& parent, const char* name, Read read) {
  const json::value* value = parent.if_contains(name);
  if (value == nullptr || value->is_null()) return;
  below(name, [&] { read(*value); });
}

template <typename Read>
void object_field(const json::object& parent, const char* name, Read read) {
  field(parent, name, [&](const json::value& value) { read(as_object(value)); });
}

template <typename Read>
void each(const json::object& parent, const char* name, Read read_element) {
  field(parent, name, [&](const json::value& value) {
    const json::array* array = value.if_array();
    if (array == nullptr) throw WrongValue{{}, "an array"};
    for (std::size_t i = 0; i < array->size(); ++i) {
      try {
        read_element((*array)[i]);
      } catch (WrongValue& wrong) {
        wrong.path.insert(0, fmt::format("[{}]{}", i, wrong.path.empty() ? "" : "."));
        throw;
      }
    }
  });
}

const json::string& as_string(const json::value& value) {
  if (const json::string* text = value.if_string()) return *text;
  throw WrongValue{{}, "a string"};
}

// A number that is exactly an Integer, from any of JSON's forms.
template <typename Integer>
std::optional<Integer> integer_of(const json::value& value) {
  if (const std::int64_t* number = value.if_int64()) {
    if (std::in_range<Integer>(*number)) return static_cast<Integer>(*number);
  } else if (const std::uint64_t* large = value.if_uint64()) {
    if (std::in_range<Integer>(*large)) return static_cast<Integer>(*large);
  } else if (const double* real = value.if_double()) {
    // 1e3 is an integer too. The bounds are powers of two, so that they are exact as doubles.
    const double above = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
    const double lowest = std::is_signed_v<Integer> ? -above : 0.0;
    if (*real >= lowest && *real < above && *real == std::trunc(*real)) return static_cast<Integer>(*real);
  } else if (const json::string* text = value.if_string()) {
    Integer parsed = 0;
    const char* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, parsed);
    if (error == std::errc{} && stop == end) return parsed;
  }
  return std::nullopt;
}

template <typename Integer>
Integer as_integer(const json::value& value) {
  if (const auto number = integer_of<Integer>(value)) return *number;
  throw WrongValue{{},
                   fmt::format("{} integer of {} bits, as a number or a decimal string",
                               std::is_signed_v<Integer> ? "an" : "an unsigned", sizeof(Integer) * 8)};
}

double as_double(const json::value& value) {
  if (const double* real = value.if_double()) return *real;
  if (const std::int64_t* number = value.if_int64()) return static_cast<double>(*number);
  if (const std::uint64_t* large = value.if_uint64()) return static_cast<double>(*large);
  if (const json::string* text = value.if_string()) {
    if (*text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (*text == "Infinity") return std::numeric_limits<double>::infinity();
    if (*text == "-Infinity") return -std::numeric_limits<double>::infinity();
    double parsed = 0;
    const char* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, parsed);
    if (error == std::errc{} && stop == end && std::isfinite(parsed)) return parsed;
  }
  throw WrongValue{{}, "a number, a decimal string, \"NaN\", \"Infinity\" or \"-Infinity\""};
}

template <typename Integer>
void integer_field(const json::object& parent, const char* name, Integer& out) {
  field(parent, name, [&](const json::value& value) { out = as_integer<Integer>(value); });
}

template <typename Enum>
void enum_field(const json::object& parent, const char* name, Enum& out) {
  field(parent, name, [&](const json::value& value) { out = Enum{as_integer<std::int32_t>(value)}; });
}

// Hex that is none speaks against the span, as a wrong length does; `what` names the id in that sentence.
template <typename Id>
void id_field(const json::object& parent, const char* name, Id& out, std::string_view what, Rejection& rejection) {
  field(parent, name, [&](const json::value& value) {
    if (const auto bytes = from_hex(view(as_string(value)))) {
      take_id(out, *bytes, what, rejection);
    } else if (rejection.empty()) {
      rejection = fmt::format("{} is not hex", what);
    }
  });
}

class Reader {
 public:
  explicit Reader(DecodeGuard& guard) : guard_(guard) {}

  void read(const json::object& in, TracesData& traces);
  void read(const json::object& in, LogsData& logs);
  void read(const json::object& in, ExportTraceServiceResponse& response);

 private:
  void read(const json::object& in, ResourceSpans& resource_spans);
  void read(const json::object& in, Resource& resource);
  void read(const json::object& in, EntityRef& entity);
  void read(const json::object& in, ScopeSpans& scope_spans);
  void read(const json::object& in, ResourceLogs& resource_logs);
  void read(const json::object& in, ScopeLogs& scope_logs);
  void read(const json::object& in, LogRecord& record);
  void read(const json::object& in, InstrumentationScope& scope);
  [[nodiscard]] Rejection read(const json::object& in, Span& span);
  void read(const json::object& in, Event& event);
  void read(const json::object& in, Link& link, Rejection& rejection);
  void read(const json::object& in, KeyValue& attribute, std::size_t depth);
  void read(const json::object& in, AnyValue& any, std::size_t depth);

  void read_attributes(const json::object& in, KeyValueList& attributes, std::uint32_t& dropped);
  void text_field(const json::object& parent, const char* name, std::string& out) {
    field(parent, name, [&](const json::value& value) { out = guard_.text(view(as_string(value))); });
  }

  DecodeGuard& guard_;
};

void Reader::read(const json::object& in, AnyValue& any, std::size_t depth) {
  const auto when = [&](const char* name, auto read_value) {
    if (std::holds_alternative<std::monostate>(any.value)) field(in, name, read_value);
  };
  when("stringValue", [&](const json::value& value) { any.value = guard_.text(view(as_string(value))); });
  when("boolValue", [&](const json::value& value) {
    if (!value.is_bool()) throw WrongValue{{}, "true or false"};
    any.value = value.get_bool();
  });
  when("intValue", [&](const json::value& value) { any.value = as_integer<std::int64_t>(value); });
  when("doubleValue", [&](const json::value& value) { any.value = as_double(value); });
  when("arrayValue", [&](const json::value& value) {
    guard_.check_depth(depth + 1);
    ArrayValue& array = any.value.emplace<ArrayValue>();
    each(as_object(value), "values", [&](const json::value& element) {
      guard_.count_item();
      read(as_object(element), array.emplace_back(), depth + 1);
    });
  });
  when("kvlistValue", [&](const json::value& value) {
    guard_.check_depth(depth + 1);
    KeyValueList& list = any.value.emplace<KeyValueList>();
    each(as_object(value), "values", [&](const json::value& element) {
      guard_.count_item();
      read(as_object(element), list.emplace_back(), depth + 1);
    });
  });
  when("bytesValue", [&](const json::value& value) {
    auto bytes = from_base64(view(as_string(value)));
    if (!bytes) throw WrongValue{{}, "base64"};
    any.value = Bytes{std::move(*bytes)};
  });
}

void Reader::read(const json::object& in, KeyValue& attribute, std::size_t depth) {
  text_field(in, "key", attribute.key);
  object_field(in, "value", [&](const json::object& value) { read(value, attribute.value, depth); });
}

void Reader::read_attributes(const json::object& in, KeyValueList& attributes, std::uint32_t& dropped) {
  each(in, "attributes", [&](const json::value& element) {
    guard_.count_attribute(attributes.size());
    read(as_object(element), attributes.emplace_back(), 0);
  });
  integer_field(in, "droppedAttributesCount", dropped);
}

void Reader::read(const json::object& in, Event& event) {
  integer_field(in, "timeUnixNano", event.time_unix_nano);
  text_field(in, "name", event.name);
  read_attributes(in, event.attributes, event.dropped_attributes_count);
}

void Reader::read(const json::object& in, Link& link, Rejection& rejection) {
  id_field(in, "traceId", link.trace_id, "a link's trace_id", rejection);
  id_field(in, "spanId", link.span_id, "a link's span_id", rejection);
  text_field(in, "traceState", link.trace_state);
  read_attributes(in, link.attributes, link.dropped_attributes_count);
  integer_field(in, "flags", link.flags);
}

Rejection Reader::read(const json::object& in, Span& span) {
  Rejection rejection;
  id_field(in, "traceId", span.trace_id, "trace_id", rejection);
  id_field(in, "spanId", span.span_id, "span_id", rejection);
  text_field(in, "traceState", span.trace_state);
  id_field(in, "parentSpanId", span.parent_span_id, "parent_span_id", rejection);
  integer_field(in, "flags", span.flags);
  text_field(in, "name", span.name);
  enum_field(in, "kind", span.kind);
  integer_field(in, "startTimeUnixNano", span.start_time_unix_nano);
  integer_field(in, "endTimeUnixNano", span.end_time_unix_nano);
  read_attributes(in, span.attributes, span.dropped_attributes_count);
  each(in, "events", [&](const json::value& element) {
    guard_.count_item();
    read(as_object(element), span.events.emplace_back());
  });
  integer_field(in, "droppedEventsCount", span.dropped_events_count);
  each(in, "links", [&](const json::value& element) {
    guard_.count_item();
    read(as_object(element), span.links.emplace_back(), rejection);
  });
  integer_field(in, "droppedLinksCount", span.dropped_links_count);
  object_field(in, "status", [&](const json::object& status) {
    text_field(status, "message", span.status.message);
    enum_field(status, "code", span.status.code);
  });
  check_ids(span, rejection);
  return rejection;
}

void Reader::read(const json::object& in, InstrumentationScope& scope) {
  text_field(in, "name", scope.name);
  text_field(in, "version", scope.version);
  read_attributes(in, scope.attributes, scope.dropped_attributes_count);
}

void Reader::read(const json::object& in, ScopeSpans& scope_spans) {
  object_field(in, "scope", [&](const json::object& scope) { read(scope, scope_spans.scope); });
  each(in, "spans", [&](const json::value& element) {
    guard_.count_span();
    Span& span = scope_spans.spans.emplace_back();
    if (const Rejection rejection = read(as_object(element), span); !rejection.empty()) {
      guard_.count_rejected(span.name, rejection);
      scope_spans.spans.pop_back();
    }
  });
  text_field(in, "schemaUrl", scope_spans.schema_url);
}

void Reader::read(const json::object& in, EntityRef& entity) {
  const auto read_keys = [&](const char* name, std::vector<std::string>& keys) {
    each(in, name, [&](const json::value& key) {
      guard_.count_item();
      keys.push_back(guard_.text(view(as_string(key))));
    });
  };
  text_field(in, "schemaUrl", entity.schema_url);
  text_field(in, "type", entity.type);
  read_keys("idKeys", entity.id_keys);
  read_keys("descriptionKeys", entity.description_keys);
}

void Reader::read(const json::object& in, Resource& resource) {
  read_attributes(in, resource.attributes, resource.dropped_attributes_count);
  each(in, "entityRefs", [&](const json::value& element) {
    guard_.count_item();
    read(as_object(element), resource.entity_refs.emplace_back());
  });
}

void Reader::read(const json::object& in, ResourceSpans& resource_spans) {
  object_field(in, "resource", [&](const json::object& resource) { read(resource, resource_spans.resource); });
  each(in, "scopeSpans", [&](const json::value& element) {
    guard_.count_item();
    read(as_object(element), resource_spans.scope_spans.emplace_back());
  });
  text_field(in, "schemaUrl", resource_spans.schema_url);
}

void Reader::read(const json::object& in, TracesData& traces) {
  each(in, "resourceSpans", [&](const json::value& element) {
    guard_.count_item();
    read(as_object(element), traces.resource_spans.emplace_back());
  });
}

void Reader::read(const json::object& in, LogRecord& record) {
  Rejection ignored;  // a record without usable ids is one of no span
  integer_field(in, "timeUnixNano", record.time_unix_nano);
  integer_field(in, "observedTimeUnixNano", record.observed_time_unix_nano);
  integer_field(in, "severityNumber", record.severity_number);
  text_field(in, "severityText", record.severity_text);
  object_field(in, "body", [&](const json::object& body) { read(body, record.body, 0); });
  read_attributes(in, record.attributes, record.dropped_attributes_count);
  integer_field(in, "flags", record.flags);
  id_field(in, "traceId", record.trace_id, "trace_id", ignored);
  id_field(in, "spanId", record.span_id, "span_id", ignored);
  text_field(in, "eventName", record.event_name);
}

void Reader::read(const json::object& in, ScopeLogs& scope_logs) {
  object_field(in, "scope", [&](const json::object& scope) { read(scope, scope_logs.scope); });
  each(in, "logRecords", [&](const json::value& element) {
    guard_.count_span();
    read(as_object(element), scope_logs.log_records.emplace_back());
  });
  text_field(in, "schemaUrl", scope_logs.schema_url);
}

void Reader::read(const json::object& in, ResourceLogs& resource_logs) {
  object_field(in, "resource", [&](const json::object& resource) { read(resource, resource_logs.resource); });
  each(in, "scopeLogs", [&](const json::value& element) {
    guard_.count_item();
    read(as_object(element), resource_logs.scope_logs.emplace_back());
  });
  text_field(in, "schemaUrl", resource_logs.schema_url);
}

void Reader::read(const json::object& in, LogsData& logs) {
  each(in, "resourceLogs", [&](const json::value& element) {
    guard_.count_item();
    read(as_object(element), logs.resource_logs.emplace_back());
  });
}

void Reader::read(const json::object& in, ExportTraceServiceResponse& response) {
  object_field(in, "partialSuccess", [&](const json::object& partial) {
    integer_field(partial, "rejectedSpans", response.rejected_spans);
    text_field(partial, "errorMessage", response.error_message);
  });
}

// Where exceptions end.
template <typename T>
Result<Decoded<T>> decode(std::string_view text, const DecodeLimits& limits) {
  try {
    DecodeGuard guard(limits);
    guard.check_input(text.size());
    const JsonDocument document(text, limits, guard);
    T value;
    Reader(guard).read(as_object(document.root()), value);
    return Decoded<T>{std::move(value), guard.take_stats()};
  } catch (DecodeFailure& failure) {
    return tl::unexpected<Error>(std::move(failure.error));
  } catch (const WrongValue& wrong) {
    return fail(
        ErrorCode::invalid_input,
        fmt::format("OTLP/JSON: {}: expected {}", wrong.path.empty() ? "the document" : wrong.path, wrong.expected));
  }
}

}  // namespace

Result<Decoded<TracesData>> decode_traces_json(std::string_view text, const DecodeLimits& limits) {
  return decode<TracesData>(text, limits);
}
Result<Decoded<LogsData>> decode_logs_json(std::string_view text, const DecodeLimits& limits) {
  return decode<LogsData>(text, limits);
}
Result<Decoded<ExportTraceServiceResponse>> decode_response_json(std::string_view text, const DecodeLimits& limits) {
  return decode<ExportTraceServiceResponse>(text, limits);
}

}  // namespace meshflow::otlp
