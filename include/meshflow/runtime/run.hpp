// What comes out of a run, and what is told while it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/agent.hpp"
#include "meshflow/runtime/usage.hpp"

namespace meshflow {

enum class RunStatus { pending, running, paused, completed, failed, aborted };
[[nodiscard]] std::string_view name_of(RunStatus status) noexcept;
[[nodiscard]] std::optional<RunStatus> run_status_from(std::string_view name) noexcept;

struct AgentFigures {
  std::string agent_id;
  std::string node_id;
  AgentRole role = AgentRole::executor;
  Usage usage;  // of its own model calls; those of agents that it called are theirs
  std::int64_t executions = 0;
};

struct BlockedSpan {
  std::string node_id;
  std::string agent_id;
  std::string role;
  std::string gate;      // content_policy, cost, uncertainty, compliance, human; or policy_check
  std::string rule_id;
  std::string reason;
  std::string span_id;   // 16 hex digits
  std::string followed_by;  // node id that followed, or "aborted", "rejected"
};

// A request that waits for a person.
struct PendingRequest {
  std::string run_id;
  std::string node_id;
  std::string reason;          // why a person is asked
  std::string prompt;          // what would happen
  std::string content_digest;  // SHA-256, hex, of what is decided on
  std::int64_t since_unix_nanos = 0;
  std::int64_t expires_unix_nanos = 0;
  // How it came to be asked; empty where that is not known.
  std::string span_id = {};    // of the gate span that waits, 16 hex digits
  std::string role = {};       // of the agent whose work it is
  std::string risk = {};       // of the action: read_only, internal, external_io, irreversible
  std::string rule_id = {};    // which rule asked
  std::string threshold = {};  // what the rule compared with what: a number, or a word
  std::string value = {};
};

struct Decision {
  bool approved = false;
  std::string by = {};
  std::string note = {};
  std::int64_t unix_nanos = 0;  // when; 0: as it is recorded
};

struct RunResult {
  std::string run_id;    // run_ and hex
  std::string trace_id;  // 32 hex digits
  RunStatus status = RunStatus::pending;
  std::string output;
  std::optional<Error> error;  // why it failed or was aborted
  Usage usage;
  std::int64_t duration_nanos = 0;  // running time, waiting for people not counted
  std::vector<AgentFigures> agents;
  std::vector<BlockedSpan> blocked;
  std::optional<PendingRequest> pending;  // where status is paused
  std::string ledger_head;                // hex
  // Spans of the run by name, those from before a pause included; in the order in which the names first came up.
  std::vector<std::pair<std::string, std::int64_t>> spans_by_name;
  [[nodiscard]] std::int64_t span_count() const noexcept {
    std::int64_t count = 0;
    for (const auto& [name, spans] : spans_by_name) count += spans;
    return count;
  }
};

// Progress of a run, told on the scheduler's threads, one at a time per run; return quickly.
struct RunEvent {
  enum class Kind { run_started, node_started, node_ended, node_skipped, blocked, paused, decided, run_ended };
  Kind kind = Kind::run_started;
  std::string run_id;
  std::string trace_id;
  std::string node_id;
  std::string detail;  // a sentence: why blocked, who decided, …
  bool failed = false;
  Usage usage;         // of the node or the run so far
  std::int64_t duration_nanos = 0;
};
using RunListener = std::function<void(const RunEvent&)>;

}  // namespace meshflow
