// What belongs to one run, and what all runs of a Mesh share.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "meshflow/runtime/mesh.hpp"
#include "runtime/budget.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/carbon.hpp"
#include "runtime/circuit_breaker.hpp"
#include "runtime/database.hpp"
#include "runtime/gates.hpp"
#include "runtime/guardian.hpp"
#include "runtime/ledger.hpp"
#include "runtime/limited.hpp"
#include "runtime/prices.hpp"
#include "runtime/run_spans.hpp"
#include "runtime/run_store.hpp"
#include "runtime/scheduler.hpp"

namespace meshflow::runtime {

namespace mcp {
class SessionPool;
}

// A policy ready to govern: checked, its guardian's rules compiled. Constant; shared by the runs under it.
struct Governance {
  ResolvedPolicy policy;
  Guardian guardian;
};

// The keys of a map, for hints.
template <typename Map>
[[nodiscard]] std::vector<std::string_view> keys_of(const Map& map) {
  std::vector<std::string_view> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.emplace_back(key);
  return keys;
}

// Constant once a Mesh has started, but for what is thread-safe itself. Shared: a function of a user's that never
// returns keeps what it can reach.
struct Services {
  explicit Services(int scheduler_threads) : scheduler(scheduler_threads) {}

  const Clock* clock = nullptr;
  std::unique_ptr<telemetry::TracerProvider> provider;
  telemetry::Tracer tracer;
  SpanStyle style;
  std::shared_ptr<const Governance> governance;
  std::shared_ptr<ModelProvider> model;
  std::string model_override;  // MESHFLOW_MODEL; empty: as asked
  bool has_console = false;
  std::stop_source closing;    // the Mesh is going: runs under way are cancelled
  std::map<std::string, std::shared_ptr<const Agent>, std::less<>> agents;  // shared: a call may outlive the run
  std::map<std::string, std::shared_ptr<const Tool>, std::less<>> tools;
  PriceTable prices;
  CarbonModel carbon;
  std::shared_ptr<Database> database;  // shared by the two below
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<RunStore> store;
  std::unique_ptr<CircuitBreakers> breakers;
  std::shared_ptr<mcp::SessionPool> mcp_sessions;  // shared: a call that was given up may give one back late
  Approver approver;
  std::shared_ptr<const Workflow> default_team;
  telemetry::Context outer;  // from TRACEPARENT of the environment; invalid where there is none
  std::vector<telemetry::Propagator> propagators;  // how the trace goes on in servers that nodes call
  // What people should know at the end, a sentence each; at most kWarningsMax are kept. Thread-safe.
  void warn(std::string sentence);
  [[nodiscard]] std::vector<std::string> warnings() const;

  Scheduler scheduler;             // last: its threads end first

 private:
  mutable std::mutex warnings_mutex_;
  std::vector<std::string> warnings_;
};

// A blocked span and who it was, for the links and summaries that follow.
struct BlockRecord {
  BlockedSpan what;
  telemetry::Context span;
};

// One run. Everything but `spans`, `cancellation.is_cancelled` and the constants at the top is used on `strand` only.
struct RunState : std::enable_shared_from_this<RunState> {
  RunState(std::shared_ptr<Services> shared, std::shared_ptr<const Governance> rules, std::string id, std::string what)
      : services(std::move(shared)),
        governance(std::move(rules)),
        run_id(std::move(id)),
        task(std::move(what)),
        strand(services->scheduler.make_strand()),
        spans(services->tracer, services->style, run_id) {}

  const std::shared_ptr<Services> services;
  const std::shared_ptr<const Governance> governance;
  const std::string run_id;
  const std::string task;
  const Strand strand;
  // What its RunOptions say beyond the workflow, the variant and the parent.
  RunListener listener;
  std::stop_token stop;
  std::string conversation_id;
  bool wait_for_decision = false;
  std::shared_ptr<const Workflow> workflow;
  std::string variant;

  telemetry::Context outer;  // the parent of the root span, where an outer service has one
  RunSpans spans;
  telemetry::Span root;
  Cancellation cancellation;
  std::unique_ptr<BudgetMeter> budget;
  Usage usage;
  std::vector<AgentFigures> figures;
  std::vector<BlockRecord> blocked;
  std::string ledger_head;
  std::int64_t began_monotonic_nanos = 0;
  std::int64_t earlier_running_nanos = 0;  // of processes before a pause

  [[nodiscard]] const Policy& policy() const noexcept { return governance->policy.fields; }
  [[nodiscard]] WaitContext waiting() noexcept { return {services->scheduler, strand, cancellation}; }
  [[nodiscard]] std::int64_t running_nanos() const noexcept {
    return earlier_running_nanos + services->clock->monotonic_nanos() - began_monotonic_nanos;
  }
  // The figures of an agent in a node; made when first asked for. Valid until the next call.
  [[nodiscard]] AgentFigures& figures_of(std::string_view agent_id, std::string_view node_id, AgentRole role);
  void tell(RunEvent event) const;

 private:
  // Hash of agent and node → position in `figures`; made once there are many.
  std::unique_ptr<std::unordered_multimap<std::size_t, std::size_t>> figures_index_;
};

}  // namespace meshflow::runtime
