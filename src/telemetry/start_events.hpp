// The log event meshflow.span.start, which tells live views of spans that have begun: as OTLP logs, so that any SDK can
// send it. docs/live.md describes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/logs.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

inline constexpr std::string_view kSpanStartEvent = "meshflow.span.start";  // LogRecord.event_name
// Attributes of the event beside those that the span began with.
inline constexpr std::string_view kSpanStartName = "meshflow.span.name";
inline constexpr std::string_view kSpanStartParent = "meshflow.span.parent_id";  // 16 hex digits; absent: a root span

// Of a text in an event; more is cut.
inline constexpr std::size_t kStartTextBytesMax = 1024;

// A span that has begun.
struct SpanStart {
  otlp::TraceId trace_id{};
  otlp::SpanId span_id{};
  otlp::SpanId parent_span_id{};  // all zero: a root span
  std::uint64_t start_unix_nanos = 0;
  std::string name;
  std::string service;
  // Empty where they are not known.
  std::string run_id;
  std::string node_id;
  std::string agent_id;
  std::string role;
  std::string operation;  // gen_ai.operation.name
};

// An ExportLogsServiceRequest with the events of these spans; empty without any.
[[nodiscard]] std::string encode_start_events(const StartBatch& batch);

struct FoundStarts {
  std::vector<SpanStart> starts;
  std::uint64_t others = 0;  // records that are other logs
  std::uint64_t unusable = 0;  // events without usable ids or a name
};
// Pure.
[[nodiscard]] FoundStarts find_starts(const otlp::LogsData& logs);

}  // namespace meshflow::telemetry
