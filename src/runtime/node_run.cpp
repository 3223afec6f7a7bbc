#include "runtime/node_run.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/try.hpp"
#include "runtime/agent_call.hpp"
#include "runtime/agent_tools.hpp"
#include "runtime/attributes.hpp"
#include "runtime/gate_spans.hpp"
#include "runtime/human.hpp"
#include "runtime/limits.hpp"
#include "runtime/remote_call.hpp"

namespace meshflow::runtime {
namespace {

using NodeEnd = GraphFrame::NodeEnd;

// One execution of a node; lives in run_node's frame.
struct NodeRun {
  std::shared_ptr<RunState> run;
  GraphFrame& frame;
  NodeIndex index;
  const Node& node;
  std::string path;
  std::string input;
  std::unique_ptr<NodeResume> resume;  // null where the node begins
  bool may_act = false;
  std::unique_ptr<GateVerdict> person = nullptr;  // the human gate's, where a person is to look at what came out
  NodeEnd end = {};

  [[nodiscard]] telemetry::Context span() const { return end.span.context(); }
  [[nodiscard]] const CompiledNode& compiled() const { return frame.state.graph().nodes[index]; }
  [[nodiscard]] bool is_remote() const { return node.kind == NodeKind::http || node.kind == NodeKind::mcp; }
};

void fail_node(NodeRun& self, const Error& error) {
  self.end.outcome.ended = NodeOutcome::Ended::failed;
  self.end.error = std::make_unique<const Error>(error);
}

void block_node(NodeRun& self, std::string output) {
  self.end.outcome.ended = NodeOutcome::Ended::blocked;
  self.end.outcome.output = std::move(output);
}

// A block that no agent span tells of: by a check before the work, or by a person.
void record_block(NodeRun& self, const telemetry::Context& where, const GateVerdict& verdict) {
  self.end.block = self.run->blocked.size();
  self.run->blocked.push_back({{self.path,
                                self.node.agent,
                                std::string(name_of(self.node.role)),
                                std::string(verdict.gate),
                                verdict.rule_id,
                                verdict.reason,
                                where.span_id.hex(),
                                {}},
                               where});
  block_node(self, self.input);
}

Risk risk_of(const NodeRun& self) {
  if (self.node.risk) return *self.node.risk;
  if (self.is_remote()) return Risk::external_io;
  Risk highest = Risk::read_only;
  std::vector<std::string> tools = self.node.tools;
  if (const auto found = self.run->services->agents.find(self.node.agent); found != self.run->services->agents.end()) {
    tools.insert(tools.end(), found->second->tools.begin(), found->second->tools.end());
  }
  for (const std::string& name : tools) {
    const auto tool = self.run->services->tools.find(name);
    if (tool != self.run->services->tools.end()) {
      highest = std::max(highest, tool->second->risk);
    } else if (const auto served = find_server_tool(self.frame.state.graph().tool_servers.get(), name)) {
      highest = std::max(highest, served->server->risk);
    }
  }
  return highest;
}

void open_span(NodeRun& self) {
  RunState& run = *self.run;
  std::vector<telemetry::Link> links;
  for (const NodeIndex before : self.frame.state.blocked_before(self.index)) {
    const auto block = self.frame.blocks.find(before);
    if (block != self.frame.blocks.end()) links.push_back(link_to(run.blocked[block->second].span, "block"));
  }
  RunSpans::Options options;
  options.parent = self.frame.parent;
  options.node_id = self.path;
  options.links = links;
  if (self.resume) {
    const SpanIdentity& open = self.resume->paused ? self.resume->paused->span : self.resume->subgraph->span;
    options.span_id = open.span_id;
    options.start_unix_nanos = open.start_unix_nanos;
  }
  self.end.span = run.spans.start(names::kSpanNode, SpanRole::chain, options);
  self.end.span.set_attribute(names::kNodeKind, name_of(self.node.kind));
  if (const int iteration = self.frame.state.iteration(self.index); iteration > 1) {
    self.end.span.set_attribute(names::kIteration, iteration);
  }
}

// What the policy has to say before anything is paid for. False: the node is blocked.
bool passes_checks(NodeRun& self) {
  RunState& run = *self.run;
  // The task was scanned when the run began; a router and a subgraph ask nobody.
  const bool asks = self.node.kind != NodeKind::router && self.node.kind != NodeKind::subgraph;
  const std::string_view fresh = asks && self.input != run.task ? std::string_view(self.input) : std::string_view();
  PolicyCheck check =
      check_before_node(run.governance->policy, run.governance->guardian, fresh, *run.budget, run.running_nanos());
  if (check.passed()) {
    if (auto step = run.budget->begin_step(); !step) check = check_failed("node", step.error());
  }
  const auto where = record_policy_check(run, self.span(), self.path, check);
  if (check.passed()) return true;
  record_block(self, where, refusal("policy_check", check.rule_id, check.reason));
  return false;
}

std::shared_ptr<CallState> make_call(const NodeRun& self) {
  auto call = std::make_shared<CallState>();
  call->run = self.run;
  call->node_id = self.path;
  call->task = self.frame.state.task();
  call->input = self.input;
  call->node_span = self.span();
  call->span = self.span();
  call->may_act = self.may_act;
  call->tool_servers = self.frame.state.graph().tool_servers;
  call->output_of = [&frame = self.frame](std::string_view id) -> std::optional<std::string> {
    const auto found = frame.state.graph().find(id);
    if (!found) return std::nullopt;
    const auto output = frame.state.output_of(*found);
    return output ? std::optional<std::string>(*output) : std::nullopt;
  };
  return call;
}

// The node's agent: a registered one, with what the node says over it; or one made from the node alone.
Result<std::shared_ptr<const Agent>> agent_of(const NodeRun& self) {
  if (self.node.agent.empty()) {
    auto agent = std::make_shared<Agent>();
    agent->id = self.node.id;
    agent->role = self.node.role;
    agent->prompt = self.node.prompt;
    agent->model = self.node.model;
    agent->tools = self.node.tools;
    return agent;
  }
  const auto& agents = self.run->services->agents;
  const auto found = agents.find(self.node.agent);
  if (found == agents.end()) {
    return fail(ErrorCode::not_found,
                fmt::format("node {} names the agent {}, which is not registered", self.path, self.node.agent),
                "add it to the Mesh before the run");
  }
  if (self.node.prompt.empty() && self.node.model.empty() && self.node.tools.empty()) return found->second;
  auto agent = std::make_shared<Agent>(*found->second);
  if (!self.node.prompt.empty()) agent->prompt = self.node.prompt;
  if (!self.node.model.empty()) agent->model = self.node.model;
  if (!self.node.tools.empty()) agent->tools = self.node.tools;
  return std::shared_ptr<const Agent>(std::move(agent));
}

std::chrono::nanoseconds limit_of(const NodeRun& self) {
  const double seconds = self.node.timeout_s > 0 ? self.node.timeout_s : self.run->policy().step_timeout_s;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

// The node's output, if it is what the node's schema asks for.
void accept_output(NodeRun& self, std::string output) {
  if (const auto& schema = self.compiled().output_schema) {
    if (auto valid = schema->check(output); !valid) return fail_node(self, valid.error());
  }
  self.end.outcome.ended = NodeOutcome::Ended::ok;
  self.end.outcome.output = std::move(output);
}

// Null: there is no such agent, and the node has failed.
std::shared_ptr<CallState> make_agent_call(NodeRun& self) {
  auto agent = agent_of(self);
  if (!agent) {
    fail_node(self, agent.error());
    return nullptr;
  }
  auto call = make_call(self);
  call->agent = std::move(*agent);
  call->agent_id = call->agent->id;
  call->role = call->agent->role;
  call->model = call->agent->model;
  return call;
}

void take_outcome(NodeRun& self, AgentOutcome& outcome, std::size_t blocks_before) {
  self.end.outcome.uncertainty = outcome.reply.uncertainty;
  self.end.outcome.cost_nano_usd = outcome.usage.cost_nano_usd;
  self.end.outcome.tokens = outcome.usage.tokens.total();
  if (outcome.error) return fail_node(self, *outcome.error);
  if (outcome.blocked) {
    if (self.run->blocked.size() > blocks_before) self.end.block = self.run->blocked.size() - 1;
    return block_node(self, self.input);
  }
  accept_output(self, std::move(outcome.reply.output));
  if (outcome.person) self.person = std::make_unique<GateVerdict>(std::move(*outcome.person));
}

Task<void> run_agent_node(NodeRun& self) {
  auto call = make_agent_call(self);
  if (!call) co_return;
  const std::size_t blocks_before = self.run->blocked.size();
  auto agent = execute_agent(std::move(call), self.end.span.context(), self.run->cancellation, limit_of(self));
  co_await agent.until_done();
  take_outcome(self, *agent.get(), blocks_before);
}

// What the templates of a node mean while it runs.
class NodeScope final : public TemplateScope {
 public:
  explicit NodeScope(const NodeRun& self) : self_(self) {}
  [[nodiscard]] std::string_view input() const override { return self_.input; }
  [[nodiscard]] std::string_view task() const override { return self_.frame.state.task(); }
  [[nodiscard]] std::optional<std::string_view> output_of(std::string_view node_id) const override {
    const auto found = self_.frame.state.graph().find(node_id);
    return found ? self_.frame.state.output_of(*found) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> environment(std::string_view name) const override {
    return EnvironmentScope().environment(name);
  }

 private:
  const NodeRun& self_;
};

Result<std::string> arguments_of(const NodeRun& self) {
  const auto& arguments = self.compiled().arguments;
  if (arguments) return arguments->fill(NodeScope(self), kOutputBytesMax);
  return boost::json::serialize(boost::json::object{{"input", self.input}});
}

// The call of an http or an mcp node, its templates filled in.
Result<RemoteCall> remote_call_of(const NodeRun& self) {
  const NodeScope scope(self);
  RemoteCallOptions options;
  options.who = "node " + self.path;
  options.risk = risk_of(self);
  if (const auto limit = limit_of(self); limit.count() > 0) options.limit = limit;
  if (const auto* http = std::get_if<CompiledHttp>(&self.compiled().remote)) {
    return make_http_call(*self.run, *http, scope, std::move(options));
  }
  MESHFLOW_TRY(std::string arguments, arguments_of(self));
  return make_mcp_call(*self.run, std::get<CompiledMcp>(self.compiled().remote), scope, self.node.tools.front(),
                       std::move(arguments), std::move(options));
}

// Begins the call of a tool, an http or an mcp node: not a coroutine, so that what it is made of is not in a frame.
Result<Task<Result<std::string>>> begin_call(const NodeRun& self, const std::shared_ptr<CallState>& call) {
  if (self.is_remote()) {
    MESHFLOW_TRY(RemoteCall remote, remote_call_of(self));
    return execute_tool(call, std::move(remote.work), std::move(remote.arguments), {});
  }
  MESHFLOW_TRY(std::string arguments, arguments_of(self));
  // The workflow's check made sure that there is one tool.
  return call_tool(call, self.node.tools.front(), std::move(arguments), {}, limit_of(self));
}

Task<void> run_tool_node(NodeRun& self) {
  auto call = make_call(self);
  const Cancellation::Attachment attached(self.run->cancellation, call->cancellation);
  auto begun = begin_call(self, call);
  if (!begun) {
    fail_node(self, begun.error());
    co_return;
  }
  auto output = co_await std::move(*begun);
  if (output) {
    accept_output(self, std::move(*output));
  } else if (output.error().code == ErrorCode::blocked || output.error().code == ErrorCode::budget_exceeded) {
    record_block(self, self.span(), refusal("policy_check", "tool.refused", output.error().text()));
  } else {
    fail_node(self, output.error());
  }
}

// A node that asks nobody gives what it was given.
Task<void> pass_on(NodeRun& self) {
  self.end.outcome.output = self.input;
  co_return;
}

// The frame of a subgraph node: the one that paused, or a new one.
std::unique_ptr<GraphFrame> frame_of(NodeRun& self) {
  std::unique_ptr<GraphFrame> frame;
  if (self.resume && self.resume->subgraph) {
    frame = std::move(self.resume->subgraph->frame);
    self.resume->subgraph.reset();
  } else {
    GraphState state(self.frame.state.graph().nodes[self.index].subgraph, self.input);
    frame = std::make_unique<GraphFrame>(std::move(state), self.path + "/", self.span());
  }
  frame->parent = self.span();
  return frame;
}

Task<void> run_subgraph_node(NodeRun& self) {
  auto frame = frame_of(self);
  std::unique_ptr<Decision> decision;
  if (self.resume && self.resume->decision) {
    decision = std::make_unique<Decision>(*std::exchange(self.resume->decision, std::nullopt));
  }
  co_await run_graph(self.run, *frame, std::move(decision));
  if (frame->is_paused()) {
    self.end.paused_frame = std::move(frame);
    co_return;
  }
  switch (frame->state.progress()) {
    case GraphState::Progress::completed:
      self.end.outcome.ended = NodeOutcome::Ended::ok;
      self.end.outcome.output = frame->state.output();
      break;
    case GraphState::Progress::aborted: {
      const auto block = frame->blocks.find(*frame->state.stopped_by());
      if (block != frame->blocks.end()) self.end.block = block->second;
      block_node(self, self.input);
      break;
    }
    default:
      fail_node(self, frame->error ? *frame->error : Error{ErrorCode::internal, "subgraph ended without a reason"});
      break;
  }
}

// The work itself, once.
Task<void> work(NodeRun& self) {
  switch (self.node.kind) {
    case NodeKind::agent: return run_agent_node(self);
    case NodeKind::router:
      if (!self.node.agent.empty() || !self.node.prompt.empty()) return run_agent_node(self);
      return pass_on(self);
    case NodeKind::human: return pass_on(self);
    case NodeKind::tool:
    case NodeKind::http:
    case NodeKind::mcp: return run_tool_node(self);
    case NodeKind::subgraph: return run_subgraph_node(self);
  }
  return pass_on(self);
}

void begin_attempt(NodeRun& self) {
  self.end.outcome = NodeOutcome{};
  self.end.error.reset();
}

bool is_to_retry(NodeRun& self, int attempt) {
  if (!self.end.error || attempt > self.node.retries.value_or(0) || self.run->cancellation.reason()) return false;
  self.end.span.add_event("retry", std::vector<telemetry::Attribute>{{"exception.message", self.end.error->text()}});
  return true;
}

Task<bool> pause_before_retry(NodeRun& self, int attempt) {
  const auto slept = co_await SleepLimited(self.run->waiting(), backoff_before(self.run->policy(), attempt + 1));
  co_return slept.has_value();
}

// The decision as a gate of its own, and what it means for the node. `recorded`: the ledger has it already.
Task<Result<void>> apply_decision(NodeRun& self, const PausedNode& waiting, const Decision& decision, bool recorded) {
  RunState& run = *self.run;
  const GateVerdict verdict =
      decision.by == kExpired ? expired_human_gate(run.policy().human_in_loop.timeout_s) : decided_human_gate(decision);
  telemetry::Context pending = self.span();
  pending.span_id = waiting.pending_gate;
  const auto gate =
      record_gate(run, self.span(), self.path, verdict, Decided{decision, waiting.request.content_digest, pending});
  if (!recorded) {
    LedgerDraft draft;
    draft.node_id = self.path;
    draft.kind = "decision";
    draft.verdict = decision.approved ? "approved" : "rejected";
    draft.reason = verdict.reason;
    draft.input_digest = waiting.request.content_digest;
    if (auto written = co_await write_ledger(run, self.span(), gate, std::move(draft)); !written) co_return written;
  }
  RunEvent event;
  event.kind = RunEvent::Kind::decided;
  event.node_id = self.path;
  event.detail = verdict.reason;
  run.tell(std::move(event));
  if (!decision.approved) {
    record_block(self, gate, verdict);
  } else if (waiting.phase == PausedNode::Phase::after_work) {
    self.end.outcome = waiting.outcome;
  } else {
    self.may_act = true;
  }
  co_return Result<void>{};
}

// Of the agent whose work a person is asked about; empty where no agent works.
std::string_view role_of(const NodeRun& self) {
  const bool is_agent = self.node.kind == NodeKind::agent ||
                        (self.node.kind == NodeKind::router && (!self.node.agent.empty() || !self.node.prompt.empty()));
  if (!is_agent) return {};
  const auto agent = self.run->services->agents.find(self.node.agent);
  return name_of(agent == self.run->services->agents.end() ? self.node.role : agent->second->role);
}

// A node that only asks does nothing itself, unless the workflow says what follows from it.
std::optional<Risk> risk_asked_of(const NodeRun& self) {
  return self.node.kind == NodeKind::human ? self.node.risk : std::optional(risk_of(self));
}

// Asks for a decision: true when there is one (it has been applied), false when the node pauses or failed.
Task<bool> ask_person(NodeRun& self, GateVerdict verdict, PausedNode::Phase phase, std::string content) {
  RunState& run = *self.run;
  PausedNode waiting;
  waiting.node = self.index;
  waiting.phase = phase;
  waiting.span = {self.span().span_id, self.end.span.start_unix_nanos()};
  waiting.pending_gate = record_gate(run, self.span(), self.path, verdict).span_id;
  waiting.request = make_request(run, {.node_id = self.path,
                                       .verdict = verdict,
                                       .content = content,
                                       .role = role_of(self),
                                       .risk = risk_asked_of(self),
                                       .gate_span = waiting.pending_gate});
  waiting.asked = std::move(verdict);
  waiting.outcome = self.end.outcome;
  const auto decision = ask_approver(run, waiting.request);
  if (!decision) {
    self.end.paused = std::make_unique<PausedNode>(std::move(waiting));
    co_return false;
  }
  auto applied = co_await apply_decision(self, waiting, *decision, false);
  if (!applied) fail_node(self, applied.error());
  co_return applied.has_value();
}

// What a person is asked before the work; null where nobody is.
std::unique_ptr<GateVerdict> person_before_work(const NodeRun& self) {
  std::optional<GateVerdict> verdict;
  if (self.node.kind == NodeKind::human) {
    verdict = human_node_gate();
    if (!self.node.prompt.empty()) verdict->reason = self.node.prompt;
  } else if (self.node.kind == NodeKind::agent || self.node.kind == NodeKind::tool || self.is_remote()) {
    if (!self.run->policy().human_in_loop.enabled.value_or(false)) return nullptr;
    verdict = human_gate(self.run->policy(), risk_of(self), std::nullopt);
  }
  if (!verdict || verdict->result == GateResult::passed) return nullptr;
  return std::make_unique<GateVerdict>(std::move(*verdict));
}

// What a person decides on before the work: the call that the node would make, else what it was given.
std::string action_of(const NodeRun& self) {
  if (self.is_remote()) {
    if (const auto call = remote_call_of(self)) return fmt::format("{} {}", call->work->tool->name, call->arguments);
  } else if (self.node.kind == NodeKind::tool) {
    if (const auto arguments = arguments_of(self)) return fmt::format("{} {}", self.node.tools.front(), *arguments);
  }
  return self.input;
}

// The person's part before the work: false when the node is over or pauses.
Task<bool> approved_before_work(NodeRun& self, std::unique_ptr<GateVerdict> verdict) {
  const bool decided = co_await ask_person(self, std::move(*verdict), PausedNode::Phase::before_work, action_of(self));
  co_return decided&& self.end.outcome.ended == NodeOutcome::Ended::ok;
}

// A node that waited for a person: whether its work is still to be done.
Task<bool> go_on_after_pause(NodeRun& self) {
  PausedNode& paused = *self.resume->paused;
  const bool recorded = self.resume->decision.has_value();
  if (!recorded) self.resume->decision = ask_approver(*self.run, paused.request);
  if (!self.resume->decision) {
    self.end.paused = std::make_unique<PausedNode>(std::move(paused));
    co_return false;
  }
  const Decision decision = *std::exchange(self.resume->decision, std::nullopt);
  if (auto applied = co_await apply_decision(self, paused, decision, recorded); !applied) {
    fail_node(self, applied.error());
    co_return false;
  }
  co_return paused.phase == PausedNode::Phase::before_work&& self.may_act;
}

// No coroutine, so that the arguments need no room in one.
Task<bool> ask_person_after_work(NodeRun& self) {
  return ask_person(self, std::move(*self.person), PausedNode::Phase::after_work, self.end.outcome.output);
}

// Checks, work with its retries, gates and people, from wherever a pause left off.
Task<void> run_phases(NodeRun& self) {
  if (!self.resume) {
    if (!passes_checks(self)) co_return;
    if (auto asked = person_before_work(self)) {
      if (!co_await approved_before_work(self, std::move(asked))) co_return;
    }
  } else if (self.resume->paused) {
    if (!co_await go_on_after_pause(self)) co_return;
  }
  for (int attempt = 1;; ++attempt) {
    begin_attempt(self);
    co_await work(self);
    if (!is_to_retry(self, attempt)) break;
    if (!co_await pause_before_retry(self, attempt)) co_return;
  }
  if (self.person && self.end.outcome.ended == NodeOutcome::Ended::ok) co_await ask_person_after_work(self);
}

void close_span(NodeRun& self) {
  telemetry::Span& span = self.end.span;
  switch (self.end.outcome.ended) {
    case NodeOutcome::Ended::ok: span.set_status(telemetry::StatusCode::ok); break;
    case NodeOutcome::Ended::blocked:
      span.set_status(telemetry::StatusCode::error,
                      self.end.block ? "blocked: " + self.run->blocked[*self.end.block].what.reason : "blocked");
      break;
    case NodeOutcome::Ended::failed:
      span.set_attribute(names::kErrorType, error_code_name(self.end.error->code));
      span.set_status(telemetry::StatusCode::error, self.end.error->text());
      span.keep_trace();
      break;
  }
}

void tell_start(const NodeRun& self) {
  RunEvent event;
  event.kind = RunEvent::Kind::node_started;
  event.node_id = self.path;
  self.run->tell(std::move(event));
}

void tell_end(NodeRun& self) {
  RunEvent event;
  event.kind = RunEvent::Kind::node_ended;
  event.node_id = self.path;
  event.duration_nanos = self.end.span.duration_nanos();
  event.usage.cost_nano_usd = self.end.outcome.cost_nano_usd;
  event.usage.tokens.output = self.end.outcome.tokens;
  if (self.end.outcome.ended == NodeOutcome::Ended::blocked) {
    event.kind = RunEvent::Kind::blocked;
    event.detail = self.end.block ? self.run->blocked[*self.end.block].what.reason : "";
  } else if (self.end.error) {
    event.failed = true;
    event.detail = self.end.error->text();
  }
  self.run->tell(std::move(event));
}

}  // namespace

namespace {

void begin_node(NodeRun& self) {
  self.end.node = self.index;
  open_span(self);
  if (self.run->listener) tell_start(self);
}

void end_node(NodeRun& self) {
  if (!self.end.paused && !self.end.paused_frame) {
    close_span(self);
    if (self.run->listener) tell_end(self);
  }
  self.frame.ended.push_back(std::move(self.end));
  if (self.frame.waiter) self.run->strand.resume(std::exchange(self.frame.waiter, nullptr));
}

}  // namespace

Detached run_node(std::shared_ptr<RunState> run, GraphFrame& frame, NodeIndex index,
                  std::unique_ptr<NodeResume> resume) {
  NodeRun self{std::move(run),
               frame,
               index,
               frame.state.graph().nodes[index].node,
               frame.path_of(index),
               frame.state.input_of(index),
               std::move(resume)};
  begin_node(self);
  co_await run_phases(self);
  end_node(self);
}

}  // namespace meshflow::runtime
