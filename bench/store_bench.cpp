// The store alone: spans per CPU-second from OTLP bytes to DuckDB, disk per span, and the queries' times.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "otlp/encode.hpp"
#include "otlp/model.hpp"
#include "store/trace_store.hpp"

namespace {

using namespace meshflow;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}
double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::string directory = argc > 2 ? argv[2] : "build/bench/store";
  const std::size_t per_request = 512;
  std::filesystem::remove_all(directory);
  // Made beforehand: only the ids would have to differ, and making them costs more than storing.
  Load load(1);
  std::vector<std::string> requests;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; i += per_request) {
    requests.push_back(otlp::encode(load.request(per_request)));
    bytes += requests.back().size();
  }
  const std::size_t total = requests.size() * per_request;
  store::StoreOptions options;
  options.directory = directory;
  auto opened = store::TraceStore::open(options);
  if (!opened) return report(opened.error());
  auto& store = **opened;
  const double cpu = cpu_seconds();
  const double wall = wall_seconds();
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t flying = 0;
  for (auto& request : requests) {
    for (;;) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return flying < 64; });
        ++flying;
      }
      std::string copy = request;
      std::atomic<bool> again = false;
      store.ingest(std::move(copy), [&, again_ptr = &again](auto result) {
        if (!result && result.error().code != ErrorCode::unavailable) {
          report(result.error());
          std::exit(1);
        }
        if (!result) *again_ptr = true;  // called at once
        const std::lock_guard lock(mutex);
        --flying;
        changed.notify_all();
      });
      if (!again) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return flying == 0; });
  }
  const double acknowledged = wall_seconds();
  store.wait_until_visible(std::chrono::hours(1));
  const double visible = wall_seconds();
  if (auto done = store.flush(); !done) return report(done.error());
  const double used = cpu_seconds() - cpu;
  fmt::print(
      "{} spans of {:.0f} B: {:.0f} spans per CPU-second, {:.0f}/s acknowledged, visible {:.0f} ms later, {} syncs\n",
      total, static_cast<double>(bytes) / static_cast<double>(total), static_cast<double>(total) / used,
      static_cast<double>(total) / (acknowledged - wall), (visible - acknowledged) * 1e3, store.stats().log_syncs);
  const auto time = [&](const char* name, const std::function<void(store::Snapshot&)>& work) {
    std::vector<double> times;
    for (int i = 0; i < 15; ++i) {
      const double begin = wall_seconds();
      auto snapshot = store.snapshot();
      if (!snapshot) {
        report(snapshot.error());
        std::exit(1);
      }
      work(*snapshot);
      times.push_back(wall_seconds() - begin);
    }
    std::sort(times.begin(), times.end());
    fmt::print("{:<40} {:8.2f} ms\n", name, times[times.size() / 2] * 1e3);
  };
  time("snapshot", [](store::Snapshot&) {});
  const auto all = [](store::Snapshot& snapshot, const std::string& select) {
    std::string sql;
    for (const auto& piece : snapshot.pieces()) sql += (sql.empty() ? "" : " UNION ALL ") + select + piece.source;
    return sql;
  };
  time("newest 20 blocked", [&](store::Snapshot& s) {
    const auto rows =
        s.query("SELECT trace_id, start FROM (" + all(s, "SELECT trace_id, start, meshflow_verdict FROM ") +
                ") WHERE meshflow_verdict = 'blocked' ORDER BY start DESC LIMIT 20");
    if (!rows) report(rows.error());
  });
  time("p95 by role", [&](store::Snapshot& s) {
    const auto rows =
        s.query("SELECT meshflow_role, quantile_disc(duration, 0.95) FROM (" +
                all(s, "SELECT meshflow_role, duration FROM ") + ") WHERE meshflow_role IS NOT NULL GROUP BY 1");
    if (!rows) report(rows.error());
  });
  time("time range of a trace", [&](store::Snapshot& s) { (void)s.time_range_of(load.trace); });
  time("an unknown trace", [&](store::Snapshot& s) { (void)s.time_range_of(otlp::TraceId{1, 2, 3}); });
  time("a trace, whole", [&](store::Snapshot& s) {
    const auto found = s.traces(std::span(&load.trace, 1));
    if (!found) report(found.error());
    if (found->empty()) fmt::print("not found\n");
  });
  time("a run id", [&](store::Snapshot& s) { (void)s.traces_of_run(load.run_id); });
  if (auto done = store.close(); !done) return report(done.error());
  const auto stats = store.stats();
  fmt::print("{:.1f} B/span on disk\n", static_cast<double>(stats.store_bytes) / static_cast<double>(total));
  opened->reset();
  const double begin = wall_seconds();
  opened = store::TraceStore::open(options);
  if (!opened) return report(opened.error());
  fmt::print("opened again in {:.0f} ms\n", (wall_seconds() - begin) * 1e3);
  opened->reset();
  std::filesystem::remove_all(directory);
}
