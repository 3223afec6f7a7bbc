// OTLP as JSON lines in a file (OTLP file exporter specification): one ExportTraceServiceRequest a line.
#pragma once

#include <memory>
#include <string>

#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

// Named "file". Opens `path` at once, creating it with mode 0600, and appends; each batch is one write. A write that
// fails drops its batch, counted; what a short write left behind is cut off again, so that the file stays whole
// lines; therefore one process at a time should write a file. `files` must outlive the exporter.
[[nodiscard]] Result<std::unique_ptr<SpanExporter>> make_otlp_file_exporter(std::string path,
                                                                            FileSystem& files = system_files());

}  // namespace meshflow::telemetry
