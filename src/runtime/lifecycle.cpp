#include "runtime/lifecycle.hpp"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/try.hpp"
#include "runtime/attributes.hpp"
#include "runtime/checkpoint.hpp"
#include "runtime/gate_spans.hpp"
#include "runtime/graph_run.hpp"
#include "runtime/human.hpp"
#include "runtime/limits.hpp"
#include "runtime/webhook.hpp"

namespace meshflow::runtime {
namespace {

std::string new_run_id() {
  const std::uint64_t high = random_u64();
  const std::uint64_t low = random_u64();
  return fmt::format("run_{:016x}{:08x}", high, static_cast<std::uint32_t>(low));
}

// ---- the root span ----

void open_root(RunState& run, const std::optional<SpanIdentity>& resumed, const telemetry::TraceId& trace_id) {
  RunSpans::Options options;
  options.parent = run.outer;
  options.hold_unsampled = true;
  options.trace_id = trace_id;
  if (resumed) {
    options.span_id = resumed->span_id;
    options.start_unix_nanos = resumed->start_unix_nanos;
  }
  run.root = run.spans.start(names::kSpanRun, SpanRole::chain, options);
  const Policy& policy = run.policy();
  run.root.set_attribute(names::kGenAiOperation, "invoke_workflow");
  run.root.set_attribute(names::kWorkflowName, run.workflow->name());
  run.root.set_attribute(names::kWorkflowVersion, run.workflow->version());
  run.root.set_attribute(names::kPolicyMode, name_of(policy.mode));
  run.spans.set_lesson(run.root, names::kCompliance, policy.compliance.value_or("none"));
  if (!run.variant.empty()) run.root.set_attribute(names::kVariant, run.variant);
  if (!run.conversation_id.empty()) run.root.set_attribute(names::kGenAiConversation, run.conversation_id);
}

void close_root(RunState& run, const RunResult& result) {
  telemetry::Span& root = run.root;
  run.spans.set_usage(root, run.usage);
  if (run.spans.style().short_attributes) root.set_attribute(names::kRunCostUsd, run.usage.cost_usd());
  root.set_attribute(names::kStatus, name_of(result.status));
  root.set_attribute(names::kBlocked, static_cast<std::int64_t>(run.blocked.size()));
  if (!run.ledger_head.empty()) root.set_attribute(names::kLedgerHead, run.ledger_head);
  if (result.status == RunStatus::completed) {
    root.set_status(telemetry::StatusCode::ok);
  } else {
    if (result.error) root.set_attribute(names::kErrorType, error_code_name(result.error->code));
    root.set_status(telemetry::StatusCode::error, result.error ? result.error->text() : std::string());
  }
  if (!run.blocked.empty() || result.status != RunStatus::completed) root.keep_trace();
  root.end();
}

// ---- records and results ----

RunRecord record_of(const RunState& run, RunStatus status) {
  RunRecord record;
  record.run_id = run.run_id;
  record.trace_id = run.spans.trace_id();
  record.workflow_name = run.workflow->name();
  record.workflow_version = run.workflow->version();
  record.source_path = run.workflow->source_path();
  record.variant = run.variant;
  record.task = run.task;
  record.status = status;
  record.started_unix_nanos = run.root.start_unix_nanos();
  const bool ended = status != RunStatus::running && status != RunStatus::paused;
  if (ended) record.ended_unix_nanos = run.root.start_unix_nanos() + run.root.duration_nanos();
  record.usage = run.usage;
  record.blocked = static_cast<std::int64_t>(run.blocked.size());
  record.ledger_head = run.ledger_head;
  return record;
}

// What is written together with a run's first and last entry: its record, and who carries it. Only a file outlives the
// process: in memory only what a pause needs is kept.
Ledger::WithEntry with_record(const RunState& run, RunStatus status) {
  if (!run.services->database->is_shared()) return nullptr;
  return [services = run.services, record = record_of(run, status)](const LedgerEntry& entry) mutable -> Result<void> {
    record.ledger_head = entry.entry_hash;
    MESHFLOW_CHECK(services->store->save(record));
    return record.status == RunStatus::running ? services->store->claim(record.run_id)
                                               : services->store->unclaim(record.run_id);
  };
}

RunResult result_of(const RunState& run, RunStatus status, std::optional<Error> error) {
  RunResult result;
  result.run_id = run.run_id;
  result.trace_id = run.spans.trace_id();
  result.status = status;
  result.error = std::move(error);
  result.usage = run.usage;
  result.duration_nanos = run.running_nanos();
  result.agents = run.figures;
  for (const BlockRecord& block : run.blocked) result.blocked.push_back(block.what);
  result.ledger_head = run.ledger_head;
  result.spans_by_name = run.spans.counts();
  return result;
}

// What a run comes to. Not an aggregate: GCC 12 destroys the members of awaited aggregate temporaries twice (GCC bug
// 100611).
struct Ending {
  explicit Ending(RunStatus how, std::optional<Error> why = std::nullopt, std::string what = {})
      : status(how), error(std::move(why)), output(std::move(what)) {}
  RunStatus status;
  std::optional<Error> error;
  std::string output;
};

// The run's last entry.
LedgerDraft final_entry(const RunState& run, const Ending& ending) {
  LedgerDraft draft;
  draft.kind = "run_ended";
  draft.verdict = name_of(ending.status);
  if (ending.error) draft.reason = ending.error->text();
  draft.cost_nano_usd = run.usage.cost_nano_usd;
  draft.input_tokens = run.usage.tokens.input;
  draft.output_tokens = run.usage.tokens.output;
  draft.cached_tokens = run.usage.tokens.cached;
  draft.carbon_nanograms = run.usage.carbon.nanograms;
  draft.input_digest = digest_of(run.task);
  draft.output_digest = digest_of(ending.output);
  return draft;
}

Task<Result<void>> write_final_entry(RunState& run, const Ending& ending) {
  const telemetry::Context& about = run.root.context();
  const bool aborted = ending.status == RunStatus::aborted && !run.blocked.empty();
  return write_ledger(run, about, about, final_entry(run, ending), aborted ? &run.blocked.back().span : nullptr,
                      with_record(run, ending.status));
}

void tell_run_ended(const RunState& run, const RunResult& result) {
  RunEvent event;
  event.kind = RunEvent::Kind::run_ended;
  event.failed = result.status != RunStatus::completed;
  event.detail = result.error ? result.error->text() : std::string();
  event.usage = result.usage;
  event.duration_nanos = result.duration_nanos;
  run.tell(std::move(event));
}

std::unique_ptr<RunResult> close_run(RunState& run, Ending& ending, const Result<void>& written) {
  if (!written && !ending.error) {
    ending.status = RunStatus::failed;
    ending.error = written.error();
  }
  auto result = std::make_unique<RunResult>(result_of(run, ending.status, std::move(ending.error)));
  result->output = std::move(ending.output);
  close_root(run, *result);
  tell_run_ended(run, *result);
  return result;
}

// Writes the run's last entry and its record, and ends the root.
Task<std::unique_ptr<RunResult>> finish(std::shared_ptr<RunState> run, std::unique_ptr<Ending> ending) {
  auto writing = write_final_entry(*run, *ending);
  co_await writing.until_done();
  co_return close_run(*run, *ending, writing.get());
}

// ---- pauses ----

// Nodes that wait in a run that has failed elsewhere: their spans end with it.
void end_waiting_spans(RunState& run, const GraphFrame& frame) {
  const auto end_one = [&](NodeIndex node, const SpanIdentity& identity) {
    RunSpans::Options options;
    options.parent = frame.parent;
    const std::string path = frame.path_of(node);
    options.node_id = path;
    options.span_id = identity.span_id;
    options.start_unix_nanos = identity.start_unix_nanos;
    telemetry::Span span = run.spans.start(names::kSpanNode, SpanRole::chain, options);
    span.set_status(telemetry::StatusCode::error, "the run ended while this node waited for a person");
  };
  for (const PausedNode& paused : frame.paused) end_one(paused.node, paused.span);
  for (const PausedSubgraph& subgraph : frame.paused_subgraphs) {
    end_waiting_spans(run, *subgraph.frame);
    end_one(subgraph.node, subgraph.span);
  }
}

// The spans of the run once it waits: without the root, which whoever ends the run counts, and with the pause's entry.
RunSpans::Counts counts_at_pause(const RunState& run) {
  RunSpans::Counts counts = run.spans.counts();
  for (auto& [name, count] : counts) {
    if (name == names::kSpanRun) count = 0;
    if (name == names::kSpanLedgerWrite) ++count;  // there since run_started, where these spans are wanted
  }
  return counts;
}

// A webhook that cannot be reached is a warning: the request waits all the same.
Task<void> tell_webhook(std::shared_ptr<RunState> run, PendingRequest request) {
  const std::string& url = run->policy().human_in_loop.approval_webhook;
  if (url.empty()) co_return;
  std::function<Result<void>()> post = [url, request, trace_id = run->spans.trace_id(),
                                        with_content = run->policy().capture_content] {
    return post_webhook(url, request, trace_id, with_content);
  };
  auto told =
      co_await run_on_blocking_thread<void>(run->waiting(), std::move(post), "the approval webhook", run->services);
  if (!told) run->services->warn(told.error().text());
}

// Keeps the run for whoever goes on with it, and says so in the ledger, whole or not at all.
Task<RunOutcome> pause(std::shared_ptr<RunState> run, const GraphFrame& frame) {
  const PausedNode& waiting = *first_paused(frame);
  RunStore::Pause what;
  what.run = record_of(*run, RunStatus::paused);
  what.checkpoint = write_checkpoint(*run, frame, counts_at_pause(*run));
  what.requests.push_back(waiting.request);
  what.entry.run_id = run->run_id;
  what.entry.trace_id = run->spans.trace_id();
  what.entry.span_id = waiting.pending_gate.hex();
  what.entry.node_id = waiting.request.node_id;
  what.entry.kind = "pause";
  what.entry.verdict = "pending";
  what.entry.reason = waiting.request.reason;
  what.entry.input_digest = waiting.request.content_digest;
  const std::string node_id = waiting.request.node_id;
  std::function<Result<LedgerHead>()> append = [services = run->services, pause = std::move(what)] {
    return services->store->pause(*services->ledger, pause).map([](LedgerEntry entry) {
      return LedgerHead{entry.seq, std::move(entry.entry_hash)};
    });
  };
  auto written = co_await write_ledger_by(*run, run->root.context(), node_id, "pause", std::move(append));
  if (!written) co_return tl::unexpected(written.error());
  co_await tell_webhook(run, waiting.request);
  auto result = std::make_unique<RunResult>(result_of(*run, RunStatus::paused, std::nullopt));
  result->pending = waiting.request;
  co_return std::move(result);
}

// A process that waits may be killed, and another one go on: the spans so far must be in the spool by then.
Task<void> flush_before_waiting(RunState& run) {
  if (!run.services->database->is_shared()) co_return;
  std::function<Result<void>()> flush = [services = run.services]() -> Result<void> {
    services->provider->flush_local(kWaitingFlushTime);
    return {};
  };
  (void)co_await on_database<void>(run, std::move(flush));
}

// The decision on the run's request, once there is one; the reason of a cancellation otherwise.
Task<Result<Decision>> await_decision(std::shared_ptr<RunState> run, PendingRequest request) {
  for (;;) {
    std::function<Result<std::optional<RequestRecord>>()> look = [services = run->services, request] {
      return services->store->request_of(request.run_id, request.node_id);
    };
    auto record = co_await on_database<std::optional<RequestRecord>>(*run, std::move(look));
    if (!record) co_return tl::unexpected(record.error());
    if (*record && (*record)->decision) co_return *(*record)->decision;
    if (run->services->clock->wall_nanos() >= request.expires_unix_nanos)
      co_return Decision{false, std::string(kExpired), {}};
    if (auto slept = co_await SleepLimited(run->waiting(), kDecisionPoll); !slept)
      co_return tl::unexpected(slept.error());
  }
}

// ---- the run itself ----

Timer start_run_timer(const std::shared_ptr<RunState>& run) {
  const double left_s = run->policy().timeout_s - static_cast<double>(run->earlier_running_nanos) / 1e9;
  const std::chrono::nanoseconds left(static_cast<std::int64_t>(std::max(left_s, 0.0) * 1e9));
  return run->services->scheduler.after(run->strand, left, [run] {
    run->cancellation.cancel(
        Error{ErrorCode::timeout, fmt::format("the run took longer than timeout_s = {} s", run->policy().timeout_s)});
  });
}

// Cancels the run when the caller's stop token says so, from whatever thread.
class StopWatch {
 public:
  explicit StopWatch(const std::shared_ptr<RunState>& run)
      : by_caller_(run->stop, Cancel{run, "the run was cancelled"}),
        by_mesh_(run->services->closing.get_token(), Cancel{run, "the Mesh was closed"}) {}

 private:
  struct Cancel {
    std::shared_ptr<RunState> run;
    const char* why;
    void operator()() const {
      run->strand.post([run = run, why = why] { run->cancellation.cancel(Error{ErrorCode::cancelled, why}); });
    }
  };
  std::stop_callback<Cancel> by_caller_;
  std::stop_callback<Cancel> by_mesh_;
};

std::optional<Error> abort_reason(const RunState& run) {
  if (run.blocked.empty()) return Error{ErrorCode::blocked, "the run was blocked"};
  const BlockedSpan& last = run.blocked.back().what;
  return Error{ErrorCode::blocked, fmt::format("node {} was blocked by {}: {}", last.node_id, last.gate, last.reason)};
}

// How a run ends whose frame has ended.
std::unique_ptr<Ending> ending_of(const RunState& run, const GraphFrame& frame) {
  switch (frame.state.progress()) {
    case GraphState::Progress::completed:
      return std::make_unique<Ending>(RunStatus::completed, std::nullopt, frame.state.output());
    case GraphState::Progress::aborted: return std::make_unique<Ending>(RunStatus::aborted, abort_reason(run));
    default: break;
  }
  const Error* why = frame.error.get();
  const bool has_own = why != nullptr && why->code != ErrorCode::cancelled;
  if (!has_own && run.cancellation.reason() != nullptr) why = run.cancellation.reason();
  return std::make_unique<Ending>(RunStatus::failed, why != nullptr ? std::optional(*why) : std::nullopt);
}

void tell_paused(const RunState& run, const PendingRequest& request) {
  RunEvent event;
  event.kind = RunEvent::Kind::paused;
  event.detail = request.reason;
  event.node_id = request.node_id;
  run.tell(std::move(event));
}

// Leaves the run to whoever goes on with it: its result for now. Or stays, where the caller wants that, until a person
// has decided: the root is open again then.
using PauseEnd = std::variant<std::unique_ptr<Decision>, std::unique_ptr<RunResult>>;
Task<PauseEnd> pause_or_wait(std::shared_ptr<RunState> run, GraphFrame& frame) {
  auto paused = co_await pause(run, frame);
  if (!paused) {
    auto ending = std::make_unique<Ending>(RunStatus::failed, paused.error());
    co_return co_await finish(run, std::move(ending));
  }
  if (run->wait_for_decision) co_await flush_before_waiting(*run);
  tell_paused(*run, *(*paused)->pending);
  const SpanIdentity root{run->root.context().span_id, run->root.start_unix_nanos()};
  run->spans.discard(run->root, names::kSpanRun);
  (*paused)->spans_by_name = run->spans.counts();  // without the root, which is not recorded yet
  if (!run->wait_for_decision) co_return std::move(*paused);
  run->earlier_running_nanos = run->running_nanos();
  auto decided = co_await await_decision(run, *(*paused)->pending);
  run->began_monotonic_nanos = run->services->clock->monotonic_nanos();
  if (!decided) co_return std::move(*paused);  // cancelled while waiting: the run stays paused for another process
  open_root(*run, root, run->root.context().trace_id);
  frame.parent = run->root.context();
  co_return std::make_unique<Decision>(std::move(*decided));
}

// The frame waits for a person, and nothing has ended the run meanwhile.
bool is_to_pause(const RunState& run, const GraphFrame& frame) {
  const auto progress = frame.state.progress();
  const bool stopped = run.cancellation.reason() != nullptr || progress == GraphState::Progress::aborted ||
                       progress == GraphState::Progress::failed;
  return frame.is_paused() && !stopped;
}

// Runs the frame until it has ended or waits, as often as decisions come in while this process stays.
Task<std::unique_ptr<RunResult>> drive(std::shared_ptr<RunState> run, GraphFrame& frame,
                                       std::unique_ptr<Decision> decision) {
  const StopWatch watch(run);
  for (;;) {
    {
      const Timer timer = start_run_timer(run);
      co_await run_graph(run, frame, std::move(decision));
    }
    if (!is_to_pause(*run, frame)) break;
    auto pausing = pause_or_wait(run, frame);
    co_await pausing.until_done();
    if (auto* result = std::get_if<std::unique_ptr<RunResult>>(&pausing.get())) co_return std::move(*result);
    decision = std::get<std::unique_ptr<Decision>>(std::move(pausing.get()));
  }
  if (frame.is_paused()) end_waiting_spans(*run, frame);
  co_return co_await finish(run, ending_of(*run, frame));
}

Task<Result<void>> claim(std::shared_ptr<RunState> run) {
  if (!run->services->database->is_shared()) co_return Result<void>{};
  std::function<Result<void>()> work = [services = run->services, run_id = run->run_id] {
    return services->store->claim(run_id);
  };
  co_return co_await on_database<void>(*run, std::move(work));
}

// The checks and the entry with which every run begins. An Ending: it is over before its first node.
Task<std::unique_ptr<Ending>> admit(std::shared_ptr<RunState> run) {
  RunEvent event;
  event.kind = RunEvent::Kind::run_started;
  run->tell(std::move(event));
  const telemetry::Context root = run->root.context();
  const PolicyCheck check =
      check_before_run(run->governance->policy, run->governance->guardian, run->task, *run->budget);
  const auto where = record_policy_check(*run, root, {}, check);
  if (!check.passed()) {
    run->blocked.push_back(
        {{{}, {}, {}, "policy_check", check.rule_id, check.reason, where.span_id.hex(), "aborted"}, where});
  }
  LedgerDraft draft;
  draft.kind = "run_started";
  draft.verdict = check.passed() ? "allowed" : "blocked";
  draft.reason = check.reason;
  draft.input_digest = digest_of(run->task);
  auto with_it = with_record(*run, RunStatus::running);
  auto written = co_await write_ledger(*run, root, root, std::move(draft), nullptr, std::move(with_it));
  if (!written) co_return std::make_unique<Ending>(RunStatus::failed, written.error());
  if (!check.passed()) co_return std::make_unique<Ending>(RunStatus::aborted, abort_reason(*run));
  co_return nullptr;
}

std::shared_ptr<RunState> make_run(const std::shared_ptr<Services>& services,
                                   std::shared_ptr<const Governance> governance, std::string run_id, std::string task,
                                   RunOptions options, BudgetTotals earlier) {
  auto run = std::make_shared<RunState>(services, std::move(governance), std::move(run_id), std::move(task));
  run->listener = std::move(options.listener);
  run->stop = std::move(options.stop);
  run->conversation_id = std::move(options.conversation_id);
  run->wait_for_decision = options.wait_for_decision;
  run->variant = options.variant.empty() ? run->policy().variant : std::move(options.variant);
  run->budget = std::make_unique<BudgetMeter>(limits_of(run->governance->policy), services->prices, services->carbon,
                                              run->policy().region, services->model->name(), earlier);
  run->usage = earlier.spent;
  run->began_monotonic_nanos = services->clock->monotonic_nanos();
  return run;
}

Task<void> unclaim(std::shared_ptr<RunState> run) {
  if (!run->services->database->is_shared()) co_return;
  std::function<Result<void>()> work = [services = run->services, run_id = run->run_id] {
    return services->store->unclaim(run_id);
  };
  (void)co_await on_database<void>(*run, std::move(work));  // a claim that stays falls with its process
}

// The decision that a paused run goes on with, or why it cannot.
Result<Decision> decision_for(Services& services, const std::string& run_id, const PendingRequest& request) {
  MESHFLOW_TRY(const auto record, services.store->request_of(run_id, request.node_id));
  if (record && record->decision) return *record->decision;
  if (services.clock->wall_nanos() >= request.expires_unix_nanos) return Decision{false, std::string(kExpired), {}};
  return fail(ErrorCode::conflict, fmt::format("the run {} still waits for a person: {}", run_id, request.reason),
              fmt::format("decide it first: meshflow approve {} or meshflow reject {}", run_id, run_id));
}

// The workflow that a stored run began with.
Result<std::shared_ptr<const Workflow>> workflow_of(const RunRecord& record, const RunOptions& options,
                                                    int max_replans) {
  if (options.workflow) return options.workflow;
  if (!record.source_path.empty()) {
    MESHFLOW_TRY(auto workflow, Workflow::from_file(record.source_path));
    return std::make_shared<const Workflow>(std::move(workflow));
  }
  auto team = std::make_shared<const Workflow>(Workflow::default_team(max_replans));
  if (team->name() == record.workflow_name) return team;
  return fail(
      ErrorCode::conflict,
      fmt::format("the run {} began with the workflow {}, which was made in code", record.run_id, record.workflow_name),
      "resume it in the program that began it, and give it the workflow");
}

}  // namespace

Result<std::shared_ptr<const CompiledGraph>> GraphCache::get(const std::shared_ptr<const Workflow>& workflow) {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.workflow.lock() == workflow) return entry.graph;
  }
  MESHFLOW_TRY(auto graph, compile(*workflow));
  if (entries_.size() >= kEntriesMax)
    std::erase_if(entries_, [](const Entry& entry) { return entry.workflow.expired(); });
  if (entries_.size() >= kEntriesMax) entries_.clear();
  entries_.push_back({workflow, graph});
  return graph;
}

Result<std::shared_ptr<const Governance>> make_governance(const Policy& policy) {
  MESHFLOW_TRY(auto resolved, resolve(policy));
  MESHFLOW_TRY(auto guardian, Guardian::make(resolved.fields.content_policy));
  return std::make_shared<const Governance>(Governance{std::move(resolved), std::move(guardian)});
}

namespace {

Result<std::shared_ptr<RunState>> prepare_run(const std::shared_ptr<Services>& services,
                                              std::shared_ptr<const Workflow> workflow, std::string task,
                                              RunOptions options) {
  if (!is_valid_utf8(task)) task = sanitize_utf8(task);
  std::shared_ptr<const Governance> governance = services->governance;
  if (workflow->policy()) {
    MESHFLOW_TRY(governance, make_governance(*workflow->policy()));
  }
  telemetry::Context outer = options.parent.is_valid() ? std::move(options.parent) : services->outer;
  auto run =
      make_run(services, std::move(governance), new_run_id(), std::move(task), std::move(options), BudgetTotals{});
  run->workflow = std::move(workflow);
  run->outer = std::move(outer);
  return run;
}

Task<RunOutcome> not_started(Error error) { co_return tl::unexpected(std::move(error)); }

Task<RunOutcome> run_from_start(std::shared_ptr<RunState> run, std::shared_ptr<const CompiledGraph> graph) {
  co_await run->strand.enter();
  open_root(*run, std::nullopt, telemetry::TraceId{});
  if (auto over = co_await admit(run)) co_return co_await finish(run, std::move(over));
  const auto frame = std::make_unique<GraphFrame>(GraphState(std::move(graph), run->task), "", run->root.context());
  auto result = co_await drive(run, *frame, nullptr);
  if (result->status == RunStatus::paused) co_await unclaim(run);
  co_return std::move(result);
}

}  // namespace

Task<RunOutcome> begin_run(std::shared_ptr<Services> services, std::shared_ptr<GraphCache> graphs, std::string task,
                           RunOptions options) {
  if (task.size() > kTaskBytesMax) {
    return not_started(Error{ErrorCode::limit_exceeded,
                             fmt::format("the task has {} bytes; the limit is {}", task.size(), kTaskBytesMax)});
  }
  std::shared_ptr<const Workflow> workflow = options.workflow ? options.workflow : services->default_team;
  auto graph = graphs->get(workflow);
  if (!graph) return not_started(std::move(graph.error()));
  auto run = prepare_run(services, std::move(workflow), std::move(task), std::move(options));
  if (!run) return not_started(std::move(run.error()));
  return run_from_start(std::move(*run), std::move(*graph));
}

namespace {

// All that has to be read before a paused run can go on.
struct Restored {
  std::shared_ptr<RunState> run;
  std::shared_ptr<const CompiledGraph> graph;
  SpanIdentity root;
  telemetry::TraceId trace_id;
  std::string checkpoint;
};

Result<Restored> restore(const std::shared_ptr<Services>& services, GraphCache& graphs, const std::string& run_id,
                         RunOptions options) {
  MESHFLOW_TRY(const RunRecord record, services->store->find(run_id));
  if (record.status != RunStatus::paused) {
    return fail(ErrorCode::conflict, fmt::format("the run {} is {}, not paused", run_id, name_of(record.status)));
  }
  Restored restored;
  MESHFLOW_TRY(restored.checkpoint, services->store->checkpoint(run_id));
  MESHFLOW_TRY(CheckpointHead head, read_checkpoint_head(restored.checkpoint));
  MESHFLOW_TRY(auto workflow, workflow_of(record, options, head.policy.max_replans));
  MESHFLOW_TRY(restored.graph, graphs.get(workflow));
  MESHFLOW_TRY(auto governance, make_governance(head.policy));
  options.variant = head.variant;
  options.conversation_id = head.conversation_id;
  restored.run =
      make_run(services, std::move(governance), run_id, std::move(head.task), std::move(options), head.budget);
  RunState& run = *restored.run;
  run.workflow = std::move(workflow);
  run.outer = head.outer;
  run.figures = std::move(head.figures);
  run.blocked = std::move(head.blocked);
  run.ledger_head = std::move(head.ledger_head);
  run.earlier_running_nanos = head.running_nanos;
  run.spans.count_earlier(std::move(head.span_counts));
  restored.root = head.root;
  restored.trace_id = head.trace_id;
  return restored;
}

}  // namespace

Task<RunOutcome> continue_run(std::shared_ptr<Services> services, std::shared_ptr<GraphCache> graphs,
                              std::string run_id, RunOptions options) {
  auto restored = restore(services, *graphs, run_id, std::move(options));
  if (!restored) co_return tl::unexpected(restored.error());
  auto run = restored->run;
  co_await run->strand.enter();
  if (auto claimed = co_await claim(run); !claimed) co_return tl::unexpected(claimed.error());
  open_root(*run, restored->root, restored->trace_id);
  auto frame = read_checkpoint_frame(restored->checkpoint, restored->graph, run->root.context());
  std::optional<Result<Decision>> decision;
  if (frame) {
    const PausedNode* waiting = first_paused(**frame);
    if (waiting == nullptr) {
      frame = fail(ErrorCode::invalid_input, fmt::format("the checkpoint of run {} has no node that waits", run_id));
    } else {
      decision = decision_for(*services, run_id, waiting->request);
    }
  }
  if (!frame || !*decision) {
    run->spans.discard(run->root, names::kSpanRun);
    co_await unclaim(run);
    co_return tl::unexpected(frame ? decision->error() : frame.error());
  }
  auto result = co_await drive(run, **frame, std::make_unique<Decision>(std::move(**decision)));
  if (result->status == RunStatus::paused) co_await unclaim(run);
  co_return std::move(result);
}

}  // namespace meshflow::runtime
