// Runs of agents, whole, in requests: what stores are filled with that are asked questions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include <fmt/format.h>

#include "store_questions.hpp"

#include "otlp/model.hpp"

namespace meshflow::bench {

inline constexpr std::uint64_t kRunsStart = 1'764'000'000'000'000'000;
inline constexpr std::uint64_t kRunNanos = 40'000'000;  // between the starts of two runs

// Run `number`: a root, its nodes, an agent in each with its gate and its model's call, twelve attributes each; one
// agent in a thousand is blocked, and so is the gate below it.
class Runs {
 public:
  static constexpr std::size_t kSpansOfRun = 49;
  static constexpr std::size_t kRunsOfRequest = 10;

  otlp::TracesData request(std::uint64_t first) {
    otlp::TracesData traces;
    auto& resource = traces.resource_spans.emplace_back();
    resource.resource.attributes = {{"service.name", {std::string("meshflow")}},
                                    {"host.name", {fmt::format("host-{}", first / 1'000 % 7)}}};
    auto& scope = resource.scope_spans.emplace_back();
    scope.scope = {"meshflow", "0.1.0", {}, 0};
    for (std::size_t run = 0; run < kRunsOfRequest; ++run) {
      for (std::size_t i = 0; i < kSpansOfRun; ++i) scope.spans.push_back(span(first + run, i));
    }
    return traces;
  }
  static std::string run_id(std::uint64_t number) { return fmt::format("run_{:016x}", mixed(number)); }
  static otlp::TraceId trace_id(std::uint64_t number) { return id_of<otlp::TraceId>(number * 2 + 1, number * 2 + 2); }

 private:
  template <typename Id>
  static Id id_of(std::uint64_t a, std::uint64_t b = 0) {
    Id id{};
    const std::uint64_t words[] = {mixed(a), mixed(b)};
    std::copy_n(reinterpret_cast<const std::uint8_t*>(words), id.size(), id.begin());
    return id;
  }
  static otlp::SpanId span_id(std::uint64_t run, std::size_t i) {
    return id_of<otlp::SpanId>(run * kSpansOfRun + i + 1);
  }

  // Span 0 is the run; then groups of four: an agent below the run, and its gate, call and ledger entry below the
  // agent.
  otlp::Span span(std::uint64_t run, std::size_t i) {
    static const char* const kNames[] = {"meshflow.ledger_write", "meshflow.agent", "meshflow.gate", "chat mock-1"};
    static const char* const kRoles[] = {"planner", "researcher", "executor", "critic"};
    otlp::Span made;
    made.trace_id = trace_id(run);
    made.span_id = span_id(run, i);
    const std::size_t agent = i == 0 ? 0 : (i - 1) / 4 * 4 + 1;
    const bool is_agent = i != 0 && i == agent;
    if (i != 0) made.parent_span_id = span_id(run, is_agent ? 0 : agent);
    if (is_agent) is_blocked_ = random_() % 1'000 == 0;
    const bool is_blocked = is_blocked_ && (is_agent || i % 4 == 2) && i != 0;
    made.name = i == 0 ? "meshflow.run" : kNames[i % 4];
    made.kind = i % 4 == 3 ? otlp::SpanKind::client : otlp::SpanKind::internal;
    made.start_time_unix_nano = kRunsStart + run * kRunNanos + i * 1'700'000;
    const bool is_slow = random_() % 2'000 == 0;
    made.end_time_unix_nano =
        made.start_time_unix_nano + 200'000 + random_() % 120'000'000 + (is_slow ? 2'000'000'000 : 0);
    made.status.code = is_blocked ? otlp::StatusCode::error : otlp::StatusCode::ok;
    const std::string role = kRoles[agent / 4 % 4];
    made.attributes = {{"meshflow.run_id", {run_id(run)}},
                       {"meshflow.node_id", {role + "-1"}},
                       {"meshflow.role", {role}},
                       {"meshflow.cost_usd", {static_cast<double>(random_() % (i == 0 ? 12'000 : 4'000)) * 1e-6}},
                       {"meshflow.tokens", {static_cast<std::int64_t>(random_() % 1'500)}},
                       {"meshflow.uncertainty", {static_cast<double>(random_() % 100) / 100}},
                       {"meshflow.verdict", {std::string(is_blocked ? "blocked" : "allowed")}},
                       {"gen_ai.request.model", {std::string("mock-1")}},
                       {"gen_ai.provider.name", {std::string("mock")}},
                       {"server.address", {std::string("localhost")}},
                       {"enduser.id", {fmt::format("user-{}", random_() % 10'000)}},
                       {"meshflow.ledger.seq", {static_cast<std::int64_t>(i)}}};
    return made;
  }

  std::mt19937_64 random_{1};
  bool is_blocked_ = false;
};

}  // namespace meshflow::bench
