// What a span costs the thread that records it, while the pipeline drains to an exporter that reads every span.
//
// Spans are recorded in bursts of half the queue's size and drained between them, outside the measured time, so that
// none is dropped. CPU time is that of the recording threads.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "telemetry/announce.hpp"
#include "telemetry/lane.hpp"
#include "telemetry/provider.hpp"
#include "telemetry/span_record.hpp"

namespace {

thread_local std::uint64_t t_allocations = 0;

}  // namespace

// Counts what the recording thread allocates.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++t_allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  ++t_allocations;
  const auto align = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using namespace meshflow::telemetry;

constexpr std::size_t kQueueSize = 2048;
constexpr std::size_t kBurst = kQueueSize / 2;

class ReadingExporter final : public SpanExporter {
 public:
  explicit ReadingExporter(bool is_watched) : is_watched_(is_watched) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "reading"; }
  [[nodiscard]] bool may_wait() const noexcept override { return false; }
  [[nodiscard]] ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    constexpr std::size_t kCacheLine = 64;
    unsigned sum = 0;
    for (const auto& scope : batch.scopes) {
      for (const std::string_view span : scope.spans) {
        for (std::size_t i = 0; i < span.size(); i += kCacheLine) sum += static_cast<unsigned char>(span[i]);
      }
    }
    benchmark::DoNotOptimize(sum);
    bytes += batch.span_bytes;
    spans += batch.span_count;
    return {batch.span_count, 0, {}};
  }
  [[nodiscard]] bool may_be_watched() const noexcept override { return true; }
  [[nodiscard]] bool is_watched() override { return is_watched_; }
  static inline std::atomic<std::uint64_t> bytes{0};
  static inline std::atomic<std::uint64_t> spans{0};

 private:
  const bool is_watched_;
};

struct Fixture {
  explicit Fixture(bool is_watched = false) {
    std::vector<std::unique_ptr<SpanExporter>> exporters;
    exporters.push_back(std::make_unique<ReadingExporter>(is_watched));
    provider = make_provider({}, std::move(exporters));
    tracer = provider->tracer({.name = "bench"});
    parent = tracer.start_span("parent");
  }
  void drain() const { (void)provider->flush(std::chrono::seconds(30)); }

  std::unique_ptr<TracerProvider> provider;
  Tracer tracer;
  Span parent;
};

// The ten attributes of an agent's span, as the runtime sets them.
void set_attributes(Span& span, std::int64_t count) {
  if (count == 0) return;
  span.set_attribute("meshflow.run_id", "run_4a8f2b1c9d3e7f2a");
  span.set_attribute("meshflow.node_id", "analyst");
  span.set_attribute("meshflow.agent_id", "researcher-agent");
  span.set_attribute("meshflow.role", "researcher");
  span.set_attribute("meshflow.verdict", "allowed");
  span.set_attribute("meshflow.tokens", 148);
  span.set_attribute("meshflow.cost_usd", 0.0012);
  span.set_attribute("meshflow.uncertainty", 0.18);
  span.set_attribute("meshflow.carbon_g", 0.004);
  span.set_attribute("gen_ai.operation.name", "invoke_agent");
}

struct Shape {
  std::int64_t attributes = 0;
  bool is_root = false;
  bool is_announced = false;
  bool is_watched = false;  // a live view is told of announced spans
};

void record(const Tracer& tracer, const SpanOptions& options, const Shape& shape) {
  Span span = tracer.start_span("meshflow.agent", options);
  set_attributes(span, shape.attributes);
  if (shape.is_announced) announce(span);
  span.end();
}

std::unique_ptr<Fixture> g_fixture;

void in_bursts(benchmark::State& state, const Shape& shape) {
  if (state.thread_index() == 0) g_fixture = std::make_unique<Fixture>(shape.is_watched);
  SpanOptions options;
  const Fixture* fixture = nullptr;
  std::uint64_t allocations = 0;
  std::uint64_t before = t_allocations;
  const std::size_t burst = kBurst / static_cast<std::size_t>(state.threads());
  std::size_t left = 0;
  for (auto _ : state) {
    if (left == 0) {
      allocations += t_allocations - before;
      state.PauseTiming();
      if (fixture == nullptr) {
        fixture = g_fixture.get();
        if (!shape.is_root) options.parent = fixture->parent.context();
        std::vector<Span> open;  // as many records as a burst needs, so that the pool is warm
        for (std::size_t i = 0; i < burst; ++i) open.push_back(fixture->tracer.start_span("warm"));
      }
      fixture->drain();
      left = burst;
      before = t_allocations;
      state.ResumeTiming();
    }
    --left;
    record(fixture->tracer, options, shape);
  }
  allocations += t_allocations - before;
  state.counters["allocations_per_span"] =
      benchmark::Counter(static_cast<double>(allocations), benchmark::Counter::kAvgIterations);
  if (state.thread_index() == 0) {
    g_fixture->drain();
    state.counters["dropped"] = static_cast<double>(g_fixture->provider->stats().dropped_queue_full);
  }
}

void span_in_bursts(benchmark::State& state) {
  in_bursts(state, {.attributes = state.range(0), .is_root = state.range(1) != 0});
}

// What announcing a span of ten attributes adds while nobody looks, and while somebody does.
void announced_in_bursts(benchmark::State& state) {
  in_bursts(state, {.attributes = 10, .is_announced = true, .is_watched = state.range(0) != 0});
}

// Hangs until it is told to go on, so that the queue fills.
class HangingExporter final : public SpanExporter {
 public:
  explicit HangingExporter(std::shared_ptr<std::atomic<bool>> go_on) : go_on_(std::move(go_on)) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "hanging"; }
  [[nodiscard]] bool may_wait() const noexcept override { return false; }
  [[nodiscard]] ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    go_on_->wait(false);
    return {batch.span_count, 0, {}};
  }

 private:
  const std::shared_ptr<std::atomic<bool>> go_on_;
};

// What it costs to end a span that finds the queue full: both clock reads' second one included.
void end_with_full_queue(benchmark::State& state) {
  auto go_on = std::make_shared<std::atomic<bool>>(false);
  std::vector<std::unique_ptr<SpanExporter>> exporters;
  exporters.push_back(std::make_unique<HangingExporter>(go_on));
  const auto provider = make_provider({}, std::move(exporters));
  const Tracer tracer = provider->tracer({.name = "bench"});
  while (provider->stats().dropped_queue_full == 0) tracer.start_span("fills the queue").end();
  std::vector<Span> spans;
  spans.reserve(kBurst);
  for (auto _ : state) {
    if (spans.empty()) {
      state.PauseTiming();
      for (std::size_t i = 0; i < kBurst; ++i) set_attributes(spans.emplace_back(tracer.start_span("dropped")), 10);
      state.ResumeTiming();
    }
    spans.back().end();
    spans.pop_back();
  }
  state.counters["dropped"] = static_cast<double>(provider->stats().dropped_queue_full);
  go_on->store(true);
  go_on->notify_all();
}

// Not a time: how large a span of ten attributes is on the wire, and what memory it holds while it waits.
void span_size(benchmark::State& state) {
  const Fixture fixture;
  const std::uint64_t bytes = ReadingExporter::bytes;
  const std::uint64_t spans = ReadingExporter::spans;
  SpanOptions options;
  options.parent = fixture.parent.context();
  for (auto _ : state) record(fixture.tracer, options, {.attributes = 10});
  fixture.drain();
  state.counters["encoded_bytes"] =
      static_cast<double>(ReadingExporter::bytes - bytes) / static_cast<double>(ReadingExporter::spans - spans);
  state.counters["waiting_bytes"] = static_cast<double>(sizeof(SpanRecord) + sizeof(Lane::Ended));
}

}  // namespace

BENCHMARK(span_in_bursts)->ArgNames({"attributes", "root"})->Args({0, 0})->Args({10, 0})->Args({0, 1})->Args({10, 1});
BENCHMARK(span_in_bursts)->ArgNames({"attributes", "root"})->Args({10, 0})->Threads(2);
BENCHMARK(announced_in_bursts)->ArgName("watched")->Arg(0)->Arg(1);
BENCHMARK(end_with_full_queue);
BENCHMARK(span_size)->Iterations(1000);

BENCHMARK_MAIN();
