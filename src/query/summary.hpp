// A trace in a few words: for lists.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/json_writer.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

struct ServiceSummary {
  std::string name;
  std::uint64_t spans = 0;
  std::uint64_t error_spans = 0;
  friend bool operator==(const ServiceSummary&, const ServiceSummary&) = default;
};

struct TraceSummary {
  otlp::TraceId trace_id{};
  // Of the earliest span without a parent; empty where there is none (a run that is paused).
  std::string root_service = {};
  std::string root_operation = {};
  std::uint64_t start_unix_nano = 0;  // the earliest start
  std::uint64_t end_unix_nano = 0;    // the latest end
  std::uint64_t spans = 0;
  std::uint64_t error_spans = 0;
  std::uint64_t orphan_spans = 0;  // whose parent is not in the trace
  std::vector<ServiceSummary> services = {};  // by name
  friend bool operator==(const TraceSummary&, const TraceSummary&) = default;
};

// Pure.
[[nodiscard]] TraceSummary summarize(const store::StoredTrace& trace);

// As /api/v3/trace-summaries shows it; numbers and texts that are 0 or empty are left out, as protobuf's JSON does.
void write_json(JsonWriter& out, const TraceSummary& summary);

}  // namespace meshflow::query
