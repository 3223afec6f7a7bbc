// Rows of the ledger's table as entries.
#pragma once

#include <string_view>

#include "runtime/ledger.hpp"

namespace meshflow::runtime {

inline constexpr std::string_view kLedgerColumns =
    "seq, time_unix_nanos, run_id, trace_id, span_id, node_id, kind, verdict, reason, cost_nano_usd, input_tokens, "
    "output_tokens, cached_tokens, carbon_nanograms, input_digest, output_digest, prev_hash, entry_hash";
inline constexpr int kLedgerColumnCount = 18;

// The row that `row`, a SELECT of kLedgerColumns, stands at.
[[nodiscard]] LedgerEntry ledger_row(const Statement& row);
// Every column has the type that the ledger writes.
[[nodiscard]] bool is_sound_ledger_row(const Statement& row);

}  // namespace meshflow::runtime
