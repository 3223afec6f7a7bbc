#include "runtime/agent_call.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/nearest.hpp"
#include "base/try.hpp"
#include "runtime/agent_tools.hpp"
#include "runtime/attributes.hpp"
#include "runtime/gate_spans.hpp"
#include "runtime/limits.hpp"
#include "telemetry/announce.hpp"

namespace meshflow::runtime {
namespace {

std::string_view default_prompt(AgentRole role) noexcept {
  switch (role) {
    case AgentRole::orchestrator: return "You coordinate a team. Decide what is to be done next and by whom.";
    case AgentRole::planner: return "You plan. Break the task into few clear steps, each with its purpose.";
    case AgentRole::researcher: return "You research. Collect the facts that the task needs, with their sources.";
    case AgentRole::executor: return "You carry out the work. Produce the result that the task asks for.";
    case AgentRole::critic:
      return "You review. If the work does not meet the task begin your answer with REVISE and say why; otherwise say "
             "what is good about it.";
    case AgentRole::guardian: return "You guard. Say whether the content is safe to use, and why.";
  }
  return "";
}

Task<Result<std::string>> not_offered(Error error) { co_return tl::unexpected(std::move(error)); }

// A model may have only what its agent was given.
Task<Result<std::string>> call_offered_tool(const std::shared_ptr<CallState>& call,
                                            const std::vector<ToolDescription>& offered, const ToolCall& asked_for) {
  const auto is_offered = std::ranges::find(offered, asked_for.name, &ToolDescription::name) != offered.end();
  if (is_offered) return call_tool(call, asked_for.name, asked_for.arguments, asked_for.id);
  std::vector<std::string_view> names;
  names.reserve(offered.size());
  for (const ToolDescription& tool : offered) names.push_back(tool.name);
  return not_offered(Error{ErrorCode::not_found,
                           fmt::format("the agent {} has no tool {}", call->agent_id, asked_for.name), std::nullopt,
                           name_hint(asked_for.name, names)});
}

// An agent without a body: asks its model, runs the tools that the model asks for, until it asks for no more.
Task<Result<AgentReply>> ask_model(std::shared_ptr<CallState> call, std::shared_ptr<const Agent> agent) {
  ModelRequest request;
  auto offered = co_await describe_tools(call, agent);
  if (!offered) co_return tl::unexpected(std::move(offered).error());
  request.tools = std::move(*offered);
  const std::string prompt = agent->prompt.empty() ? std::string(default_prompt(agent->role)) : agent->prompt;
  request.messages.push_back({Message::Author::system, prompt});
  std::string asked = call->task;
  if (!call->input.empty() && call->input != call->task) asked += "\n\n" + call->input;
  request.messages.push_back({Message::Author::user, std::move(asked)});
  for (int round = 1; round <= kToolRoundsMax; ++round) {
    auto reply = co_await call_model(call, request);
    if (!reply) co_return tl::unexpected(reply.error());
    if (reply->tool_calls.empty()) co_return AgentReply{std::move(reply->text)};
    if (reply->tool_calls.size() > kToolCallsPerRoundMax) {
      co_return fail(ErrorCode::limit_exceeded,
                     fmt::format("the model asked for {} tool calls at once; the limit is {}", reply->tool_calls.size(),
                                 kToolCallsPerRoundMax));
    }
    request.messages.push_back({Message::Author::assistant, reply->text, {}, reply->tool_calls});
    for (const ToolCall& asked_for : reply->tool_calls) {
      auto result = co_await call_offered_tool(call, request.tools, asked_for);
      // What a model can mend (a tool that failed on its arguments) it is told; what governs the run ends the agent.
      if (!result && result.error().code != ErrorCode::callback_failed && result.error().code != ErrorCode::not_found) {
        co_return tl::unexpected(result.error());
      }
      request.messages.push_back(
          {Message::Author::tool, result ? std::move(*result) : "error: " + result.error().text(), asked_for.id});
    }
  }
  co_return fail(ErrorCode::limit_exceeded,
                 fmt::format("the agent {} asked for tools in {} rounds without an answer", agent->id, kToolRoundsMax));
}

Task<Result<AgentReply>> failed(Error error) { co_return tl::unexpected(std::move(error)); }

// No coroutine, so that none stands between the agent's own and who waits for it.
Task<Result<AgentReply>> start_body(const std::shared_ptr<Callee>& callee) {
  const auto& agent = callee->call->agent;
  try {
    if (const auto* coroutine = std::get_if<AgentCoroutine>(&agent->body)) return (*coroutine)(callee->context);
  } catch (...) {  // a plain function that was to return a Task
    return failed(error_of_exception(fmt::format("agent {}", callee->call->agent_id)));
  }
  if (std::holds_alternative<AgentFunction>(agent->body)) {
    std::function<Result<AgentReply>()> work = [callee, agent] {
      return std::get<AgentFunction>(agent->body)(callee->context);
    };
    return run_user_function<AgentReply>(callee->call->waiting(), std::move(work), fmt::format("agent {}", agent->id),
                                         callee);
  }
  return ask_model(callee->call, agent);
}

telemetry::Span start_agent_span(CallState& call, const Agent& agent, const telemetry::Context& parent) {
  RunState& run = *call.run;
  RunSpans::Options options;
  options.parent = parent;
  options.node_id = call.node_id;
  telemetry::Span span = run.spans.start(names::kSpanAgent, SpanRole::agent, options);
  run.spans.set_lesson(span, names::kAgentId, call.agent_id);
  run.spans.set_lesson(span, names::kRole, name_of(call.role));
  span.set_attribute(names::kGenAiOperation, "invoke_agent");
  span.set_attribute(names::kGenAiAgentName, call.agent_id);
  telemetry::announce(span);
  span.set_attribute(names::kGenAiProvider, run.services->model->name());
  if (!agent.description.empty()) span.set_attribute(names::kGenAiAgentDescription, agent.description);
  if (!agent.version.empty()) span.set_attribute(names::kGenAiAgentVersion, agent.version);
  return span;
}

// An answer that can be used: bounded, valid text, a sound uncertainty.
Result<AgentReply> checked(Result<AgentReply> reply, const CallState& call) {
  if (!reply) return reply;
  if (reply->output.size() > kOutputBytesMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("the agent {} answered with {} bytes; the limit is {}",
                                                       call.agent_id, reply->output.size(), kOutputBytesMax));
  }
  if (!is_valid_utf8(reply->output)) reply->output = sanitize_utf8(reply->output);
  if (!reply->uncertainty) reply->uncertainty = call.uncertainty;
  if (reply->uncertainty && !(*reply->uncertainty >= 0 && *reply->uncertainty <= 1)) {
    return fail(ErrorCode::callback_failed,
                fmt::format("the agent {} gave an uncertainty of {}", call.agent_id, *reply->uncertainty),
                "it is between 0 and 1");
  }
  return reply;
}

// Failures that are refusals: the policy, not the code, said no.
std::optional<GateVerdict> refusal_of(const Error& error) {
  if (error.code == ErrorCode::budget_exceeded) return refusal("budget", "budget.exceeded", error.text());
  if (error.code == ErrorCode::blocked) return refusal("nested_call", "nested.blocked", error.text());
  return std::nullopt;
}

void describe_block(RunState& run, telemetry::Span& span, const GateVerdict& verdict) {
  run.spans.set_lesson(span, names::kVerdict, "blocked");
  run.spans.set_lesson(span, names::kGateResult, "blocked");
  span.set_attribute(names::kGateName, verdict.gate);
  if (!verdict.rule_id.empty()) span.set_attribute(names::kRuleId, verdict.rule_id);
  span.set_attribute(names::kBlockReason, verdict.reason);
  span.set_status(telemetry::StatusCode::error, verdict.reason);
  span.keep_trace();
}

// Lets the automatic gates judge the answer, a span each; the first that blocks decides.
void judge(CallState& call, AgentOutcome& outcome, const telemetry::Context& parent) {
  RunState& run = *call.run;
  const Governance& governance = *run.governance;
  outcome.reply.output = governed_output(run.policy(), governance.guardian, std::move(outcome.reply.output));
  StepFacts facts;
  facts.output = outcome.reply.output;
  facts.cost_nano_usd = outcome.usage.cost_nano_usd;
  facts.uncertainty = outcome.reply.uncertainty;
  facts.role = call.role;
  facts.approved = call.may_act;
  for (const GateVerdict& verdict : gates_after_agent(governance.policy, governance.guardian, facts)) {
    if (verdict.result == GateResult::pending) {
      outcome.person = verdict;  // its spans come with the request and the decision
      continue;
    }
    record_gate(run, parent, call.node_id, verdict);
    if (verdict.result == GateResult::blocked) {
      outcome.blocked = verdict;
      outcome.person.reset();
      return;
    }
  }
}

// The row of the decision on an agent.
LedgerDraft agent_entry(const CallState& call, const AgentOutcome& outcome) {
  LedgerDraft draft;
  draft.node_id = call.node_id;
  draft.kind = "agent";
  draft.verdict = outcome.error ? "failed" : outcome.blocked ? "blocked" : "allowed";
  if (outcome.blocked) draft.reason = outcome.blocked->reason;
  if (outcome.error) draft.reason = outcome.error->text();
  draft.cost_nano_usd = outcome.usage.cost_nano_usd;
  draft.input_tokens = outcome.usage.tokens.input;
  draft.output_tokens = outcome.usage.tokens.output;
  draft.cached_tokens = outcome.usage.tokens.cached;
  draft.carbon_nanograms = outcome.usage.carbon.nanograms;
  draft.input_digest = digest_of(call.input);
  draft.output_digest = digest_of(outcome.reply.output);
  return draft;
}

// Not a coroutine, so that the entry is on the stack and not in the frame of the agent, which may wait for long.
Task<Result<void>> write_entry(CallState& call, const AgentOutcome& outcome, const telemetry::Context& parent) {
  return write_ledger(*call.run, parent, outcome.span, agent_entry(call, outcome));
}

// What came of the agent's answer: its gates, its span's attributes, its figures.
std::unique_ptr<AgentOutcome> take_answer(CallState& call, telemetry::Span& span, const telemetry::Context& parent,
                                          Result<AgentReply> answer) {
  RunState& run = *call.run;
  auto outcome = std::make_unique<AgentOutcome>();
  outcome->span = span.context();
  auto reply = checked(std::move(answer), call);
  outcome->usage = call.usage;
  if (reply) {
    outcome->reply = std::move(*reply);
    if (outcome->reply.uncertainty) {
      run.spans.set_lesson(span, names::kUncertainty, *outcome->reply.uncertainty);
      span.set_attribute(names::kConfidence, 1 - *outcome->reply.uncertainty);
    }
    judge(call, *outcome, parent);
  } else if (auto refusal = refusal_of(reply.error())) {
    outcome->blocked = std::move(refusal);
  } else {
    outcome->error = reply.error();
    span.set_attribute(names::kErrorType, error_code_name(reply.error().code));
    span.set_status(telemetry::StatusCode::error, reply.error().text());
    span.keep_trace();
  }
  run.spans.set_usage(span, outcome->usage);
  if (outcome->blocked) {
    describe_block(run, span, *outcome->blocked);
    run.blocked.push_back({{call.node_id,
                            call.agent_id,
                            std::string(name_of(call.role)),
                            std::string(outcome->blocked->gate),
                            outcome->blocked->rule_id,
                            outcome->blocked->reason,
                            outcome->span.span_id.hex(),
                            {}},
                           outcome->span});
  } else if (!outcome->error) {
    run.spans.set_lesson(span, names::kVerdict, "allowed");
    span.set_status(telemetry::StatusCode::ok);
  }
  run.figures_of(call.agent_id, call.node_id, call.role).executions += 1;
  span.end();
  return outcome;
}

// Starts the agent's code. No coroutine, so that the arguments are on the stack.
RunLimited<AgentReply> start_agent(const std::shared_ptr<CallState>& call, std::chrono::nanoseconds limit) {
  auto callee = std::make_shared<Callee>(call);
  auto body = start_body(callee);
  return RunLimited<AgentReply>(call->waiting(), std::move(body), limit, fmt::format("agent {}", call->agent_id),
                                std::move(callee));
}

}  // namespace

Task<std::unique_ptr<AgentOutcome>> execute_agent(std::shared_ptr<CallState> call, const telemetry::Context& parent,
                                                  Cancellation& outer, std::chrono::nanoseconds limit) {
  telemetry::Span span = start_agent_span(*call, *call->agent, parent);
  call->span = span.context();
  const Cancellation::Attachment attached(outer, call->cancellation);
  RunLimited<AgentReply> answer = start_agent(call, limit);
  co_await answer;
  auto outcome = take_answer(*call, span, parent, std::move(answer.get()));
  auto writing = write_entry(*call, *outcome, parent);
  co_await writing.until_done();
  if (!writing.get() && !outcome->error) outcome->error = writing.get().error();
  co_return outcome;
}

Task<Result<AgentReply>> call_agent(std::shared_ptr<CallState> caller, std::string agent_id, std::string task) {
  RunState& run = *caller->run;
  if (caller->cancellation.reason()) co_return tl::unexpected(*caller->cancellation.reason());
  const auto found = run.services->agents.find(agent_id);
  if (found == run.services->agents.end()) {
    co_return fail(ErrorCode::not_found, fmt::format("no agent is called {}", agent_id),
                   name_hint(agent_id, keys_of(run.services->agents)));
  }
  if (caller->depth >= kCallDepthMax) {
    co_return fail(ErrorCode::limit_exceeded,
                   fmt::format("agents call agents {} deep; that is the limit", kCallDepthMax));
  }
  PolicyCheck check =
      check_before_node(run.governance->policy, run.governance->guardian, task, *run.budget, run.running_nanos());
  if (check.passed()) {
    if (auto step = run.budget->begin_step(); !step) check = check_failed("agent_call", step.error());
  }
  record_policy_check(run, caller->node_span, caller->node_id, check);
  if (!check.passed()) co_return fail(ErrorCode::blocked, check.reason);
  auto call = caller->inner();
  call->agent = found->second;
  call->agent_id = agent_id;
  call->role = found->second->role;
  call->model = found->second->model;
  call->task = task;
  call->input = std::move(task);
  auto outcome =
      co_await execute_agent(std::move(call), caller->span, caller->cancellation, std::chrono::nanoseconds::zero());
  if (outcome->error) co_return tl::unexpected(*outcome->error);
  if (outcome->person) {  // a person cannot be waited for in the middle of another agent's work
    outcome->blocked = refusal("human", outcome->person->rule_id,
                               outcome->person->reason + "; a nested call cannot wait for a person");
    record_gate(run, caller->span, caller->node_id, *outcome->blocked);
  }
  if (outcome->blocked) {
    co_return fail(ErrorCode::blocked, fmt::format("the agent {} was blocked: {}", agent_id, outcome->blocked->reason));
  }
  co_return std::move(outcome->reply);
}

}  // namespace meshflow::runtime
