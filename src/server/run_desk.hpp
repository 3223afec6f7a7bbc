// What the server asks of the runtime, which it does not know: what the ledger says, what waits for people, and what
// they decide. The command passes it in; without it those endpoints answer 501.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::server {

inline constexpr std::size_t kApprovalsMax = 1'000;
inline constexpr std::size_t kLedgerEntriesMax = 10'000;

// An entry of a run's ledger. Digests and hashes are SHA-256 in hex, or empty.
struct DeskEntry {
  std::int64_t seq = 0;
  std::int64_t time_unix_nanos = 0;
  std::string span_id;
  std::string node_id;
  std::string kind;
  std::string verdict;
  std::string reason;
  std::int64_t cost_nano_usd = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t carbon_nanograms = 0;
  std::string input_digest;
  std::string output_digest;
  std::string prev_hash;
  std::string entry_hash;
};

// What the ledger says of a run.
struct DeskLedger {
  enum class State {
    ok,      // the chain holds up to the run's last entry, and the root span's head is among it
    broken,  // it does not
    none,    // there is no entry of the run
  } state = State::none;
  std::string head = {};  // the hash of the run's last entry
  struct Fault {
    std::int64_t seq = 0;  // 0: there is no such row
    std::string reason = {};
  };
  std::optional<Fault> first_bad = std::nullopt;
  std::vector<DeskEntry> entries = {};  // the first kLedgerEntriesMax
  std::size_t entries_total = 0;
};

// What waits for a person, or did. What is not known is empty.
struct DeskApproval {
  std::string id;
  std::string run_id;
  std::string trace_id;
  std::string span_id;  // of the gate that waits
  std::string node_id;
  std::string workflow;
  std::string version;
  std::string role;
  std::string risk;
  std::string reason;
  std::string rule_id;
  std::string value;      // what the rule compared with what: a number or a word
  std::string threshold;
  std::string action;     // what would be done: what is decided on
  bool action_complete = true;  // false: only the beginning of it is here
  std::string digest;     // of the whole action
  std::int64_t cost_nano_usd = 0;  // of the run when it paused
  std::int64_t requested_unix_nanos = 0;
  std::int64_t expires_unix_nanos = 0;
  std::string state;      // pending, approved, rejected, expired
  std::string decided_by;
};

struct DeskDecision {
  std::string id;
  bool approves = false;
  std::string comment;
  std::string digest;  // of what the person saw
  std::string by;
};

struct DeskOutcome {
  std::string state;         // approved, rejected
  std::string run_status;    // running where the run goes on by itself, else paused
  std::string continues_in;  // server, program, "process 4711"
};

// Thread-safe; each method may wait for a disk.
class RunDesk {
 public:
  virtual ~RunDesk() = default;

  // `root_head`: what the run's root span recorded as its ledger's head; empty where there is none yet.
  [[nodiscard]] virtual Result<DeskLedger> ledger(std::string_view run_id, std::string_view root_head) = 0;

  // Undecided ones, oldest first, at most kApprovalsMax.
  [[nodiscard]] virtual Result<std::vector<DeskApproval>> waiting() = 0;
  // not_found where there is none of that id.
  [[nodiscard]] virtual Result<DeskApproval> approval(std::string_view id) = 0;
  // Records the decision, whole or not at all, and lets the run go on. Errors: not_found; conflict (decided already,
  // expired, or about something else than `digest`); unavailable, with nothing recorded.
  [[nodiscard]] virtual Result<DeskOutcome> decide(const DeskDecision& decision) = 0;
};

}  // namespace meshflow::server
