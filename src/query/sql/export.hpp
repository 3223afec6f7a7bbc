// The view of spans as a Parquet file, for other programs.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::sql {

struct ExportOptions {
  // A folder that DuckDB may write to (store::TraceStore::temporary_directory); the file gets a name of its own there.
  std::string folder = {};
  std::optional<otlp::TraceId> trace_id = std::nullopt;  // of this trace alone
  std::chrono::milliseconds time_max{3'600'000};
};

// Writes a row for each span, with the columns of the view spans; its path. The caller removes the file.
[[nodiscard]] Result<std::string> export_parquet(store::Snapshot& snapshot, const ExportOptions& options);

}  // namespace meshflow::query::sql
