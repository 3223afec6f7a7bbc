// OTLP logs, as model.hpp, decode.hpp, encode.hpp and json.hpp have traces: every field of opentelemetry-proto 1.11.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/decode_limits.hpp"
#include "otlp/model.hpp"

namespace meshflow::otlp {

// An id of the wrong length is as absent.
struct LogRecord {
  std::uint64_t time_unix_nano = 0;
  std::uint64_t observed_time_unix_nano = 0;
  std::int32_t severity_number = 0;
  std::string severity_text;
  AnyValue body;
  KeyValueList attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::uint32_t flags = 0;
  TraceId trace_id{};
  SpanId span_id{};
  std::string event_name;
  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

struct ScopeLogs {
  InstrumentationScope scope;
  std::vector<LogRecord> log_records;
  std::string schema_url;
  friend bool operator==(const ScopeLogs&, const ScopeLogs&) = default;
};

struct ResourceLogs {
  Resource resource;
  std::vector<ScopeLogs> scope_logs;
  std::string schema_url;
  friend bool operator==(const ResourceLogs&, const ResourceLogs&) = default;
};

// Also what an exporter sends: ExportLogsServiceRequest has the same fields.
struct LogsData {
  std::vector<ResourceLogs> resource_logs;
  friend bool operator==(const LogsData&, const LogsData&) = default;
};

// The answer to an exporter. partial_success is written only when one of its fields is set.
struct ExportLogsServiceResponse {
  std::int64_t rejected_log_records = 0;
  std::string error_message;
};

// Protobuf and JSON, with the errors of decode_traces and decode_traces_json. Records count as spans do in
// DecodeLimits.
[[nodiscard]] Result<Decoded<LogsData>> decode_logs(std::string_view bytes, const DecodeLimits& limits = {});
[[nodiscard]] Result<Decoded<LogsData>> decode_logs_json(std::string_view text, const DecodeLimits& limits = {});

// Canonical bytes.
[[nodiscard]] std::string encode(const LogsData& logs);
[[nodiscard]] std::string encode(const ExportLogsServiceResponse& response);
[[nodiscard]] std::string encode_json(const ExportLogsServiceResponse& response);

}  // namespace meshflow::otlp
