// AgentContext: from any thread onto the run's strand, and into the runtime.
#include <future>
#include <stdexcept>

#include "meshflow/runtime/agent.hpp"
#include "runtime/agent_call.hpp"
#include "runtime/call_state.hpp"

namespace meshflow {

const std::string& AgentContext::run_id() const noexcept { return state_->run->run_id; }
const std::string& AgentContext::node_id() const noexcept { return state_->node_id; }
const std::string& AgentContext::agent_id() const noexcept { return state_->agent_id; }
AgentRole AgentContext::role() const noexcept { return state_->role; }
const std::string& AgentContext::task() const noexcept { return state_->task; }
const std::string& AgentContext::input() const noexcept { return state_->input; }
bool AgentContext::is_cancelled() const noexcept { return state_->cancellation.is_cancelled(); }
const telemetry::Context& AgentContext::trace_context() const noexcept { return state_->span; }

namespace {

// The coroutines below take the call by value: the context may be gone before they first run.
Task<Result<ModelReply>> enter_call_model(std::shared_ptr<CallState> call, ModelRequest request) {
  co_await call->run->strand.enter();
  co_return co_await runtime::call_model(call, std::move(request));
}

Task<Result<std::string>> enter_call_tool(std::shared_ptr<CallState> call, std::string name, std::string arguments) {
  co_await call->run->strand.enter();
  std::string no_call_id;
  co_return co_await runtime::call_tool(call, std::move(name), std::move(arguments), std::move(no_call_id));
}

Task<Result<AgentReply>> enter_call_agent(std::shared_ptr<CallState> call, std::string agent_id, std::string task) {
  co_await call->run->strand.enter();
  co_return co_await runtime::call_agent(call, std::move(agent_id), std::move(task));
}

Task<Result<void>> enter_sleep(std::shared_ptr<CallState> call, std::chrono::nanoseconds duration) {
  co_await call->run->strand.enter();
  co_return co_await runtime::SleepLimited(call->waiting(), duration);
}

Task<void> signal_after(Task<void> task, std::promise<void> done) {
  co_await std::move(task);
  done.set_value();
}

}  // namespace

Task<Result<ModelReply>> AgentContext::call_model(ModelRequest request) {
  return enter_call_model(state_->shared_from_this(), std::move(request));
}

Task<Result<std::string>> AgentContext::call_tool(std::string name, std::string arguments) {
  return enter_call_tool(state_->shared_from_this(), std::move(name), std::move(arguments));
}

Task<Result<AgentReply>> AgentContext::call_agent(std::string agent_id, std::string task) {
  return enter_call_agent(state_->shared_from_this(), std::move(agent_id), std::move(task));
}

Task<Result<void>> AgentContext::sleep(std::chrono::nanoseconds duration) {
  return enter_sleep(state_->shared_from_this(), duration);
}

std::string AgentContext::output_of(std::string_view node_id) const {
  if (!state_->output_of) return {};
  if (state_->run->strand.is_current()) return state_->output_of(node_id).value_or("");
  auto answer = std::make_shared<std::promise<std::string>>();  // a posted function must be copyable
  auto waiting = answer->get_future();
  state_->run->strand.post([answer, call = state_->shared_from_this(), id = std::string(node_id)] {
    answer->set_value(call->output_of(id).value_or(""));
  });
  return waiting.get();
}

void AgentContext::on_cancel(std::function<void()> tell) const {
  state_->run->strand.post([call = state_->shared_from_this(), tell = std::move(tell)] {
    if (call->cancellation.reason()) return tell();
    // Kept for as long as the call: what is told then is in scope of it.
    static_cast<void>(call->cancellation.add([tell](const Error&) { tell(); }));
  });
}

telemetry::Span AgentContext::start_span(std::string_view name) const {
  runtime::RunSpans::Options options;
  options.parent = state_->span;
  options.node_id = state_->node_id;
  return state_->run->spans.start(name, runtime::SpanRole::chain, options);
}

void AgentContext::block_until(Task<void> task) {
  if (state_->run->strand.is_current()) {
    throw std::logic_error("AgentContext::wait called in a coroutine, which would wait for itself; use co_await");
  }
  std::promise<void> done;
  auto waiting = done.get_future();
  runtime::spawn(signal_after(std::move(task), std::move(done)));
  waiting.get();
}

}  // namespace meshflow
