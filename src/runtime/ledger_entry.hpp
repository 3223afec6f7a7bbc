// One decision in the ledger, and the bytes that its hash is taken over (docs/ledger-format.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace meshflow::runtime {

inline constexpr std::size_t kLedgerTextBytesMax = 1024;  // of one text field; longer text is cut at a whole character
inline constexpr int kLedgerFormatVersion = 1;
// Starts the encoding of an entry, so that no other hash of this project is taken over the same bytes.
inline constexpr std::string_view kLedgerMagic = "meshflow.ledger";
// Of an entry's encoding with its hash: ten texts, the other numbers and hashes.
inline constexpr std::size_t kLedgerEntryBytesMax = 10 * (kLedgerTextBytesMax + 8) + 512;

// A decision to be recorded. Content goes in as digests only.
struct LedgerDraft {
  std::string run_id;
  std::string trace_id = {};
  std::string span_id = {};
  std::string node_id = {};
  std::string kind = {};  // run_started, node, tool, gate, pause, decision, run_ended, …
  std::string verdict = {};  // allowed, blocked, pending, …
  std::string reason = {};
  std::int64_t cost_nano_usd = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t carbon_nanograms = 0;
  std::string input_digest = {};  // SHA-256, hex; empty where there is none
  std::string output_digest = {};
};

struct LedgerEntry : LedgerDraft {
  std::int64_t seq = 0;  // counts from 1, over all runs
  std::int64_t time_unix_nanos = 0;
  std::string prev_hash = {};  // hex; 64 zeros in the first entry
  std::string entry_hash = {};  // hex
};

// Where an entry stands: enough to go on from it.
struct LedgerHead {
  std::int64_t seq = 0;
  std::string entry_hash = {};
};

inline constexpr std::string_view kFirstPrevHash = "0000000000000000000000000000000000000000000000000000000000000000";

// SHA-256, hex, for digests of content.
[[nodiscard]] std::string digest_of(std::string_view content);

// The bytes that an entry's hash is taken over (everything but entry_hash), and that hash in hex.
[[nodiscard]] std::string canonical_bytes(const LedgerEntry& entry);
[[nodiscard]] std::string hash_of(const LedgerEntry& entry);

// Appends the same bytes of the entry that `draft` becomes behind `head`.
void append_canonical_bytes(std::string& out, const LedgerDraft& draft, std::int64_t time_unix_nanos,
                            const LedgerHead& head);
// The same draft as the ledger stores it: valid UTF-8, long text cut at a whole character.
[[nodiscard]] LedgerDraft as_stored(LedgerDraft draft);
[[nodiscard]] bool is_storable(const LedgerDraft& draft) noexcept;

}  // namespace meshflow::runtime
