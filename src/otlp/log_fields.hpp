// Field numbers of OTLP logs: opentelemetry-proto 1.11 (logs.proto, logs_service.proto), as fields.hpp has those of
// traces.
#pragma once

#include <cstdint>

namespace meshflow::otlp {

// LogsData and ExportLogsServiceRequest: the same bytes.
enum class LogsField : std::uint32_t { resource_logs = 1 };

enum class ResourceLogsField : std::uint32_t { resource = 1, scope_logs = 2, schema_url = 3 };

enum class ScopeLogsField : std::uint32_t { scope = 1, log_records = 2, schema_url = 3 };

enum class LogRecordField : std::uint32_t {
  time_unix_nano = 1,  // fixed64
  severity_number = 2,
  severity_text = 3,
  body = 5,
  attributes = 6,
  dropped_attributes_count = 7,
  flags = 8,  // fixed32
  trace_id = 9,
  span_id = 10,
  observed_time_unix_nano = 11,  // fixed64
  event_name = 12,
};

}  // namespace meshflow::otlp
