#include "runtime/ledger.hpp"

#include <array>
#include <utility>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "runtime/ledger_rows.hpp"

namespace meshflow::runtime {
namespace {

// Starts the encoding of an entry, so that no other hash of this project is taken over the same bytes.
constexpr std::string_view kMagic = "meshflow.ledger";
constexpr std::string_view kFirstPrevHash = "0000000000000000000000000000000000000000000000000000000000000000";

void put_integer(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}
void put(std::string& out, std::int64_t value) { put_integer(out, static_cast<std::uint64_t>(value)); }
void put(std::string& out, std::string_view text) {
  put_integer(out, text.size());
  out += text;
}

// As the ledger stores it: valid UTF-8, not too long.
std::string stored_text(std::string_view text) {
  if (text.size() <= kLedgerTextBytesMax && is_valid_utf8(text)) return std::string(text);
  return std::string(utf8_prefix(sanitize_utf8(text.substr(0, 4 * kLedgerTextBytesMax)), kLedgerTextBytesMax));
}

LedgerEntry stored(const LedgerDraft& draft) {
  LedgerEntry entry;
  static_cast<LedgerDraft&>(entry) = draft;
  for (std::string* text : {&entry.run_id, &entry.trace_id, &entry.span_id, &entry.node_id, &entry.kind, &entry.verdict,
                            &entry.reason, &entry.input_digest, &entry.output_digest}) {
    if (text->size() > kLedgerTextBytesMax || !is_valid_utf8(*text)) *text = stored_text(*text);
  }
  return entry;
}

}  // namespace

std::string digest_of(std::string_view content) { return to_hex(sha256(content)); }

std::string canonical_bytes(const LedgerEntry& entry) {
  std::string out;
  out.reserve(512);
  out += kMagic;
  out += static_cast<char>(kLedgerFormatVersion);
  put(out, entry.seq);
  put(out, entry.time_unix_nanos);
  for (const std::string_view text :
       {std::string_view(entry.run_id), std::string_view(entry.trace_id), std::string_view(entry.span_id),
        std::string_view(entry.node_id), std::string_view(entry.kind), std::string_view(entry.verdict),
        std::string_view(entry.reason)}) {
    put(out, text);
  }
  for (const std::int64_t number :
       {entry.cost_nano_usd, entry.input_tokens, entry.output_tokens, entry.cached_tokens, entry.carbon_nanograms}) {
    put(out, number);
  }
  for (const std::string_view text : {std::string_view(entry.input_digest), std::string_view(entry.output_digest),
                                      std::string_view(entry.prev_hash)}) {
    put(out, text);
  }
  return out;
}

std::string hash_of(const LedgerEntry& entry) { return to_hex(sha256(canonical_bytes(entry))); }

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

Result<Ledger::Tail> Ledger::tail() {
  MESHFLOW_TRY(const bool has_row, last_.step());
  Tail tail{0, std::string(kFirstPrevHash)};
  if (has_row) tail = Tail{last_.integer(0), last_.text(1)};
  last_.reset();
  return tail;
}

Result<LedgerEntry> Ledger::insert(const LedgerDraft& draft, const Tail& tail) {
  LedgerEntry entry = stored(draft);
  entry.seq = tail.seq + 1;
  entry.time_unix_nanos = clock_->wall_nanos();
  entry.prev_hash = tail.hash;
  entry.entry_hash = hash_of(entry);
  insert_.bind(1, entry.seq).bind(2, entry.time_unix_nanos).bind(3, entry.run_id).bind(4, entry.trace_id);
  insert_.bind(5, entry.span_id)
      .bind(6, entry.node_id)
      .bind(7, entry.kind)
      .bind(8, entry.verdict)
      .bind(9, entry.reason);
  insert_.bind(10, entry.cost_nano_usd).bind(11, entry.input_tokens).bind(12, entry.output_tokens);
  insert_.bind(13, entry.cached_tokens).bind(14, entry.carbon_nanograms).bind(15, entry.input_digest);
  insert_.bind(16, entry.output_digest).bind(17, entry.prev_hash).bind(18, entry.entry_hash);
  MESHFLOW_CHECK(insert_.run());
  return entry;
}

Result<LedgerEntry> Ledger::append(const LedgerDraft& draft) {
  // A database in memory has no other writer: the lock suffices, and one INSERT is a transaction by itself.
  if (!database_->is_shared()) {
    const auto lock = database_->lock();
    MESHFLOW_TRY(const auto tail, this->tail());
    return insert(draft, tail);
  }
  MESHFLOW_TRY(auto transaction, database_->begin());
  MESHFLOW_TRY(const auto tail, this->tail());
  MESHFLOW_TRY(auto entry, insert(draft, tail));
  MESHFLOW_CHECK(transaction.commit());
  return entry;
}

Result<std::vector<LedgerEntry>> Ledger::append_batch(std::span<const LedgerDraft> drafts) {
  std::vector<LedgerEntry> entries;
  if (drafts.empty()) return entries;
  MESHFLOW_TRY(auto transaction, database_->begin());
  MESHFLOW_TRY(auto tail, this->tail());
  for (const LedgerDraft& draft : drafts) {
    MESHFLOW_TRY(auto entry, insert(draft, tail));
    tail = Tail{entry.seq, entry.entry_hash};
    entries.push_back(std::move(entry));
  }
  MESHFLOW_CHECK(transaction.commit());
  return entries;
}

Result<std::vector<LedgerEntry>> Ledger::entries(std::string_view run_id) {
  const auto lock = database_->lock();
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
  head_of_run_.bind(1, run_id);
  MESHFLOW_TRY(const bool has_row, head_of_run_.step());
  std::string head = has_row ? head_of_run_.text(0) : std::string{};
  head_of_run_.reset();
  return head;
}

}  // namespace meshflow::runtime
