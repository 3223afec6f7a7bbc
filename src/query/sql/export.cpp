#include "query/sql/export.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/random.hpp"
#include "base/try.hpp"
#include "query/sql/views.hpp"
#include "query/trace_row.hpp"

namespace meshflow::query::sql {
namespace {

// DuckDB holds a group for each of its threads until it is full: small ones keep that within the store's memory.
constexpr int kRowGroupRows = 30'720;

}  // namespace

Result<std::string> export_parquet(store::Snapshot& snapshot, const ExportOptions& options) {
  Narrowing narrowing;
  if (options.trace_id) narrowing.trace_ids = {hex_of(*options.trace_id)};
  MESHFLOW_TRY(const std::string select, view_select(snapshot, "spans", narrowing));
  const std::string path = fmt::format("{}/export-{:016x}.parquet", options.folder, random_u64());
  MESHFLOW_CHECK(system_files().create_directories(options.folder));
  const auto done = snapshot.query(fmt::format("COPY ({}) TO {} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {})",
                                               select, quoted(path), kRowGroupRows),
                                   {}, {.time_max = options.time_max});
  if (done) return path;
  (void)system_files().remove(path);
  return tl::unexpected(done.error());
}

}  // namespace meshflow::query::sql
