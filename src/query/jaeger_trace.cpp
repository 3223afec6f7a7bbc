#include "query/jaeger_trace.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/jaeger_search.hpp"
#include "query/names.hpp"
#include "query/resources.hpp"

namespace meshflow::query {
namespace {

constexpr std::string_view kServiceNameKey = "service.name";
constexpr std::string_view kEventKey = "event";
constexpr std::string_view kRefTypeKey = "opentracing.ref_type";

template <std::size_t kSize>
std::string hex_of(const std::array<std::uint8_t, kSize>& id) {
  return to_hex({reinterpret_cast<const char*>(id.data()), kSize});
}

JaegerKeyValue tag_of(std::string key, const otlp::AnyValue& any) {
  JaegerKeyValue tag{std::move(key), std::string()};
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, otlp::ArrayValue> || std::is_same_v<T, otlp::KeyValueList>) {
          tag.value = json_of(any);
        } else if constexpr (!std::is_same_v<T, std::monostate>) {
          tag.value = value;
        }
      },
      any.value);
  return tag;
}

void add_tags(std::vector<JaegerKeyValue>& tags, const otlp::KeyValueList& attributes, std::string_view left_out = {}) {
  for (const otlp::KeyValue& attribute : attributes) {
    if (left_out.empty() || attribute.key != left_out) tags.push_back(tag_of(attribute.key, attribute.value));
  }
}

void add_text(std::vector<JaegerKeyValue>& tags, std::string_view key, const std::string& text) {
  if (!text.empty()) tags.push_back({std::string(key), text});
}

std::vector<JaegerKeyValue> tags_of(const otlp::Span& span, const otlp::InstrumentationScope& scope) {
  std::vector<JaegerKeyValue> tags;
  tags.reserve(span.attributes.size() + 6);
  add_text(tags, "otel.scope.name", scope.name);
  add_text(tags, "otel.scope.version", scope.version);
  add_tags(tags, span.attributes);
  add_text(tags, "span.kind", std::string(name_of_kind(span.kind)));
  if (span.status.code == otlp::StatusCode::error) {
    add_text(tags, "otel.status_code", "ERROR");
    tags.push_back({"error", true});
  } else if (span.status.code == otlp::StatusCode::ok) {
    add_text(tags, "otel.status_code", "OK");
  }
  add_text(tags, "otel.status_description", span.status.message);
  add_text(tags, "w3c.tracestate", span.trace_state);
  return tags;
}

bool is_child_of(const otlp::Link& link) {
  for (const otlp::KeyValue& attribute : link.attributes) {
    if (attribute.key != kRefTypeKey) continue;
    const auto* const text = std::get_if<std::string>(&attribute.value.value);
    return text != nullptr && *text == "child_of";
  }
  return false;
}

std::vector<JaegerReference> references_of(const otlp::Span& span) {
  std::vector<JaegerReference> references;
  const bool has_parent = otlp::is_set(span.parent_span_id);
  if (has_parent) references.push_back({true, span.trace_id, span.parent_span_id});
  for (const otlp::Link& link : span.links) {
    // A link to the parent says what kind of parent it is.
    if (has_parent && link.trace_id == span.trace_id && link.span_id == span.parent_span_id) {
      references.front().is_child_of = is_child_of(link);
      continue;
    }
    references.push_back({is_child_of(link), link.trace_id, link.span_id});
  }
  return references;
}

std::vector<JaegerLog> logs_of(const otlp::Span& span) {
  std::vector<JaegerLog> logs;
  logs.reserve(span.events.size());
  for (const otlp::Event& event : span.events) {
    JaegerLog& log = logs.emplace_back();
    log.time_unix_nano = event.time_unix_nano;
    const bool says_itself = std::any_of(event.attributes.begin(), event.attributes.end(),
                                         [](const auto& attribute) { return attribute.key == kEventKey; });
    if (!says_itself) add_text(log.fields, kEventKey, event.name);
    add_tags(log.fields, event.attributes);
  }
  return logs;
}

JaegerSpan span_of(const otlp::Span& span, const otlp::InstrumentationScope& scope, std::size_t process) {
  JaegerSpan out;
  out.trace_id = span.trace_id;
  out.span_id = span.span_id;
  out.operation = span.name;
  out.references = references_of(span);
  out.start_unix_nano = span.start_time_unix_nano;
  out.duration_nanos = static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano);
  out.tags = tags_of(span, scope);
  out.logs = logs_of(span);
  out.process = process;
  return out;
}

// ---- JSON -----------------------------------------------------------------------------------------------------------

// What a double, and with it JavaScript, can hold exactly.
constexpr std::int64_t kSafeIntegerMax = (std::int64_t{1} << 53) - 1;

void write_value(JsonWriter& out, const JaegerKeyValue& tag) {
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          out.field("type", "string");
          out.key("value");
          out.string(value);
        } else if constexpr (std::is_same_v<T, bool>) {
          out.field("type", "bool");
          out.key("value");
          out.boolean(value);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          out.field("type", "int64");
          out.key("value");
          const bool is_safe = value <= kSafeIntegerMax && value >= -kSafeIntegerMax;
          if (is_safe) {
            out.integer(value);
          } else {
            out.string(fmt::format("{}", value));
          }
        } else if constexpr (std::is_same_v<T, double>) {
          out.field("type", "float64");
          out.key("value");
          out.number(value);
        } else {
          out.field("type", "binary");
          out.key("value");
          out.string(to_base64(value.data));
        }
      },
      tag.value);
}

void write_tags(JsonWriter& out, std::string_view name, const std::vector<JaegerKeyValue>& tags) {
  out.key(name);
  out.begin_array();
  for (const JaegerKeyValue& tag : tags) {
    out.begin_object();
    out.field("key", tag.key);
    write_value(out, tag);
    out.end_object();
  }
  out.end_array();
}

void write_warnings(JsonWriter& out, const std::vector<std::string>& warnings) {
  out.key("warnings");
  if (warnings.empty()) return out.null();
  out.begin_array();
  for (const std::string& warning : warnings) out.string(warning);
  out.end_array();
}

// Jaeger counts times as signed nanoseconds and shows them as unsigned microseconds.
std::uint64_t microseconds(std::int64_t nanos) { return static_cast<std::uint64_t>(nanos / 1'000); }

void write_span(JsonWriter& out, const JaegerSpan& span) {
  out.begin_object();
  out.field("traceID", jaeger_trace_id(span.trace_id));
  out.field("spanID", hex_of(span.span_id));
  out.field("operationName", span.operation);
  out.key("references");
  out.begin_array();
  for (const JaegerReference& reference : span.references) {
    out.begin_object();
    out.field("refType", reference.is_child_of ? "CHILD_OF" : "FOLLOWS_FROM");
    out.field("traceID", jaeger_trace_id(reference.trace_id));
    out.field("spanID", hex_of(reference.span_id));
    out.end_object();
  }
  out.end_array();
  out.key("startTime");
  out.integer(microseconds(static_cast<std::int64_t>(span.start_unix_nano)));
  out.key("duration");
  out.integer(microseconds(span.duration_nanos));
  write_tags(out, "tags", span.tags);
  out.key("logs");
  out.begin_array();
  for (const JaegerLog& log : span.logs) {
    out.begin_object();
    out.key("timestamp");
    out.integer(microseconds(static_cast<std::int64_t>(log.time_unix_nano)));
    write_tags(out, "fields", log.fields);
    out.end_object();
  }
  out.end_array();
  out.field("processID", fmt::format("p{}", span.process + 1));
  write_warnings(out, span.warnings);
  out.end_object();
}

}  // namespace

JaegerTrace to_jaeger(const store::StoredTrace& trace, JaegerAdjust adjust) {
  JaegerTrace out;
  out.trace_id = trace.trace_id;
  for (const otlp::ResourceSpans& resource_spans : trace.data.resource_spans) {
    const std::size_t process = out.processes.size();
    JaegerProcess& added = out.processes.emplace_back();
    added.service = service_name_of(resource_spans.resource);
    add_tags(added.tags, resource_spans.resource.attributes, kServiceNameKey);
    for (const otlp::ScopeSpans& scope_spans : resource_spans.scope_spans) {
      for (const otlp::Span& span : scope_spans.spans) out.spans.push_back(span_of(span, scope_spans.scope, process));
    }
  }
  std::sort(out.spans.begin(), out.spans.end(), [](const JaegerSpan& a, const JaegerSpan& b) {
    return std::tie(a.start_unix_nano, a.span_id) < std::tie(b.start_unix_nano, b.span_id);
  });
  if (adjust == JaegerAdjust::yes) adjust_jaeger_trace(out);
  return out;
}

void write_json(JsonWriter& out, const JaegerTrace& trace) {
  out.begin_object();
  out.field("traceID", jaeger_trace_id(trace.trace_id));
  out.key("spans");
  out.begin_array();
  for (const JaegerSpan& span : trace.spans) write_span(out, span);
  out.end_array();
  out.key("processes");
  out.begin_object();
  for (std::size_t i = 0; i < trace.processes.size(); ++i) {
    out.key(fmt::format("p{}", i + 1));
    out.begin_object();
    out.field("serviceName", trace.processes[i].service);
    write_tags(out, "tags", trace.processes[i].tags);
    out.end_object();
  }
  out.end_object();
  write_warnings(out, {});
  out.end_object();
}

}  // namespace meshflow::query
