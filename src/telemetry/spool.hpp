// The spool: spans kept in files of a data directory until everyone who wants them has read them.
// The format, with how several processes share a directory, is docs/spool-format.md.
#pragma once

#include <memory>

#include "spool/writer.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

using SpoolOptions = spool::WriterOptions;

// Named "spool". Opens nothing before the first batch. A batch is on its way to the disk (one write) when export_batch
// returns, and on the disk after flush. A write that fails drops its batch, counted, and the next batch goes to a new
// file. After fork(2) the child writes a file of its own.
[[nodiscard]] std::unique_ptr<SpanExporter> make_spool_exporter(SpoolOptions options);

}  // namespace meshflow::telemetry
