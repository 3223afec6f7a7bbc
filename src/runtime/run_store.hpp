// What is known of runs: their records, checkpoints of those that wait, requests to people and their decisions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/run.hpp"
#include "meshflow/runtime/usage.hpp"
#include "runtime/database.hpp"
#include "runtime/ledger.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kCheckpointBytesMax = std::size_t{64} << 20;
inline constexpr std::int64_t kRunsListedMax = 10'000;
inline constexpr std::int64_t kRequestsListedMax = 10'000;

struct RunRecord {
  std::string run_id;
  std::string trace_id = {};
  std::string workflow_name = {};
  std::string workflow_version = {};
  std::string source_path = {};  // of the workflow's file; empty: made in code
  std::string variant = {};
  std::string task = {};
  RunStatus status = RunStatus::pending;
  std::int64_t started_unix_nanos = 0;
  std::int64_t ended_unix_nanos = 0;  // 0: not ended
  Usage usage = {};
  std::int64_t blocked = 0;
  std::string ledger_head = {};
};

// A process, so that a number that was given out anew is not mistaken for it.
struct ProcessId {
  std::int64_t pid = 0;
  std::int64_t started_ticks = 0;  // since boot (proc(5), stat, field 22)
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};
[[nodiscard]] ProcessId this_process();
[[nodiscard]] bool is_alive(const ProcessId& process);

// A request with what became of it.
struct RequestRecord {
  std::int64_t id = 0;
  PendingRequest request;
  std::optional<Decision> decision = std::nullopt;
};

// Thread-safe; several processes may use one file. Methods return once what they wrote is on the device, within a
// Transaction of the Database once that is committed. A run that is not there is not_found.
class RunStore {
 public:
  using IsAlive = std::function<bool(const ProcessId&)>;
  [[nodiscard]] static Result<std::unique_ptr<RunStore>> open(std::shared_ptr<Database> database,
                                                              IsAlive is_alive = runtime::is_alive);

  // Inserts the run or replaces its record; its checkpoint, requests and claim stay.
  [[nodiscard]] Result<void> save(const RunRecord& run);
  [[nodiscard]] Result<RunRecord> find(std::string_view run_id);
  // Newest first; at most kRunsListedMax.
  [[nodiscard]] Result<std::vector<RunRecord>> list(std::int64_t limit = 100);

  [[nodiscard]] Result<void> save_checkpoint(std::string_view run_id, std::string_view state);
  [[nodiscard]] Result<std::string> checkpoint(std::string_view run_id);
  [[nodiscard]] Result<void> remove_checkpoint(std::string_view run_id);

  // Requests without a decision, oldest first; of all runs where `run_id` is empty.
  [[nodiscard]] Result<std::vector<PendingRequest>> pending(std::string_view run_id = {});
  // The same with their ids.
  [[nodiscard]] Result<std::vector<RequestRecord>> waiting(std::string_view run_id = {},
                                                           std::int64_t limit = kRequestsListedMax);
  // not_found where there is none of that id.
  [[nodiscard]] Result<RequestRecord> request(std::int64_t id);
  // All requests of a run, oldest first.
  [[nodiscard]] Result<std::vector<RequestRecord>> requests(std::string_view run_id);
  // The newest request of a node, with its decision where there is one.
  [[nodiscard]] Result<std::optional<RequestRecord>> request_of(std::string_view run_id, std::string_view node_id);

  // A pause, whole or not at all: the checkpoint, the request, the run's record, and the ledger's entry.
  struct Pause {
    RunRecord run;
    std::string checkpoint;
    std::vector<PendingRequest> requests;
    LedgerDraft entry;
  };
  [[nodiscard]] Result<LedgerEntry> pause(Ledger& ledger, const Pause& pause);
  // A decision on the run's oldest open request (of `node_id`, or with `request_id`, where given) and its ledger entry,
  // whole or not at all. not_found: no such run; conflict: the run waits for nobody, the request was decided or has
  // expired, or is about something else than `digest`.
  struct DecisionRecord {
    std::string_view run_id;
    std::string_view node_id = {};
    Decision decision;
    std::int64_t now_unix_nanos = 0;
    bool is_expiry = false;  // nobody decided in time: a rejection that only an expired request takes
    std::int64_t request_id = 0;  // 0: any
    std::string_view digest = {};  // PendingRequest::content_digest of what the person saw; empty: not compared
  };
  [[nodiscard]] Result<LedgerEntry> decide(Ledger& ledger, const DecisionRecord& record);

  // Makes this process the one that carries the run. A claim of a process that has died is taken over; one of a live
  // process is a conflict that names it. Claiming what one has already is fine.
  [[nodiscard]] Result<void> claim(std::string_view run_id, const ProcessId& self = this_process());
  // Gives the claim back where `self` has it.
  [[nodiscard]] Result<void> unclaim(std::string_view run_id, const ProcessId& self = this_process());
  // Who carries the run, if a live process does.
  [[nodiscard]] Result<std::optional<ProcessId>> carrier(std::string_view run_id);

 private:
  explicit RunStore(std::shared_ptr<Database> database, IsAlive is_alive)
      : database_(std::move(database)), is_alive_(std::move(is_alive)) {}
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<void> add_request(const PendingRequest& request);
  [[nodiscard]] Result<ProcessId> claimant(std::string_view run_id);

  std::shared_ptr<Database> database_;  // shared with the Ledger of the same file; outlives the statements
  IsAlive is_alive_;
  Statement save_;
  Statement find_;
  Statement list_;
  Statement save_checkpoint_;
  Statement checkpoint_;
  Statement remove_checkpoint_;
  Statement add_request_;
  Statement pending_;
  Statement request_;
  Statement requests_;
  Statement decide_;
  Statement claimant_;
  Statement set_claim_;
};

}  // namespace meshflow::runtime
