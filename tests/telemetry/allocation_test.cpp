// The recording thread does not allocate once its pool is warm. Replaces operator new for the whole test program, which
// the sanitizers do too: not built under them.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <cstdint>
#include <cstdlib>
#include <new>

#include "gated_exporter.hpp"

namespace {
thread_local std::uint64_t t_allocations = 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++t_allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace meshflow::telemetry::test {
namespace {

// Drops what it gets.
class NullExporter final : public SpanExporter {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "null"; }
  [[nodiscard]] bool may_wait() const noexcept override { return false; }
  [[nodiscard]] ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    return {batch.span_count, 0, {}};
  }
};

TEST(Recording, DoesNotAllocateOnceItsPoolIsWarm) {
  std::vector<std::unique_ptr<SpanExporter>> exporters;
  exporters.push_back(std::make_unique<NullExporter>());
  const auto provider = make_provider({}, std::move(exporters));
  const Tracer tracer = provider->tracer({.name = "t"});
  const auto fill = [](Span& span) {
    span.set_attribute("text", "value").set_attribute("count", 1).set_attribute("ratio", 0.5);
    span.set_attribute("count", "another type and longer").add_event("event");
    span.set_status(StatusCode::error, "a description that does not fit where short strings live");
  };
  constexpr std::size_t kSpans = 2000;
  std::vector<Span> open;
  for (std::size_t i = 0; i < kSpans + 2; ++i) fill(open.emplace_back(tracer.start_span("warms the pool")));
  open.clear();
  EXPECT_TRUE(provider->flush(kPatience));
  const std::uint64_t before = t_allocations;
  for (std::size_t i = 0; i < kSpans / 2; ++i) {
    Span root = tracer.start_span("root");
    Span child = tracer.start_span("child", {.parent = root.context()});
    fill(child);
  }
  EXPECT_EQ(t_allocations, before);
}

}  // namespace
}  // namespace meshflow::telemetry::test

#endif
