#include "runtime/ledger.hpp"

#include <utility>

#include "base/try.hpp"
#include "runtime/ledger_rows.hpp"

namespace meshflow::runtime {

// An append that waits for the disk, on the stack of its thread.
struct Ledger::Waiting {
  const LedgerDraft& draft;
  const WithEntry& with_it;
  std::optional<Result<LedgerEntry>> result = std::nullopt;  // under queue_mutex_
};

Result<std::unique_ptr<Ledger>> Ledger::open(std::shared_ptr<Database> database, const Clock& clock) {
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(database), clock));
  MESHFLOW_CHECK(ledger->prepare());
  return ledger;
}

Result<void> Ledger::prepare() {
  const auto lock = database_->lock();
  const std::string columns(kLedgerColumns);
  MESHFLOW_TRY(last_, database_->prepare("SELECT seq, entry_hash FROM ledger ORDER BY seq DESC LIMIT 1"));
  MESHFLOW_TRY(insert_,
               database_->prepare("INSERT INTO ledger (" + columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  MESHFLOW_TRY(of_run_, database_->prepare("SELECT " + columns + " FROM ledger WHERE run_id = ? ORDER BY seq"));
  MESHFLOW_TRY(head_of_run_,
               database_->prepare("SELECT entry_hash FROM ledger WHERE run_id = ? ORDER BY seq DESC LIMIT 1"));
  return {};
}

// --- Rows

Result<LedgerHead> Ledger::head_row() {
  MESHFLOW_TRY(const bool has_row, last_.step());
  LedgerHead head{0, std::string(kFirstPrevHash)};
  if (has_row) head = LedgerHead{last_.integer(0), last_.text(1)};
  last_.reset();
  return head;
}

Result<void> Ledger::insert_row(const LedgerEntry& entry) {
  insert_.bind(1, entry.seq).bind(2, entry.time_unix_nanos).bind(3, entry.run_id).bind(4, entry.trace_id);
  insert_.bind(5, entry.span_id)
      .bind(6, entry.node_id)
      .bind(7, entry.kind)
      .bind(8, entry.verdict)
      .bind(9, entry.reason);
  insert_.bind(10, entry.cost_nano_usd).bind(11, entry.input_tokens).bind(12, entry.output_tokens);
  insert_.bind(13, entry.cached_tokens).bind(14, entry.carbon_nanograms).bind(15, entry.input_digest);
  insert_.bind(16, entry.output_digest).bind(17, entry.prev_hash).bind(18, entry.entry_hash);
  return insert_.run();
}

Result<LedgerEntry> Ledger::insert(const LedgerDraft& draft, const LedgerHead& head) {
  LedgerEntry entry;
  static_cast<LedgerDraft&>(entry) = as_stored(draft);
  entry.seq = head.seq + 1;
  entry.time_unix_nanos = clock_->wall_nanos();
  entry.prev_hash = head.entry_hash;
  entry.entry_hash = hash_of(entry);
  MESHFLOW_CHECK(insert_row(entry));
  return entry;
}

// --- Appending

Result<LedgerEntry> Ledger::append(const LedgerDraft& draft) {
  const WithEntry nothing;
  if (database_->is_in_own_transaction() || !database_->is_shared()) return append_alone(draft, nothing);
  return append_together(draft, nothing);
}

Result<LedgerHead> Ledger::add(const LedgerDraft& draft, const WithEntry& with_it) {
  const auto head_of = [](LedgerEntry entry) { return LedgerHead{entry.seq, std::move(entry.entry_hash)}; };
  if (database_->is_in_own_transaction()) return append_alone(draft, with_it).map(head_of);
  if (database_->is_shared()) return append_together(draft, with_it).map(head_of);
  if (with_it) return append_alone(draft, with_it).map(head_of);
  return keep_unwritten(draft);
}

Result<Transaction> Ledger::begin() {
  const auto lock = database_->lock();
  if (!database_->in_transaction()) MESHFLOW_CHECK(write_rows());
  return database_->begin();
}

Result<LedgerEntry> Ledger::append_alone(const LedgerDraft& draft, const WithEntry& with_it) {
  MESHFLOW_TRY(auto transaction, begin());
  head_.reset();  // the transaction may be rolled back
  MESHFLOW_TRY(const auto head, head_row());
  MESHFLOW_TRY(auto entry, insert(draft, head));
  if (with_it) MESHFLOW_CHECK(with_it(entry));
  MESHFLOW_CHECK(transaction.commit());
  return entry;
}

Result<std::vector<LedgerEntry>> Ledger::append_batch(std::span<const LedgerDraft> drafts) {
  std::vector<LedgerEntry> entries;
  if (drafts.empty()) return entries;
  MESHFLOW_TRY(auto transaction, begin());
  for (const LedgerDraft& draft : drafts) {
    MESHFLOW_TRY(auto entry, append(draft));
    entries.push_back(std::move(entry));
  }
  MESHFLOW_CHECK(transaction.commit());
  return entries;
}

// --- Appending to a file: whoever finds nobody committing commits for all that wait by then

Result<LedgerEntry> Ledger::append_together(const LedgerDraft& draft, const WithEntry& with_it) {
  Waiting mine{draft, with_it};
  std::unique_lock lock(queue_mutex_);
  queue_.push_back(&mine);
  turn_.wait(lock, [&] { return mine.result || !is_committing_; });
  if (!mine.result) {
    is_committing_ = true;
    const std::vector<Waiting*> batch = std::exchange(queue_, {});
    lock.unlock();
    auto results = commit(batch);
    lock.lock();
    for (std::size_t at = 0; at < batch.size(); ++at) batch[at]->result = std::move(results[at]);
    is_committing_ = false;
    turn_.notify_all();
  }
  return std::move(*mine.result);
}

std::vector<Result<LedgerEntry>> Ledger::commit(std::span<Waiting* const> batch) {
  std::vector<Result<LedgerEntry>> results;
  auto transaction = database_->begin();
  if (!transaction) {  // somebody else has the lock: it would not be free for the next one either
    results.assign(batch.size(), tl::unexpected(transaction.error()));
    return results;
  }
  auto whole = commit_whole(std::move(*transaction), batch);
  if (whole) {
    for (LedgerEntry& entry : *whole) results.emplace_back(std::move(entry));
    return results;
  }
  if (batch.size() == 1) {
    results.emplace_back(tl::unexpected(std::move(whole.error())));
    return results;
  }
  // One failed, and all with it: each by itself, so that only that one does.
  for (const Waiting* one : batch) results.push_back(append_alone(one->draft, one->with_it));
  return results;
}

Result<std::vector<LedgerEntry>> Ledger::commit_whole(Transaction transaction, std::span<Waiting* const> batch) {
  std::vector<LedgerEntry> entries;
  MESHFLOW_TRY(auto head, head_row());
  for (const Waiting* one : batch) {
    MESHFLOW_TRY(auto entry, insert(one->draft, head));
    if (one->with_it) MESHFLOW_CHECK(one->with_it(entry));
    head = LedgerHead{entry.seq, entry.entry_hash};
    entries.push_back(std::move(entry));
  }
  MESHFLOW_CHECK(transaction.commit());
  return entries;
}

// --- Appending to a database in memory

Result<LedgerHead> Ledger::keep_unwritten(const LedgerDraft& draft) {
  const auto lock = database_->lock();
  if (!head_) {
    MESHFLOW_TRY(head_, head_row());
  }
  const std::int64_t now = clock_->wall_nanos();
  head_ = is_storable(draft) ? unwritten_.add(draft, now, *head_) : unwritten_.add(as_stored(draft), now, *head_);
  return *head_;
}

Result<void> Ledger::write_rows() {
  if (unwritten_.is_empty()) return {};
  if (database_->in_transaction()) return fail(ErrorCode::internal, "the ledger was read in another's transaction");
  MESHFLOW_TRY(auto transaction, database_->begin());
  MESHFLOW_CHECK(unwritten_.for_each([this](const LedgerEntry& entry) { return insert_row(entry); }));
  MESHFLOW_CHECK(transaction.commit());
  unwritten_.clear();
  return {};
}

// --- Reading

Result<std::vector<LedgerEntry>> Ledger::entries(std::string_view run_id) {
  const auto lock = database_->lock();
  MESHFLOW_CHECK(write_rows());
  std::vector<LedgerEntry> entries;
  of_run_.bind(1, run_id);
  while (true) {
    MESHFLOW_TRY(const bool has_row, of_run_.step());
    if (!has_row) break;
    entries.push_back(ledger_row(of_run_));
  }
  of_run_.reset();
  return entries;
}

Result<std::string> Ledger::head(std::string_view run_id) {
  const auto lock = database_->lock();
  MESHFLOW_CHECK(write_rows());
  head_of_run_.bind(1, run_id);
  MESHFLOW_TRY(const bool has_row, head_of_run_.step());
  std::string head = has_row ? head_of_run_.text(0) : std::string{};
  head_of_run_.reset();
  return head;
}

}  // namespace meshflow::runtime
