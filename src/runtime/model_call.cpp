// One model call: budget first, then the span, the provider, the price; tried again where that can help.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/try.hpp"
#include "runtime/attempts.hpp"
#include "runtime/attributes.hpp"
#include "runtime/call_state.hpp"
#include "runtime/gate_spans.hpp"
#include "runtime/limits.hpp"
#include "telemetry/announce.hpp"

namespace meshflow::runtime {
namespace {

std::string_view author_name(Message::Author author) noexcept {
  switch (author) {
    case Message::Author::system: return "system";
    case Message::Author::user: return "user";
    case Message::Author::assistant: return "assistant";
    case Message::Author::tool: return "tool";
  }
  return "user";
}

boost::json::object message_json(const Message& message) {
  boost::json::array parts;
  if (!message.content.empty()) {
    parts.push_back(boost::json::object{{"type", "text"}, {"content", message.content}});
  }
  for (const ToolCall& call : message.tool_calls) {
    parts.push_back(boost::json::object{
        {"type", "tool_call"}, {"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
  }
  return {{"role", author_name(message.author)}, {"parts", std::move(parts)}};
}

void capture_request(telemetry::Span& span, const ModelRequest& request) {
  boost::json::array messages;
  for (const Message& message : request.messages) messages.push_back(message_json(message));
  span.set_attribute(names::kGenAiInputMessages, utf8_prefix(boost::json::serialize(messages), kCapturedBytesMax));
}

void capture_reply(telemetry::Span& span, const ModelReply& reply) {
  boost::json::object message = message_json(Message{Message::Author::assistant, reply.text, {}, reply.tool_calls});
  message["finish_reason"] = reply.finish_reason;
  const boost::json::array messages{std::move(message)};
  span.set_attribute(names::kGenAiOutputMessages, utf8_prefix(boost::json::serialize(messages), kCapturedBytesMax));
}

// Four bytes a token, as tokenizers of English count: for the reservation only, what is paid is what was used.
std::int64_t estimated_input_tokens(const ModelRequest& request) noexcept {
  std::size_t bytes = 0;
  for (const Message& message : request.messages) bytes += message.content.size() + 16;
  return static_cast<std::int64_t>(bytes / 4 + 1);
}

telemetry::Span start_chat_span(CallState& call, const ModelRequest& request, int attempt) {
  RunState& run = *call.run;
  RunSpans::Options options;
  options.parent = call.span;
  options.node_id = call.node_id;
  options.kind = telemetry::SpanKind::client;
  telemetry::Span span = run.spans.start("chat " + request.model, SpanRole::model, options);
  const ModelProvider& provider = *run.services->model;
  span.set_attribute(names::kGenAiOperation, "chat");
  telemetry::announce(span);
  span.set_attribute(names::kGenAiProvider, provider.name());
  span.set_attribute(names::kGenAiRequestModel, request.model);
  if (request.max_tokens) span.set_attribute(names::kGenAiRequestMaxTokens, *request.max_tokens);
  if (request.temperature) span.set_attribute(names::kGenAiRequestTemperature, *request.temperature);
  if (request.top_p) span.set_attribute(names::kGenAiRequestTopP, *request.top_p);
  if (const std::string address = provider.server_address(); !address.empty()) {
    span.set_attribute(names::kServerAddress, address);
    if (provider.server_port() > 0) span.set_attribute(names::kServerPort, provider.server_port());
  }
  if (attempt > 1) span.set_attribute(names::kAttempt, attempt);
  if (run.policy().capture_content) capture_request(span, request);
  return span;
}

// What the call used, priced; an Error where that cannot be known.
Result<Usage> usage_of(const RunState& run, const ModelReply& reply, telemetry::Span& span) {
  if (!reply.tokens) {
    return fail(
        ErrorCode::callback_failed,
        fmt::format("the model {} answered without usage, so that its cost cannot be held to the budget", reply.model),
        "a provider must set ModelReply::tokens");
  }
  if (reply.tokens->input < 0 || reply.tokens->output < 0 || reply.tokens->cached < 0 ||
      reply.tokens->cache_written < 0 || reply.tokens->cached + reply.tokens->cache_written > reply.tokens->input ||
      (reply.cost_nano_usd && *reply.cost_nano_usd < 0) ||
      (reply.energy_microwatt_hours && *reply.energy_microwatt_hours < 0)) {
    return fail(ErrorCode::callback_failed, fmt::format("the model {} answered with an impossible usage", reply.model),
                "tokens, cost and energy are not negative, and cached tokens are part of the input tokens");
  }
  Usage usage;
  usage.tokens = *reply.tokens;
  usage.model_calls = 1;
  if (reply.cost_nano_usd) {
    usage.cost_nano_usd = *reply.cost_nano_usd;
    span.set_attribute(names::kCostSource, "provider");
  } else {
    MESHFLOW_TRY(const auto priced, run.services->prices.price(reply.model, usage.tokens));
    usage.cost_nano_usd = priced.cost_nano_usd;
    span.set_attribute(names::kCostSource, priced.source);
  }
  CarbonFacts facts;
  facts.model = reply.model;
  facts.tokens = usage.tokens;
  facts.region = run.policy().region;
  facts.provider = run.services->model->name();
  facts.measured_microwatt_hours = reply.energy_microwatt_hours;
  const CarbonEstimate carbon = run.services->carbon.estimate(facts);
  usage.carbon = carbon.carbon;
  span.set_attribute(names::kCarbonTier, carbon.tier);
  span.set_attribute(names::kCarbonClass, name_of(carbon.model_class));
  if (carbon.class_assumed) span.set_attribute(names::kCarbonClassAssumed, true);
  span.set_attribute(names::kCarbonFactorSet, carbon.factor_set);
  return usage;
}

void finish_chat_span(const RunState& run, telemetry::Span& span, const ModelReply& reply, const Usage& usage) {
  span.set_attribute(names::kGenAiResponseModel, reply.model);
  if (!reply.id.empty()) span.set_attribute(names::kGenAiResponseId, reply.id);
  span.set_attribute(
      names::kGenAiResponseFinishReasons,
      telemetry::AttributeValue(telemetry::AttributeArray{telemetry::AttributeValue(reply.finish_reason)}));
  span.set_attribute(names::kGenAiUsageInput, usage.tokens.input);
  span.set_attribute(names::kGenAiUsageOutput, usage.tokens.output);
  span.set_attribute(names::kGenAiUsageCacheRead, usage.tokens.cached);
  if (usage.tokens.cache_written > 0) span.set_attribute(names::kGenAiUsageCacheCreation, usage.tokens.cache_written);
  if (reply.time_to_first_chunk_nanos) {
    span.set_attribute(names::kGenAiResponseTimeToFirstChunk,
                       static_cast<double>(*reply.time_to_first_chunk_nanos) / 1e9);
  }
  run.spans.set_usage(span, usage);
  if (run.policy().capture_content) capture_reply(span, reply);
  span.set_status(telemetry::StatusCode::ok);
}

void fail_span(telemetry::Span& span, const Error& error) {
  span.set_attribute(names::kErrorType, error_code_name(error.code));
  span.set_status(telemetry::StatusCode::error, error.text());
}

// Counts what was used for the call, its agent and the run: the only place where totals grow.
void account(CallState& call, const ModelReply& reply, const Usage& usage) {
  RunState& run = *call.run;
  CallState& owner = call.account ? *call.account : call;
  owner.usage += usage;
  if (reply.uncertainty) owner.uncertainty = std::max(owner.uncertainty.value_or(0), *reply.uncertainty);
  run.figures_of(owner.agent_id, owner.node_id, owner.role).usage += usage;
  run.usage += usage;
}

// A sound answer, or the Error that makes it unusable.
Result<ModelReply> checked(Result<ModelReply> reply, const ModelRequest& request) {
  if (!reply) return reply;
  if (reply->model.empty()) reply->model = request.model;
  if (reply->text.size() > kOutputBytesMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("the model {} answered with {} bytes; the limit is {}",
                                                       reply->model, reply->text.size(), kOutputBytesMax));
  }
  if (!is_valid_utf8(reply->text)) reply->text = sanitize_utf8(reply->text);
  if (reply->uncertainty && !(*reply->uncertainty >= 0 && *reply->uncertainty <= 1)) {
    return fail(ErrorCode::callback_failed,
                fmt::format("the model {} gave an uncertainty of {}", reply->model, *reply->uncertainty),
                "it is between 0 and 1");
  }
  return reply;
}

// One try: the span covers it, and the budget's reservation is settled or given back.
Task<Result<ModelReply>> try_model(std::shared_ptr<CallState> call, ModelRequest request, int attempt) {
  RunState& run = *call->run;
  auto reserved = run.budget->reserve(request.model, estimated_input_tokens(request), request.max_tokens);
  if (!reserved) {
    record_policy_check(run, call->node_span, call->node_id, check_failed("model_call", reserved.error()));
    co_return tl::unexpected(reserved.error());
  }
  request.max_tokens = reserved->max_tokens;  // what the budget was asked for is what the model may use
  telemetry::Span span = start_chat_span(*call, request, attempt);

  auto callee = std::make_shared<Callee>(call->inner());
  callee->call->span = span.context();  // the provider sees the chat span as its own
  const Cancellation::Attachment attached(call->cancellation, callee->call->cancellation);
  auto answering = run.services->model->complete(callee->context, request);
  RunLimited<ModelReply> answer(callee->call->waiting(), std::move(answering), std::chrono::nanoseconds::zero(),
                                fmt::format("the model {}", request.model), callee);
  co_await answer;
  auto reply = checked(std::move(answer.get()), request);
  if (!reply) {
    run.budget->release(*reserved);
    fail_span(span, reply.error());
    co_return reply;
  }
  const auto usage = usage_of(run, *reply, span);
  if (!usage) {
    run.budget->release(*reserved);
    fail_span(span, usage.error());
    co_return tl::unexpected(usage.error());
  }
  run.budget->settle(*reserved, *usage);
  account(*call, *reply, *usage);
  finish_chat_span(run, span, *reply, *usage);
  co_return reply;
}

[[nodiscard]] bool may_help_again(const Error& error) noexcept {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
}

}  // namespace

std::chrono::nanoseconds backoff_before(const Policy& policy, int attempt) {
  const double doubled = policy.retry_backoff_s * std::pow(2.0, attempt - 2);
  const double capped = std::min(doubled, std::chrono::duration<double>(kBackoffMax).count());
  const double jitter = 0.5 + static_cast<double>(random_u64() >> 11) / 9007199254740992.0 / 2;  // 0.5 to 1
  return std::chrono::nanoseconds(static_cast<std::int64_t>(capped * jitter * 1e9));
}

Task<Result<ModelReply>> call_model(std::shared_ptr<CallState> call, ModelRequest request) {
  RunState& run = *call->run;
  const CallState& owner = call->account ? *call->account : *call;
  if (owner.agent_id.empty()) {
    co_return fail(
        ErrorCode::invalid_argument,
        fmt::format("the tool in node {} called a model, but no agent is there to account it to", call->node_id),
        "call an agent from the tool instead, or give the tool to an agent");
  }
  if (!run.services->model_override.empty()) request.model = run.services->model_override;
  if (request.model.empty()) request.model = call->model.empty() ? run.services->model->default_model() : call->model;
  AttemptRules rules;
  rules.circuit = fmt::format("model {}", request.model);
  rules.check = "model_call";
  rules.tries = run.policy().retries + 1;
  // A request that the provider refuses says nothing about the provider.
  rules.judge = [](const Error& error) { return TryJudgement{may_help_again(error), may_help_again(error)}; };
  const auto attempt = [&call, &request](int number) { return try_model(call, request, number); };
  co_return co_await try_again<ModelReply>(call, std::move(rules), attempt);
}

}  // namespace meshflow::runtime
