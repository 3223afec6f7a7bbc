#include "telemetry/record_batch.hpp"

#include <algorithm>
#include <utility>

#include "telemetry/lane.hpp"
#include "telemetry/tracer_core.hpp"

namespace meshflow::telemetry {

RecordBatch::RecordBatch(std::string_view resource_bytes, std::string_view schema_url, std::vector<SpanRecord*> ended)
    : records_(std::move(ended)) {
  resource = resource_bytes;
  resource_schema_url = schema_url;
  std::vector<const TracerCore*> tracers;  // few; parallel to scopes
  order.reserve(records_.size());
  for (const SpanRecord* const record : records_) {
    const TracerCore* const tracer = &record->tracer();
    const auto known = static_cast<std::size_t>(std::find(tracers.begin(), tracers.end(), tracer) - tracers.begin());
    if (known == tracers.size()) {
      tracers.push_back(tracer);
      scopes.push_back({tracer->encoded_scope, tracer->scope.schema_url, {}});
    }
    std::vector<std::string_view>& spans = scopes[known].spans;
    order.push_back({static_cast<std::uint32_t>(known), static_cast<std::uint32_t>(spans.size()),
                     record->local_root_start_unix_nanos()});
    spans.push_back(record->bytes());
    span_bytes += record->bytes().size();
  }
  span_count = records_.size();
}

RecordBatch::~RecordBatch() { return_records(records_); }

}  // namespace meshflow::telemetry
