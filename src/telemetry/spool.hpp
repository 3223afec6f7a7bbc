// The spool: spans kept in files of a data directory until everyone who wants them has read them.
// The format, with how several processes share a directory, is docs/spool-format.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

struct SpoolOptions {
  std::string directory = {};                            // created with mode 0700 where it does not exist
  std::uint64_t file_bytes_max = std::uint64_t{8} << 20;  // a file that reached it is followed by the next
  std::uint64_t directory_bytes_max = std::uint64_t{1} << 30;
  std::chrono::hours age_max{24 * 14};
  const Clock* clock = nullptr;  // null: the operating system's
  FileSystem* files = nullptr;   // null: the operating system's
};

// Named "spool". Opens nothing before the first batch. A batch is on its way to the disk (one write) when export_batch
// returns, and on the disk after flush. A write that fails drops its batch, counted, and the next batch goes to a new
// file. After fork(2) the child writes a file of its own.
[[nodiscard]] std::unique_ptr<SpanExporter> make_spool_exporter(SpoolOptions options);

}  // namespace meshflow::telemetry
