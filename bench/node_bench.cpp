// What a node of a workflow costs beyond its agent, and what memory a run takes that waits.
//
// The whole runtime as a Mesh sets it up, with the ledger in an in-memory database; only the exporter is the bench's
// own, so that what is sent where does not count: it reads every span and lets it go.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include "meshflow/runtime/mock_model.hpp"
#include "runtime/lifecycle.hpp"
#include "telemetry/provider.hpp"

namespace {

using namespace meshflow;
using namespace std::chrono_literals;

// Holds the spans of a chain, so that none is dropped where the other threads have all the cores.
constexpr std::size_t kQueueSize = 1 << 16;

class ReadingExporter final : public telemetry::SpanExporter {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "reading"; }
  [[nodiscard]] bool may_wait() const noexcept override { return false; }
  [[nodiscard]] telemetry::ExportOutcome export_batch(const telemetry::SpanBatch& batch,
                                                      std::chrono::steady_clock::time_point) override {
    constexpr std::size_t kCacheLine = 64;
    unsigned sum = 0;
    for (const auto& scope : batch.scopes) {
      for (const std::string_view span : scope.spans) {
        for (std::size_t i = 0; i < span.size(); i += kCacheLine) sum += static_cast<unsigned char>(span[i]);
      }
    }
    benchmark::DoNotOptimize(sum);
    return {batch.span_count, 0, {}};
  }
};

template <typename T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(1);
}

Policy policy_of_bench() {
  Policy policy;
  policy.max_steps = 1'000'000;
  return policy;
}

std::shared_ptr<runtime::Services> make_services(bool governance_spans, Agent agent) {
  auto services = std::make_shared<runtime::Services>(0);
  services->clock = &system_clock();
  services->governance = must(runtime::make_governance(policy_of_bench()));
  services->model = mock_model();
  services->style.governance = governance_spans;
  services->agents["agent"] = std::make_shared<const Agent>(std::move(agent));
  services->prices = runtime::PriceTable::shipped();
  services->carbon = runtime::CarbonModel::shipped(services->prices);
  services->database = must(runtime::Database::open(":memory:"));
  services->ledger = must(runtime::Ledger::open(services->database, *services->clock));
  services->store = must(runtime::RunStore::open(services->database));
  services->breakers = std::make_unique<runtime::CircuitBreakers>(policy_of_bench().circuit_breaker, *services->clock);
  telemetry::ProviderOptions options;
  options.batch.max_queue_size = kQueueSize;
  std::vector<std::unique_ptr<telemetry::SpanExporter>> exporters;
  exporters.push_back(std::make_unique<ReadingExporter>());
  services->provider = telemetry::make_provider(std::move(options), std::move(exporters));
  services->tracer = services->provider->tracer({.name = "bench"});
  return services;
}

std::shared_ptr<const Workflow> chain_of(int nodes) {
  auto workflow = std::make_shared<Workflow>("chain");
  for (int i = 0; i < nodes; ++i) {
    Node node;
    node.id = "node" + std::to_string(i);
    node.agent = "agent";
    workflow->node(std::move(node));
    if (i > 0) workflow->edge("node" + std::to_string(i - 1), "node" + std::to_string(i));
  }
  workflow->entry("node0");
  return workflow;
}

void take_result(runtime::RunOutcome outcome, std::latch& ended) {
  const auto run = must(std::move(outcome));
  if (run->status != RunStatus::completed) {
    std::fprintf(stderr, "the run is %d: %s\n", static_cast<int>(run->status),
                 run->error ? run->error->text().c_str() : "");
    std::exit(1);
  }
  ended.count_down();
}

Task<void> end_once(Task<runtime::RunOutcome> run, std::latch& ended) {
  co_await run.until_done();
  take_result(std::move(run.get()), ended);
}

// Runs without a thread of its own; `ended` counts down when the run has completed.
Task<void> run_once(std::shared_ptr<runtime::Services> services, std::shared_ptr<runtime::GraphCache> graphs,
                    std::shared_ptr<const Workflow> workflow, std::latch& ended) {
  RunOptions options;
  options.workflow = std::move(workflow);
  return end_once(runtime::begin_run(std::move(services), std::move(graphs), "a task", std::move(options)), ended);
}

Task<Result<AgentReply>> do_nothing(AgentContext&) { co_return AgentReply{"ok"}; }

// One run of a chain of no-op agents, spans exported to the last one.
void chain(benchmark::State& state) {
  const int nodes = static_cast<int>(state.range(0));
  Agent agent{.id = "agent"};
  agent.body = AgentCoroutine(do_nothing);
  const auto services = make_services(state.range(1) != 0, std::move(agent));
  const auto graphs = std::make_shared<runtime::GraphCache>();
  const auto workflow = chain_of(nodes);
  for (auto _ : state) {
    std::latch ended(1);
    runtime::spawn(run_once(services, graphs, workflow, ended));
    ended.wait();
    state.PauseTiming();
    services->provider->flush(30s);
    state.ResumeTiming();
  }
  const auto stats = services->provider->stats();
  state.counters["nodes"] = nodes;
  state.counters["spans_per_node"] =
      static_cast<double>(stats.span_started) / static_cast<double>(state.iterations()) / nodes;
  state.counters["dropped"] = static_cast<double>(stats.dropped_queue_full);
  services->scheduler.stop();
}

std::int64_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  long long total = 0;
  long long resident = 0;
  const int read = file != nullptr ? std::fscanf(file, "%lld %lld", &total, &resident) : 0;
  if (file != nullptr) std::fclose(file);
  return read == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

struct Gate {
  std::atomic<int> waiting{0};
  std::atomic<bool> is_open{false};
};

Task<Result<AgentReply>> wait_at(Gate& gate, AgentContext& context) {
  ++gate.waiting;
  while (!gate.is_open) {
    if (auto slept = co_await context.sleep(1s); !slept) co_return tl::unexpected(slept.error());
  }
  co_return AgentReply{"ok"};
}

// Runs of one node each, all of them waiting in their agent at the same time: what memory one takes then.
void concurrent_runs(benchmark::State& state) {
  const int runs = static_cast<int>(state.range(0));
  Gate gate;
  Agent agent{.id = "agent"};
  agent.body = AgentCoroutine([&gate](AgentContext& context) { return wait_at(gate, context); });
  const auto services = make_services(true, std::move(agent));
  const auto graphs = std::make_shared<runtime::GraphCache>();
  const auto workflow = chain_of(1);
  const auto start_all = [&](int count, std::latch& ended) {
    for (int i = 0; i < count; ++i) runtime::spawn(run_once(services, graphs, workflow, ended));
    while (gate.waiting < count) std::this_thread::sleep_for(1ms);
  };
  {  // what is made once: threads' stacks, the graph, the database's pages
    std::latch ended(1);
    gate.is_open = true;
    start_all(1, ended);
    ended.wait();
  }
  for (auto _ : state) {
    gate.waiting = 0;
    gate.is_open = false;
    services->provider->flush(30s);
    malloc_trim(0);  // what was freed before must not be taken for what a run needs
    const std::int64_t before = resident_bytes();
    std::latch ended(runs);
    start_all(runs, ended);
    services->provider->flush(30s);
    state.counters["bytes_per_run"] = static_cast<double>(resident_bytes() - before) / runs;
    gate.is_open = true;
    ended.wait();
  }
  state.counters["dropped"] = static_cast<double>(services->provider->stats().dropped_queue_full);
  services->scheduler.stop();
}

}  // namespace

BENCHMARK(chain)
    ->ArgNames({"nodes", "governance"})
    ->Args({1000, 1})
    ->Args({1000, 0})
    ->Args({1, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(concurrent_runs)
    ->ArgNames({"runs"})
    ->Arg(10'000)
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
