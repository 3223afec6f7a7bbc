// Walking the chain: which entry is the first that does not hold, and what was done to it.
#include <set>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/ledger_rows.hpp"

namespace meshflow::runtime {
namespace {

// Entries that are tried as the origin of one that was moved; each try is one hash.
constexpr std::int64_t kMoveSearchMax = 100'000;

// The place that an entry was written for, where its hash fits one: entries commit to their number.
std::optional<std::int64_t> original_seq(LedgerEntry entry, std::int64_t seq_max) {
  for (std::int64_t seq = 1; seq <= std::min(seq_max + 1, kMoveSearchMax); ++seq) {
    entry.seq = seq;
    if (hash_of(entry) == entry.entry_hash) return seq;
  }
  return std::nullopt;
}

// What is known while the entries pass by.
class Walk {
 public:
  Walk(std::optional<std::string_view> run_id, const std::map<std::string, std::string>& heads, std::int64_t seq_max)
      : run_id_(run_id), heads_(heads), seq_max_(seq_max) {}

  // False: `report` tells what does not hold.
  bool visit(const Statement& row) {
    if (!is_sound_ledger_row(row)) {
      const std::int64_t seq = row.is_integer(0) ? row.integer(0) : expected_seq_;
      return refuse(LedgerFault::unreadable, seq, row.text(2),
                    fmt::format("entry {} holds a value of a type that the ledger never writes", seq));
    }
    const LedgerEntry entry = ledger_row(row);
    if (!check_itself(entry) || !check_place(entry) || !check_head(entry)) return false;
    expected_seq_ = entry.seq + 1;
    previous_hash_ = entry.entry_hash;
    ++report.entries;
    if (runs_.insert(entry.run_id).second) ++report.runs;
    if (run_id_ && entry.run_id == *run_id_) ++report.run_entries;
    return true;
  }

  // After the last entry: heads that never came.
  void finish() {
    for (const auto& [run, head] : heads_) {
      if ((run_id_ && run != *run_id_) || head.empty() || ended_.contains(run)) continue;
      refuse(LedgerFault::tail_missing, 0, run,
             fmt::format(
                 "the last entry of {} is not there: its root span recorded the head {}, so the end of the ledger was "
                 "cut off or replaced",
                 run, head));
      return;
    }
  }

  LedgerReport report;

 private:
  bool refuse(LedgerFault fault, std::int64_t seq, std::string run, std::string message) {
    report.fault = fault;
    report.seq = seq;
    report.run_id = std::move(run);
    report.message = std::move(message);
    return false;
  }

  bool check_itself(const LedgerEntry& entry) {
    if (hash_of(entry) == entry.entry_hash) return true;
    if (const auto origin = original_seq(entry, seq_max_)) {
      return refuse(LedgerFault::moved, entry.seq, entry.run_id,
                    fmt::format("entry {} was written as entry {}: entries were swapped, put in or renumbered",
                                entry.seq, *origin));
    }
    return refuse(LedgerFault::edited, entry.seq, entry.run_id,
                  fmt::format("entry {} was edited: its fields do not give its hash", entry.seq));
  }

  bool check_place(const LedgerEntry& entry) {
    if (entry.seq != expected_seq_) {
      const std::string which = entry.seq == expected_seq_ + 1
                                    ? fmt::format("entry {} is", expected_seq_)
                                    : fmt::format("entries {} to {} are", expected_seq_, entry.seq - 1);
      return refuse(LedgerFault::missing, entry.seq, entry.run_id,
                    fmt::format("{} missing before entry {}", which, entry.seq));
    }
    if (entry.prev_hash == previous_hash_) return true;
    if (entry.seq == 1) {
      return refuse(LedgerFault::not_following, 1, entry.run_id,
                    "entry 1 is not the first of a ledger: entries before it were removed");
    }
    return refuse(
        LedgerFault::not_following, entry.seq, entry.run_id,
        fmt::format("entry {} does not continue entry {}: that one was replaced, or put in", entry.seq, entry.seq - 1));
  }

  bool check_head(const LedgerEntry& entry) {
    const auto head = heads_.find(entry.run_id);
    if (head == heads_.end()) return true;
    if (ended_.contains(entry.run_id)) {
      return refuse(
          LedgerFault::added_after_end, entry.seq, entry.run_id,
          fmt::format("entry {} was added to {} after the head that its root span recorded", entry.seq, entry.run_id));
    }
    if (entry.entry_hash == head->second) ended_.insert(entry.run_id);
    return true;
  }

  std::optional<std::string_view> run_id_;
  const std::map<std::string, std::string>& heads_;
  std::int64_t seq_max_;
  std::int64_t expected_seq_ = 1;
  std::string previous_hash_{kFirstPrevHash};
  std::set<std::string, std::less<>> ended_;
  std::set<std::string, std::less<>> runs_;
};

}  // namespace

std::string_view name_of(LedgerFault fault) noexcept {
  switch (fault) {
    case LedgerFault::none: return "none";
    case LedgerFault::edited: return "edited";
    case LedgerFault::moved: return "moved";
    case LedgerFault::missing: return "missing";
    case LedgerFault::not_following: return "not_following";
    case LedgerFault::unreadable: return "unreadable";
    case LedgerFault::tail_missing: return "tail_missing";
    case LedgerFault::added_after_end: return "added_after_end";
  }
  return "none";
}

LedgerEntry ledger_row(const Statement& row) {
  LedgerEntry entry;
  entry.seq = row.integer(0);
  entry.time_unix_nanos = row.integer(1);
  entry.run_id = row.text(2);
  entry.trace_id = row.text(3);
  entry.span_id = row.text(4);
  entry.node_id = row.text(5);
  entry.kind = row.text(6);
  entry.verdict = row.text(7);
  entry.reason = row.text(8);
  entry.cost_nano_usd = row.integer(9);
  entry.input_tokens = row.integer(10);
  entry.output_tokens = row.integer(11);
  entry.cached_tokens = row.integer(12);
  entry.carbon_nanograms = row.integer(13);
  entry.input_digest = row.text(14);
  entry.output_digest = row.text(15);
  entry.prev_hash = row.text(16);
  entry.entry_hash = row.text(17);
  return entry;
}

bool is_sound_ledger_row(const Statement& row) {
  static constexpr std::string_view kTypes = "iitttttttiiiiitttt";
  static_assert(kTypes.size() == kLedgerColumnCount);
  for (int column = 0; column < kLedgerColumnCount; ++column) {
    const bool sound = kTypes[static_cast<std::size_t>(column)] == 'i' ? row.is_integer(column) : row.is_text(column);
    if (!sound) return false;
  }
  return true;
}

Result<LedgerReport> Ledger::verify(std::optional<std::string_view> run_id,
                                    const std::map<std::string, std::string>& heads) {
  const auto lock = database_->lock();
  MESHFLOW_CHECK(write_rows());
  MESHFLOW_TRY(auto bounds, database_->prepare("SELECT max(seq), max(seq) FILTER (WHERE run_id = ?) FROM ledger"));
  MESHFLOW_CHECK(bounds.bind(1, run_id.value_or("")).step());
  const std::int64_t seq_max = bounds.integer(0);
  // Later entries say nothing about this run.
  const std::int64_t last = run_id ? bounds.integer(1) : seq_max;
  bounds.reset();

  Walk walk(run_id, heads, seq_max);
  MESHFLOW_TRY(auto rows,
               database_->prepare(fmt::format("SELECT {} FROM ledger WHERE seq <= ? ORDER BY seq", kLedgerColumns)));
  rows.bind(1, last);
  while (true) {
    MESHFLOW_TRY(const bool has_row, rows.step());
    if (!has_row) break;
    if (!walk.visit(rows)) return walk.report;
  }
  walk.finish();
  return walk.report;
}

}  // namespace meshflow::runtime
