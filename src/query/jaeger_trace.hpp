// A trace as Jaeger's older API shows it: the translation of OTLP that the OpenTelemetry specification lays down
// ("OpenTelemetry to Jaeger Transformation"), and the adjustments that Jaeger makes before it answers.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "otlp/model.hpp"
#include "query/json_writer.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// A tag, or a field of a log. Arrays and lists are text: their JSON.
struct JaegerKeyValue {
  std::string key;
  std::variant<std::string, bool, std::int64_t, double, otlp::Bytes> value;
};

struct JaegerReference {
  bool is_child_of = true;  // else FOLLOWS_FROM
  otlp::TraceId trace_id{};
  otlp::SpanId span_id{};
};

struct JaegerLog {
  std::uint64_t time_unix_nano = 0;
  std::vector<JaegerKeyValue> fields;
};

struct JaegerSpan {
  otlp::TraceId trace_id{};
  otlp::SpanId span_id{};
  std::string operation;
  std::vector<JaegerReference> references;  // the parent first
  std::uint64_t start_unix_nano = 0;
  std::int64_t duration_nanos = 0;
  std::vector<JaegerKeyValue> tags;
  std::vector<JaegerLog> logs;
  std::size_t process = 0;  // index into JaegerTrace::processes
  std::vector<std::string> warnings;
};

struct JaegerProcess {
  std::string service;
  std::vector<JaegerKeyValue> tags;
};

struct JaegerTrace {
  otlp::TraceId trace_id{};
  std::vector<JaegerSpan> spans;  // by start, then id
  std::vector<JaegerProcess> processes;  // each once
};

enum class JaegerAdjust {
  yes,  // as Jaeger answers
  no,   // as it was sent ("raw")
};

// Pure, as all functions here.
[[nodiscard]] JaegerTrace to_jaeger(const store::StoredTrace& trace, JaegerAdjust adjust = JaegerAdjust::yes);

// {"traceID": …, "spans": […], "processes": {"p1": …}, "warnings": null}
void write_json(JsonWriter& out, const JaegerTrace& trace);

// Sorts process tags and log fields, writes numeric IPv4 addresses out, takes away references to nowhere, and adds the
// warnings that Jaeger adds about spans that lie outside of their parents. Part of to_jaeger.
void adjust_jaeger_trace(JaegerTrace& trace);

}  // namespace meshflow::query
