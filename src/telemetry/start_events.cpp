#include "telemetry/start_events.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "base/bytes.hpp"
#include "otlp/decode.hpp"
#include "otlp/fields.hpp"
#include "otlp/logs.hpp"

namespace meshflow::telemetry {
namespace {

constexpr std::int32_t kSeverityInfo = 9;  // logs.proto, SEVERITY_NUMBER_INFO

// What a live view shows of a span. Content, and what only its end tells, stays out.
constexpr std::array<std::pair<std::string_view, std::string SpanStart::*>, 5> kShown{{
    {"meshflow.run_id", &SpanStart::run_id},
    {"meshflow.node_id", &SpanStart::node_id},
    {"meshflow.agent_id", &SpanStart::agent_id},
    {"meshflow.role", &SpanStart::role},
    {"gen_ai.operation.name", &SpanStart::operation},
}};

std::string text_of(const otlp::KeyValueList& attributes, std::string_view key) {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [key](const auto& one) { return one.key == key; });
  if (found == attributes.end()) return {};
  const auto* const text = std::get_if<std::string>(&found->value.value);
  return text == nullptr ? std::string() : std::string(utf8_prefix(*text, kStartTextBytesMax));
}

otlp::LogRecord event_of(otlp::Span&& span) {
  otlp::LogRecord event;
  event.time_unix_nano = event.observed_time_unix_nano = span.start_time_unix_nano;
  event.severity_number = kSeverityInfo;
  event.flags = span.flags & otlp::kFlagsTraceFlagsMask;
  event.trace_id = span.trace_id;
  event.span_id = span.span_id;
  event.event_name = kSpanStartEvent;
  event.attributes.push_back({std::string(kSpanStartName), {std::string(utf8_prefix(span.name, kStartTextBytesMax))}});
  if (otlp::is_set(span.parent_span_id)) {
    const auto& id = span.parent_span_id;
    event.attributes.push_back(
        {std::string(kSpanStartParent), {to_hex({reinterpret_cast<const char*>(id.data()), id.size()})}});
  }
  for (const auto& [key, member] : kShown) {
    if (std::string text = text_of(span.attributes, key); !text.empty()) {
      event.attributes.push_back({std::string(key), {std::move(text)}});
    }
  }
  return event;
}

// False for an event that names no span.
bool read_start(const otlp::LogRecord& event, const std::string& service, SpanStart& start) {
  if (!otlp::is_set(event.trace_id) || !otlp::is_set(event.span_id)) return false;
  start.trace_id = event.trace_id;
  start.span_id = event.span_id;
  start.start_unix_nanos = event.time_unix_nano != 0 ? event.time_unix_nano : event.observed_time_unix_nano;
  start.name = text_of(event.attributes, kSpanStartName);
  if (start.name.empty() || start.start_unix_nanos == 0) return false;
  if (const std::string parent = text_of(event.attributes, kSpanStartParent); !parent.empty()) {
    const auto bytes = from_hex(parent);
    if (!bytes || bytes->size() != start.parent_span_id.size()) return false;
    std::copy(bytes->begin(), bytes->end(), start.parent_span_id.begin());
  }
  start.service = service;
  for (const auto& [key, member] : kShown) start.*member = text_of(event.attributes, key);
  return true;
}

}  // namespace

std::string encode_start_events(const StartBatch& batch) {
  otlp::ResourceLogs logs;
  if (auto resource = otlp::decode_resource(batch.resource)) logs.resource = std::move(resource->value);
  logs.schema_url = batch.resource_schema_url;
  otlp::ScopeLogs& scope = logs.scope_logs.emplace_back();
  for (const std::string& bytes : batch.spans) {
    if (auto span = otlp::decode_span(bytes)) scope.log_records.push_back(event_of(std::move(span->value)));
  }
  if (scope.log_records.empty()) return {};
  return otlp::encode(otlp::LogsData{{std::move(logs)}});
}

FoundStarts find_starts(const otlp::LogsData& logs) {
  FoundStarts found;
  for (const otlp::ResourceLogs& resource_logs : logs.resource_logs) {
    const std::string service = text_of(resource_logs.resource.attributes, "service.name");
    for (const otlp::ScopeLogs& scope_logs : resource_logs.scope_logs) {
      for (const otlp::LogRecord& record : scope_logs.log_records) {
        SpanStart start;
        if (record.event_name != kSpanStartEvent) {
          ++found.others;
        } else if (read_start(record, service, start)) {
          found.starts.push_back(std::move(start));
        } else {
          ++found.unusable;
        }
      }
    }
  }
  return found;
}

}  // namespace meshflow::telemetry
