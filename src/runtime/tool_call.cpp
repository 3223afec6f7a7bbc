// One tool call: may it act, then the span, the tool's own code, and what it gave, bounded.
#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/nearest.hpp"
#include "runtime/agent_tools.hpp"
#include "runtime/attempts.hpp"
#include "runtime/attributes.hpp"
#include "runtime/gate_spans.hpp"
#include "runtime/human.hpp"
#include "runtime/limits.hpp"
#include "runtime/tool_work.hpp"

namespace meshflow::runtime {
namespace {

Task<Result<std::string>> start_body(std::shared_ptr<Callee> callee, std::shared_ptr<const Tool> tool) {
  if (const auto* coroutine = std::get_if<ToolCoroutine>(&tool->body)) {
    co_return co_await (*coroutine)(callee->context);
  }
  std::function<Result<std::string>()> work = [callee, tool] {
    return std::get<ToolFunction>(tool->body)(callee->context);
  };
  co_return co_await run_user_function<std::string>(callee->call->waiting(), std::move(work),
                                                    fmt::format("tool {}", tool->name), callee);
}

Result<std::string> checked(Result<std::string> output, const ToolWork& work) {
  if (!output) return output;
  if (output->size() > kOutputBytesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("{} returned {} bytes; the limit is {}", work.who, output->size(), kOutputBytesMax));
  }
  if (!is_valid_utf8(*output)) return sanitize_utf8(*output);
  return output;
}

telemetry::Span start_tool_span(const CallState& call, const ToolWork& work, const std::string& arguments,
                                const std::string& tool_call_id, int attempt) {
  RunState& run = *call.run;
  const Tool& tool = *work.tool;
  RunSpans::Options options;
  options.parent = call.span;
  options.node_id = call.node_id;
  options.kind = work.kind;
  telemetry::Span span = run.spans.start(names::kSpanTool, SpanRole::tool, options);
  span.set_attribute(names::kGenAiOperation, "execute_tool");
  span.set_attribute(names::kGenAiToolName, tool.name);
  span.set_attribute(names::kGenAiToolType, work.type);
  if (!tool.description.empty()) span.set_attribute(names::kGenAiToolDescription, tool.description);
  if (!tool_call_id.empty()) span.set_attribute(names::kGenAiToolCallId, tool_call_id);
  span.set_attribute("meshflow.tool.risk", name_of(tool.risk));
  for (const telemetry::Attribute& known : work.attributes) span.set_attribute(known.key, known.value);
  if (attempt > 1) span.set_attribute(names::kAttempt, attempt);
  if (run.policy().capture_content) {
    span.set_attribute(names::kGenAiToolArguments, utf8_prefix(arguments, kCapturedBytesMax));
  }
  return span;
}

// What is on the span when the call has ended.
void finish_tool_span(const RunState& run, telemetry::Span& span, const Result<std::string>& output,
                      const CallFacts& facts) {
  for (const telemetry::Attribute& found : facts.attributes()) span.set_attribute(found.key, found.value);
  if (output) {
    if (run.policy().capture_content)
      span.set_attribute(names::kGenAiToolResult, utf8_prefix(*output, kCapturedBytesMax));
    span.set_status(telemetry::StatusCode::ok);
  } else {
    const std::string type = facts.error_type();
    span.set_attribute(names::kErrorType, type.empty() ? error_code_name(output.error().code) : type.c_str());
    span.set_status(telemetry::StatusCode::error, output.error().text());
    span.keep_trace();
  }
  span.end();
}

// One try of the tool, with its span.
Task<Result<std::string>> try_tool(std::shared_ptr<CallState> caller, std::shared_ptr<const ToolWork> work,
                                   std::string arguments, std::string tool_call_id, std::shared_ptr<CallFacts> facts,
                                   int attempt) {
  RunState& run = *caller->run;
  telemetry::Span span = start_tool_span(*caller, *work, arguments, tool_call_id, attempt);
  auto call = caller->inner();
  call->span = span.context();
  call->input = std::move(arguments);
  call->account = caller->account ? caller->account : caller;
  const Cancellation::Attachment attached(caller->cancellation, call->cancellation);
  auto callee = std::make_shared<Callee>(call);
  auto body = work->start(callee, facts);
  RunLimited<std::string> answer(call->waiting(), std::move(body), work->limit, work->who, callee);
  co_await answer;
  auto output = checked(std::move(answer.get()), *work);
  finish_tool_span(run, span, output, *facts);

  LedgerDraft draft;
  draft.node_id = call->node_id;
  draft.kind = "tool";
  draft.verdict = output ? "allowed" : "failed";
  draft.reason = output ? std::string() : output.error().text();
  draft.input_digest = digest_of(call->input);
  if (output) draft.output_digest = digest_of(*output);
  if (auto written = co_await write_ledger(run, caller->node_span, call->span, std::move(draft)); !written) {
    co_return tl::unexpected(written.error());
  }
  co_return output;
}

// A risky tool may only act where a person has said so.
Result<void> check_person(CallState& caller, const Tool& tool, const std::string& arguments) {
  RunState& run = *caller.run;
  if (caller.may_act) return {};
  const GateVerdict verdict = human_gate(run.policy(), tool.risk, std::nullopt);
  if (verdict.result == GateResult::passed) return {};
  const auto pending = record_gate(run, caller.node_span, caller.node_id, verdict);
  const auto request = make_request(run, {.node_id = caller.node_id,
                                          .verdict = verdict,
                                          .content = fmt::format("{} {}", tool.name, arguments),
                                          .role = caller.agent ? name_of(caller.role) : std::string_view(),
                                          .risk = tool.risk,
                                          .gate_span = pending.span_id});
  GateVerdict decided;
  if (const auto decision = ask_approver(run, request)) {
    decided = decided_human_gate(*decision);
    record_gate(run, caller.node_span, caller.node_id, decided, Decided{*decision, request.content_digest, pending});
    if (decided.result == GateResult::passed) return {};
  } else {
    decided = refusal("human", verdict.rule_id,
                      fmt::format("the tool {} needs a person's approval, which its node did not ask for", tool.name));
    record_gate(run, caller.node_span, caller.node_id, decided);
  }
  return fail(ErrorCode::blocked, decided.reason, "set the node's `risk`, so that a person is asked before it runs");
}

}  // namespace

Task<Result<std::string>> execute_tool(std::shared_ptr<CallState> call, std::shared_ptr<const ToolWork> work,
                                       std::string arguments, std::string tool_call_id) {
  RunState& run = *call->run;
  if (auto step = run.budget->begin_step(); !step) {
    record_policy_check(run, call->node_span, call->node_id, check_failed("tool_call", step.error()));
    co_return tl::unexpected(step.error());
  }
  if (auto allowed = check_person(*call, *work->tool, arguments); !allowed) co_return tl::unexpected(allowed.error());
  AttemptRules rules;
  rules.circuit = work->circuit;
  rules.check = "tool_call";
  rules.tries = work->tries;
  rules.judge = [](const Error& error) {
    return TryJudgement{error.code == ErrorCode::unavailable, error.code != ErrorCode::cancelled};
  };
  auto facts = std::make_shared<std::shared_ptr<CallFacts>>();  // of the latest try
  const auto attempt = [call, work, facts, &arguments, &tool_call_id](int number) {
    *facts = std::make_shared<CallFacts>();
    return try_tool(call, work, arguments, tool_call_id, *facts, number);
  };
  const auto pause = [facts] { return std::min<std::chrono::nanoseconds>((*facts)->retry_after(), kBackoffMax); };
  co_return co_await try_again<std::string>(call, std::move(rules), attempt, pause);
}

Task<Result<std::string>> call_tool(std::shared_ptr<CallState> call, std::string name, std::string arguments,
                                    std::string tool_call_id, std::chrono::nanoseconds limit) {
  RunState& run = *call->run;
  if (call->cancellation.reason()) co_return tl::unexpected(*call->cancellation.reason());
  const auto found = run.services->tools.find(name);
  const auto served = find_server_tool(call->tool_servers.get(), name);
  if (found == run.services->tools.end() && served && !served->tool.empty()) {
    auto remote = make_server_tool_call(*call, *served, std::move(arguments), limit);
    if (!remote) co_return tl::unexpected(std::move(remote).error());
    co_return co_await execute_tool(std::move(call), std::move(remote->work), std::move(remote->arguments),
                                    std::move(tool_call_id));
  }
  if (found == run.services->tools.end()) {
    co_return fail(ErrorCode::not_found, fmt::format("no tool is called {}", name),
                   name_hint(name, keys_of(run.services->tools)));
  }
  if (call->depth >= kCallDepthMax) {
    co_return fail(ErrorCode::limit_exceeded, fmt::format("calls are {} deep; that is the limit", kCallDepthMax));
  }
  const auto tool = found->second;
  auto work = std::make_shared<ToolWork>();
  work->tool = tool;
  work->who = fmt::format("the tool {}", name);
  work->circuit = "tool " + name;
  // Only what changes nothing may be done twice without being asked.
  work->tries = tool->risk == Risk::read_only ? run.policy().retries + 1 : 1;
  work->limit = limit.count() > 0 ? limit : step_limit(run.policy());
  work->start = [tool](std::shared_ptr<Callee> callee, const std::shared_ptr<CallFacts>&) {
    return start_body(std::move(callee), tool);
  };
  co_return co_await execute_tool(std::move(call), std::move(work), std::move(arguments), std::move(tool_call_id));
}

}  // namespace meshflow::runtime
