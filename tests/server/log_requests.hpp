// Requests of OTLP logs, for tests of receivers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "otlp/logs.hpp"

namespace meshflow::server {

// A record with each of these event names, about a span "work" of the service "shop" that has begun; each another span.
inline otlp::LogsData logs_of(const std::vector<std::string>& event_names) {
  otlp::ResourceLogs logs;
  logs.resource.attributes = {{"service.name", {std::string("shop")}}};
  otlp::ScopeLogs& scope = logs.scope_logs.emplace_back();
  std::uint8_t number = 0;
  for (const std::string& name : event_names) {
    otlp::LogRecord record;
    record.event_name = name;
    record.time_unix_nano = 1'700'000'000'000'000'000;
    record.trace_id = {0xab, 0xcd};
    record.span_id = {++number};
    record.attributes = {{"meshflow.span.name", {std::string("work")}}};
    scope.log_records.push_back(std::move(record));
  }
  return {{std::move(logs)}};
}

}  // namespace meshflow::server
