// Spans as a team of agents leaves them: what the benchmarks of the backend send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include <fmt/format.h>

#include "otlp/model.hpp"

namespace meshflow::bench {

// Runs of 84 spans, as the lesson's, of some 460 bytes each.
class Load {
 public:
  explicit Load(std::uint64_t seed) : random_(seed) {}

  otlp::TracesData request(std::size_t spans) {
    otlp::TracesData traces;
    auto& resource = traces.resource_spans.emplace_back();
    resource.resource.attributes = {{"service.name", {std::string("meshflow")}},
                                    {"telemetry.sdk.name", {std::string("meshflow")}},
                                    {"telemetry.sdk.language", {std::string("cpp")}},
                                    {"telemetry.sdk.version", {std::string("0.1.0")}}};
    auto& scope = resource.scope_spans.emplace_back();
    scope.scope = {"meshflow", "0.1.0", {}, 0};
    for (std::size_t i = 0; i < spans; ++i) scope.spans.push_back(span());
    return traces;
  }
  std::uint64_t blocked = 0;
  std::string run_id;
  otlp::TraceId trace{};

 private:
  template <typename Id>
  Id id() {
    Id made{};
    for (auto& byte : made) byte = static_cast<std::uint8_t>(random_());
    return made;
  }
  otlp::Span span() {
    static const char* const kNames[] = {"meshflow.node", "meshflow.agent",        "chat mock-1",
                                         "meshflow.gate", "meshflow.policy_check", "meshflow.ledger_write",
                                         "meshflow.tool"};
    static const char* const kRoles[] = {"planner", "researcher", "executor", "critic", "orchestrator", "guardian"};
    if (in_run_ == 0) {
      trace = id<otlp::TraceId>();
      run_id = fmt::format("run_{:016x}", random_());
      root_ = {};
      start_ += 40'000'000;
    }
    otlp::Span made;
    made.trace_id = trace;
    made.span_id = id<otlp::SpanId>();
    made.parent_span_id = in_run_ == 0 ? otlp::SpanId{} : root_;
    if (in_run_ == 0) root_ = made.span_id;
    const std::size_t kind = in_run_ % 7;
    const char* const role = kRoles[in_run_ / 14 % 6];
    made.name = in_run_ == 0 ? "meshflow.run" : kNames[kind];
    made.kind = kind == 2 ? otlp::SpanKind::client : otlp::SpanKind::internal;
    made.flags = 0x101;
    made.start_time_unix_nano = start_ + in_run_ * 1'700'000 + random_() % 1'000'000;
    made.end_time_unix_nano = made.start_time_unix_nano + 200'000 + random_() % 120'000'000;
    const bool is_blocked = kind == 1 && random_() % 1000 == 0;
    made.status.code = is_blocked ? otlp::StatusCode::error : otlp::StatusCode::ok;
    made.attributes = {{"meshflow.run_id", {run_id}},
                       {"meshflow.trace_id", {hex(trace)}},
                       {"meshflow.node_id", {fmt::format("{}-{}", role, in_run_ / 14)}}};
    const auto add = [&made](const char* key, otlp::AnyValue value) {
      made.attributes.push_back({key, std::move(value)});
    };
    if (kind == 1 || kind == 2 || kind == 0) {
      add("meshflow.agent_id", {fmt::format("{}-agent", role)});
      add("meshflow.role", {std::string(role)});
      add("meshflow.cost_usd", {static_cast<double>(random_() % 4000) * 1e-6});
      add("meshflow.tokens", {static_cast<std::int64_t>(random_() % 1500)});
      add("meshflow.uncertainty", {static_cast<double>(random_() % 100) / 100});
      add("meshflow.verdict", {std::string(is_blocked ? "blocked" : "allowed")});
      add("meshflow.carbon_g", {static_cast<double>(random_() % 100000) * 1e-9});
      add("gen_ai.operation.name", {std::string("invoke_agent")});
      add("gen_ai.request.model", {std::string("mock-1")});
    } else if (kind == 3) {
      add("meshflow.gate.name", {std::string("content_policy")});
      add("meshflow.gate_result", {std::string("passed")});
      add("meshflow.gate.threshold", {0.9});
      add("meshflow.gate.value", {static_cast<double>(random_() % 100) / 100});
      add("meshflow.rule_id", {std::string("none")});
      for (int i = 0; i < 4; ++i) add("openinference.span.kind", {std::string("GUARDRAIL")});
    } else {
      add("meshflow.policy.name", {std::string("agent")});
      add("meshflow.policy.result", {std::string("passed")});
      add("meshflow.rule_id", {std::string("none")});
      add("meshflow.ledger.seq", {static_cast<std::int64_t>(in_run_)});
      add("meshflow.ledger.kind", {std::string("agent_output")});
      add("gen_ai.conversation.id", {std::string("conversation")});
      add("gen_ai.agent.description", {std::string("answers the question that it is asked, in short")});
      add("gen_ai.provider.name", {std::string("mock")});
      add("server.address", {std::string("localhost")});
    }
    if (is_blocked) ++blocked;
    in_run_ = (in_run_ + 1) % 84;
    return made;
  }
  static std::string hex(const otlp::TraceId& id) {
    std::string text;
    for (const auto byte : id) text += fmt::format("{:02x}", byte);
    return text;
  }

  std::mt19937_64 random_;
  std::size_t in_run_ = 0;
  otlp::SpanId root_{};
  std::uint64_t start_ = 1'764'000'000'000'000'000;
};

}  // namespace meshflow::bench
