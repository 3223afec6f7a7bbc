// The append-only record of decisions: each entry commits to all of its fields and to the entry before it.
// docs/ledger-format.md specifies the bytes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "meshflow/base/error.hpp"
#include "runtime/database.hpp"
#include "runtime/ledger_entry.hpp"
#include "runtime/ledger_unwritten.hpp"

namespace meshflow::runtime {

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

  // Returns once the entry is on the device; within a Transaction of this thread, once that is committed. Entries that
  // threads append at the same time share one sync. Invalid UTF-8 is replaced, long text is cut. The Errors are the
  // Database's.
  [[nodiscard]] Result<LedgerEntry> append(const LedgerDraft& draft);
  // The same, for who needs to know no more of the entry than where it stands. What `with_it` writes is in the same
  // transaction: all or nothing.
  using WithEntry = std::function<Result<void>(const LedgerEntry&)>;
  [[nodiscard]] Result<LedgerHead> add(const LedgerDraft& draft, const WithEntry& with_it = nullptr);
  // A Transaction of the Database in which entries may be appended.
  [[nodiscard]] Result<Transaction> begin();
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
  struct Waiting;
  Ledger(std::shared_ptr<Database> database, const Clock& clock) : database_(std::move(database)), clock_(&clock) {}
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<LedgerHead> head_row();
  [[nodiscard]] Result<void> insert_row(const LedgerEntry& entry);
  [[nodiscard]] Result<LedgerEntry> insert(const LedgerDraft& draft, const LedgerHead& head);
  [[nodiscard]] Result<LedgerEntry> append_alone(const LedgerDraft& draft, const WithEntry& with_it);
  [[nodiscard]] Result<LedgerEntry> append_together(const LedgerDraft& draft, const WithEntry& with_it);
  [[nodiscard]] std::vector<Result<LedgerEntry>> commit(std::span<Waiting* const> batch);
  [[nodiscard]] Result<std::vector<LedgerEntry>> commit_whole(Transaction transaction, std::span<Waiting* const> batch);
  [[nodiscard]] Result<LedgerHead> keep_unwritten(const LedgerDraft& draft);
  [[nodiscard]] Result<void> write_rows();

  std::shared_ptr<Database> database_;  // shared with the RunStore of the same file; outlives the statements
  const Clock* clock_;
  Statement last_;
  Statement insert_;
  Statement of_run_;
  Statement head_of_run_;

  // Appends to a file: one thread commits those of all that wait.
  std::mutex queue_mutex_;
  std::condition_variable turn_;
  std::vector<Waiting*> queue_;  // at most one for each thread that appends
  bool is_committing_ = false;

  // Appends to a database in memory; under its lock.
  UnwrittenEntries unwritten_;
  std::optional<LedgerHead> head_;  // of the chain; null: to be read
};

}  // namespace meshflow::runtime
