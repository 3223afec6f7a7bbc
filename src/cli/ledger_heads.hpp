// The ledger heads that runs' root spans recorded: what the ledger is held against.
#pragma once

#include <map>
#include <string>

#include "meshflow/base/error.hpp"

namespace meshflow::cli {

inline constexpr std::uint64_t kTraceFileBytesMax = std::uint64_t{1} << 30;

using LedgerHeads = std::map<std::string, std::string>;  // run id → meshflow.ledger.head

// From the spans in a spool directory; none where there is no such directory. Reads beside the readers on record,
// without becoming one, and passes over what is damaged.
[[nodiscard]] Result<LedgerHeads> heads_from_spool(const std::string& directory);
// From a file of OTLP JSON, one ExportTraceServiceRequest a line.
[[nodiscard]] Result<LedgerHeads> heads_from_trace_file(const std::string& path);

}  // namespace meshflow::cli
