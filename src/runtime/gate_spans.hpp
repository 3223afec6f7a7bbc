// Decisions made visible: gates, policy checks and ledger entries as spans.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/gates.hpp"
#include "runtime/run_state.hpp"

namespace meshflow::runtime {

// Records a finished policy check under `parent`; returns its context, for links.
telemetry::Context record_policy_check(RunState& run, const telemetry::Context& parent, std::string_view node_id,
                                       const PolicyCheck& check);

// What a person has decided, for the gate's second evaluation.
struct Decided {
  const Decision& decision;
  std::string_view digest;             // of what was decided on
  const telemetry::Context& asked_in;  // the gate that was pending
};

// Records one evaluation of a gate under `parent`; returns its context.
telemetry::Context record_gate(RunState& run, const telemetry::Context& parent, std::string_view node_id,
                               const GateVerdict& verdict, const std::optional<Decided>& decided = std::nullopt);

// Writes an entry to the ledger and records that; the run's head moves on. An Error means that nothing was written:
// the run must not go on as if it had been. The span hangs under `parent`; `about` is the span that the entry tells of,
// `link` one that it follows (a block). `with_it` is written in the same transaction: all or nothing, and one wait for
// the disk. Resumes on the strand.
Task<Result<void>> write_ledger(RunState& run, const telemetry::Context& parent, const telemetry::Context& about,
                                LedgerDraft draft, const telemetry::Context* link = nullptr,
                                Ledger::WithEntry with_it = nullptr);

// The same for an entry that is written together with something else. `append` runs where it may wait for a disk.
Task<Result<void>> write_ledger_by(RunState& run, const telemetry::Context& parent, std::string_view node_id,
                                   std::string_view kind, std::function<Result<LedgerHead>()> append,
                                   const telemetry::Context* link = nullptr);

// Work on the run's database: where that is a file, on a thread that may wait for the disk. Resumes on the strand.
template <typename T>
Task<Result<T>> on_database(RunState& run, std::function<Result<T>()> work) {
  if (!run.services->database->is_shared()) co_return work();
  // Not cut short by a cancellation: what is recorded of a run is recorded to its end.
  co_return co_await run_on_blocking_thread<T>(run.waiting(), std::move(work), "the ledger", run.services);
}

// Pauses between tries: doubling from the policy's first one, with jitter, bounded. `attempt` counts from 2.
[[nodiscard]] std::chrono::nanoseconds backoff_before(const Policy& policy, int attempt);

// A refusal that no gate function made. `gate` lives forever.
[[nodiscard]] GateVerdict refusal(std::string_view gate, std::string rule_id, std::string reason);

// A Link that says what kind it is.
[[nodiscard]] telemetry::Link link_to(const telemetry::Context& target, std::string_view kind);

}  // namespace meshflow::runtime
