// Ended spans on their way through the exporters.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "telemetry/exporter.hpp"
#include "telemetry/span_record.hpp"

namespace meshflow::telemetry {

// A SpanBatch that owns the records which its views point into. Immutable, thread-safe; the records return to their
// pools when it dies.
class RecordBatch : public SpanBatch {
 public:
  // `ended` in the order of their end.
  RecordBatch(std::string_view resource_bytes, std::string_view schema_url, std::vector<SpanRecord*> ended);
  ~RecordBatch();
  RecordBatch(const RecordBatch&) = delete;
  RecordBatch& operator=(const RecordBatch&) = delete;

 private:
  const std::vector<SpanRecord*> records_;
};

}  // namespace meshflow::telemetry
