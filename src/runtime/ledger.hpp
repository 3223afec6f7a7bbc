// The append-only record of decisions: each entry commits to all of its fields and to the entry before it.
// docs/ledger-format.md specifies the bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "meshflow/base/error.hpp"
#include "runtime/database.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kLedgerTextBytesMax = 1024;  // of one text field; longer text is cut at a whole character
inline constexpr int kLedgerFormatVersion = 1;

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

// SHA-256, hex, for digests of content.
[[nodiscard]] std::string digest_of(std::string_view content);

// The bytes that an entry's hash is taken over (everything but entry_hash), and that hash in hex.
[[nodiscard]] std::string canonical_bytes(const LedgerEntry& entry);
[[nodiscard]] std::string hash_of(const LedgerEntry& entry);

enum class LedgerFault {
  none,
  edited,  // the entry's fields do not give its hash
  moved,  // the entry is genuine, but stood in another place: entries were swapped, inserted or renumbered
  missing,  // entries before it were deleted
  not_following,  // the entry is whole, but does not continue the one before it, which was replaced or put in
  unreadable,  // a column holds what the ledger never writes
  tail_missing,  // the head that the run's root span recorded is not there: the end was cut off or replaced
  added_after_end,  // entries of a run follow the head that its root span recorded
};
[[nodiscard]] std::string_view name_of(LedgerFault fault) noexcept;

struct LedgerReport {
  LedgerFault fault = LedgerFault::none;
  std::int64_t seq = 0;  // the first entry that does not hold; 0 where there is no such row (tail_missing)
  std::string run_id = {};  // whose entry that is, as far as it can be known
  std::string message = {};  // a sentence
  std::int64_t entries = 0;  // that were checked
  std::int64_t run_entries = 0;  // of them, of the run asked for
  std::int64_t runs = 0;  // whose entries those are
  [[nodiscard]] bool holds() const noexcept { return fault == LedgerFault::none; }
};

// Thread-safe; several processes may append to one file.
class Ledger {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(std::shared_ptr<Database> database,
                                                            const Clock& clock = system_clock());

  // Returns once the entry is on the device; within a Transaction of the Database, once that is committed. Invalid
  // UTF-8 is replaced, long text is cut. The Errors are the Database's.
  [[nodiscard]] Result<LedgerEntry> append(const LedgerDraft& draft);
  // All or none, with one sync.
  [[nodiscard]] Result<std::vector<LedgerEntry>> append_batch(std::span<const LedgerDraft> drafts);

  [[nodiscard]] Result<std::vector<LedgerEntry>> entries(std::string_view run_id);
  // The hash of the run's last entry; empty where it has none.
  [[nodiscard]] Result<std::string> head(std::string_view run_id);

  // Walks the chain from its first entry; with `run_id`, to that run's last one. `heads`: run id → meshflow.ledger.head
  // of the run's root span, for runs that have ended. Reads the file as it stands; trusts nothing remembered.
  [[nodiscard]] Result<LedgerReport> verify(std::optional<std::string_view> run_id = std::nullopt,
                                            const std::map<std::string, std::string>& heads = {});

 private:
  struct Tail {
    std::int64_t seq = 0;
    std::string hash;
  };
  Ledger(std::shared_ptr<Database> database, const Clock& clock) : database_(std::move(database)), clock_(&clock) {}
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<Tail> tail();
  [[nodiscard]] Result<LedgerEntry> insert(const LedgerDraft& draft, const Tail& tail);

  std::shared_ptr<Database> database_;  // shared with the RunStore of the same file; outlives the statements
  const Clock* clock_;
  Statement last_;
  Statement insert_;
  Statement of_run_;
  Statement head_of_run_;
};

}  // namespace meshflow::runtime
