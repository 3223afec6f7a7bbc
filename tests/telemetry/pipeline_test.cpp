#include <atomic>
#include <numeric>
#include <set>
#include <thread>

#include "gated_exporter.hpp"
#include "telemetry/pipeline.hpp"

namespace meshflow::telemetry::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kNever{3'600'000};  // a schedule delay that no test lives to see

ProviderOptions small_queue(std::size_t queue, std::size_t batch) {
  return {.batch = {.schedule_delay = kNever, .max_queue_size = queue, .max_export_batch_size = batch}};
}

TEST(Pipeline, ExportsOnFlushInTheOrderOfTheEnd) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider({}, {{gate, false}});
  const Tracer tracer = provider->tracer({.name = "t"});
  {
    const Span root = tracer.start_span("root");
    const Span node = tracer.start_span("node", {.parent = root.context()});
    const Span agent = tracer.start_span("agent", {.parent = node.context()});
  }
  EXPECT_TRUE(provider->flush(kPatience));
  EXPECT_EQ(gate->names(), (std::vector<std::string>{"agent", "node", "root"}));
}

TEST(Pipeline, ExportsWhenABatchWaitsWithoutBeingAsked) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider(small_queue(16, 4), {{gate, false}});
  record_spans(provider->tracer({}), 4);
  gate->wait_for_exported(4);
}

TEST(Pipeline, ExportsWhatWaitsAfterTheDelay) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider({.batch = {.schedule_delay = milliseconds(5)}}, {{gate, false}});
  record_spans(provider->tracer({}), 1);
  gate->wait_for_exported(1);
}

TEST(Pipeline, NeverExportsMoreAtOnceThanTheBatchSize) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider(small_queue(100, 8), {{gate, true}});
  for (int i = 0; i < 10; ++i) {
    record_spans(provider->tracer({}), 10);
    EXPECT_TRUE(provider->flush(kPatience));
  }
  const auto sizes = gate->batch_sizes();
  EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), 8u);
  EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}), 100u);
}

TEST(Pipeline, DropsAndCountsExactlyWhatPassesTheQueuesBound) {
  auto gate = std::make_shared<Gate>();
  gate->close();
  const auto provider = gated_provider(small_queue(300, 50), {{gate, false}});
  const Tracer tracer = provider->tracer({});
  record_spans(tracer, 1);
  std::thread flusher([&] { EXPECT_TRUE(provider->flush(kPatience)); });
  gate->wait_for_arrival();  // the pipeline hangs in the export of the first span
  record_spans(tracer, 300 + 7);
  TelemetryStats stats = provider->stats();
  EXPECT_EQ(stats.dropped_queue_full, 7u);
  EXPECT_EQ(stats.queue_size, 300u);
  gate->open();
  flusher.join();
  EXPECT_TRUE(provider->flush(kPatience));
  stats = provider->stats();
  EXPECT_EQ(stats.span_started, 308u);
  EXPECT_EQ(stats.span_live, 0);
  EXPECT_EQ(stats.processed, 301u);
  EXPECT_EQ(stats.queue_size, 0u);
  EXPECT_EQ(stats.exporters.at(0).exported, 301u);
  EXPECT_EQ(gate->names().size(), 301u);
  record_spans(tracer, 300);  // places came back
  EXPECT_EQ(provider->stats().dropped_queue_full, 7u);
}

TEST(Pipeline, AQueueOfOneWorks) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider(small_queue(0, 0), {{gate, false}});  // nonsense counts as one
  for (int i = 0; i < 3; ++i) {
    record_spans(provider->tracer({}), 1);
    EXPECT_TRUE(provider->flush(kPatience));
  }
  EXPECT_EQ(gate->names().size(), 3u);
}

TEST(Pipeline, AnExporterThatHangsHoldsUpNobody) {
  auto hanging = std::make_shared<Gate>();
  auto working = std::make_shared<Gate>();
  auto in_line = std::make_shared<Gate>();
  hanging->close();
  const auto provider = gated_provider(small_queue(64, 8), {{hanging, true}, {working, true}, {in_line, false}});
  const Tracer tracer = provider->tracer({});
  for (int i = 0; i < 100; ++i) {
    record_spans(tracer, 8);
    working->wait_for_exported(static_cast<std::size_t>(i + 1) * 8);
    in_line->wait_for_exported(static_cast<std::size_t>(i + 1) * 8);
  }
  const auto started = steady_clock::now();
  EXPECT_FALSE(provider->flush(milliseconds(20)));  // one of them is not done
  EXPECT_GE(steady_clock::now() - started, milliseconds(20));
  const TelemetryStats stats = provider->stats();
  EXPECT_EQ(stats.dropped_queue_full, 0u);
  EXPECT_EQ(stats.exporters.at(1).exported, 800u);
  EXPECT_EQ(stats.exporters.at(2).exported, 800u);
  EXPECT_GE(stats.exporters.at(0).dropped, 800u - 64u * 2 - 8u);  // all but its queue and what hangs
  EXPECT_NE(stats.exporters.at(0).last_error, "");
  hanging->open();
  EXPECT_TRUE(provider->flush(kPatience));
  const auto after = provider->stats().exporters.at(0);
  EXPECT_EQ(after.exported + after.dropped, 800u);
}

TEST(Pipeline, AFlushDoesNotLoseWhatFilledTheQueueToARush) {
  auto gate = std::make_shared<Gate>();
  gate->close();
  const auto provider = gated_provider(small_queue(64, 16), {{gate, true}});
  const Tracer tracer = provider->tracer({});
  record_spans(tracer, 16);
  gate->wait_for_arrival();
  record_spans(tracer, 16);  // about to fill the exporter's queue, and the processor's besides
  std::thread flusher([&] { EXPECT_TRUE(provider->flush(kPatience)); });
  gate->open();
  flusher.join();
  EXPECT_EQ(gate->names().size(), 32u);
  EXPECT_EQ(provider->stats().exporters.at(0).dropped, 0u);
}

TEST(Pipeline, AnExporterThatThrowsDropsItsBatch) {
  auto gate = std::make_shared<Gate>();
  gate->throws = true;
  const auto provider = gated_provider({}, {{gate, true}});
  record_spans(provider->tracer({}), 3);
  EXPECT_TRUE(provider->flush(kPatience));
  const auto stats = provider->stats().exporters.at(0);
  EXPECT_EQ(stats.dropped, 3u);
  EXPECT_EQ(stats.last_error, "thrown by the exporter");
}

TEST(Shutdown, ExportsWhatEndedBeforeAndCountsWhatEndsAfter) {
  auto waiting = std::make_shared<Gate>();
  auto in_line = std::make_shared<Gate>();
  const auto provider = gated_provider({}, {{waiting, true}, {in_line, false}});
  const Tracer tracer = provider->tracer({});
  Span late = tracer.start_span("late");
  record_spans(tracer, 1000);
  EXPECT_TRUE(provider->shutdown(kPatience));
  EXPECT_TRUE(waiting->is_destroyed() && in_line->is_destroyed());
  EXPECT_EQ(waiting->names().size(), 1000u);
  EXPECT_EQ(in_line->names().size(), 1000u);
  late.end();
  record_spans(tracer, 2);  // not recorded any more
  EXPECT_TRUE(provider->shutdown(kPatience));
  EXPECT_TRUE(provider->flush(kPatience));
  const TelemetryStats stats = provider->stats();
  EXPECT_EQ(stats.span_started, 1003u);
  EXPECT_EQ(stats.processed, 1000u);
  EXPECT_EQ(stats.dropped_after_shutdown, 1u);
  EXPECT_EQ(stats.not_recorded, 2u);
  EXPECT_EQ(stats.span_live, 0);
}

TEST(Shutdown, CancelsAnExportThatHangsAndDeliversTheRest) {
  auto hanging = std::make_shared<Gate>();
  auto working = std::make_shared<Gate>();
  hanging->close();
  const auto provider = gated_provider({}, {{hanging, true}, {working, true}});
  record_spans(provider->tracer({}), 1000);
  EXPECT_FALSE(provider->shutdown(milliseconds(100)));
  EXPECT_TRUE(hanging->was_cancelled());
  EXPECT_EQ(working->names().size(), 1000u);
  const TelemetryStats stats = provider->stats();
  EXPECT_EQ(stats.exporters.at(0).dropped, 1000u);
  EXPECT_EQ(stats.exporters.at(1).exported, 1000u);
}

TEST(Shutdown, ReturnsAtItsLimitWhateverAnExporterDoes) {
  for (const bool may_wait : {true, false}) {
    auto hanging = std::make_shared<Gate>();
    hanging->close();
    hanging->heeds_cancel = false;
    {
      const auto provider = gated_provider({.shutdown_timeout = milliseconds(0)}, {{hanging, may_wait}});
      record_spans(provider->tracer({}), 1000);
      const auto started = steady_clock::now();
      EXPECT_FALSE(provider->shutdown(milliseconds(50)));
      EXPECT_LT(steady_clock::now() - started, std::chrono::seconds(10));
      EXPECT_TRUE(hanging->was_cancelled());
      const TelemetryStats stats = provider->stats();
      const auto exporter = stats.exporters.at(0);
      EXPECT_EQ(exporter.exported, 0u);
      EXPECT_EQ(exporter.dropped + stats.queue_size + stats.dropped_after_shutdown, 1000u);
    }
    EXPECT_FALSE(hanging->is_destroyed());  // its thread is still in it
    hanging->open();
    hanging->wait_for_exported(1);
    const auto until = steady_clock::now() + kPatience;
    while (!hanging->is_destroyed() && steady_clock::now() < until) std::this_thread::yield();
    EXPECT_TRUE(hanging->is_destroyed());
  }
}

TEST(Shutdown, IsDoneByTheDestructor) {
  auto gate = std::make_shared<Gate>();
  {
    const auto provider = gated_provider({}, {{gate, true}});
    record_spans(provider->tracer({}), 5);
  }
  EXPECT_EQ(gate->names().size(), 5u);
  EXPECT_TRUE(gate->is_destroyed());
}

TEST(Shutdown, OfAProviderThatRecordedNothingIsQuick) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider({}, {{gate, true}});
  EXPECT_TRUE(provider->flush(milliseconds(0)));
  EXPECT_TRUE(provider->shutdown(milliseconds(0)));
}

TEST(Lifetime, ASpanAndATracerMayOutliveTheirProvider) {
  auto gate = std::make_shared<Gate>();
  auto provider = gated_provider({}, {{gate, false}});
  Tracer tracer = provider->tracer({});
  Span here = tracer.start_span("here");
  Span moved_on;
  std::thread([&] { moved_on = tracer.start_span("elsewhere"); }).join();
  provider.reset();
  here.set_attribute("late", std::string(100'000, 'x')).end();
  std::thread([span = std::move(moved_on)]() mutable { span.end(); }).join();
  Span after = tracer.start_span("after");
  EXPECT_FALSE(after.is_recording());
  after.end();
  EXPECT_TRUE(gate->names().empty());
}

TEST(Lifetime, ManyProvidersOnOneThreadDoNotMixTheirSpans) {
  std::vector<std::unique_ptr<Recorded>> all;
  for (int i = 0; i < 20; ++i) all.push_back(std::make_unique<Recorded>());
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) all[i]->tracer.start_span(std::to_string(i)).end();
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto spans = all[i]->spans();
    ASSERT_EQ(spans.size(), 3u);
    for (const otlp::Span& span : spans) EXPECT_EQ(span.name, std::to_string(i));
  }
}

TEST(Threads, SpansOfAThreadThatIsGoneAreExported) {
  Recorded recorded;
  for (int i = 0; i < 50; ++i) {
    std::thread([&] { record_spans(recorded.tracer, 10); }).join();
  }
  EXPECT_EQ(recorded.spans().size(), 500u);
  const TelemetryStats stats = recorded.provider->stats();
  EXPECT_EQ(stats.span_started, 500u);
  EXPECT_EQ(stats.processed, 500u);
  EXPECT_EQ(stats.span_live, 0);
}

TEST(Threads, ASpanMayEndOnAnotherThreadThanItBegan) {
  Recorded recorded({.batch = {.max_queue_size = 8192}});
  for (int round = 0; round < 20; ++round) {
    std::vector<Span> spans;
    for (int i = 0; i < 100; ++i) spans.push_back(recorded.tracer.start_span("s"));
    std::thread([moved = std::move(spans)]() mutable {
      for (Span& span : moved) span.set_attribute("k", 1).end();
    }).join();
  }
  EXPECT_EQ(recorded.spans().size(), 2000u);
}

TEST(Threads, ChildrenPrecedeTheirParentsAcrossThreadsAndBatches) {
  Recorded recorded(
      {.batch = {.schedule_delay = milliseconds(1), .max_queue_size = 1 << 16, .max_export_batch_size = 16}});
  constexpr int kRuns = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int run = 0; run < kRuns; ++run) {
        Span parent = recorded.tracer.start_span("parent");
        std::thread child([&] { recorded.tracer.start_span("child", {.parent = parent.context()}).end(); });
        child.join();
        parent.end();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<otlp::SpanId> ended_parents;
  const auto spans = recorded.spans();
  EXPECT_EQ(spans.size(), static_cast<std::size_t>(2 * 2 * kRuns));
  for (const otlp::Span& span : spans) {
    if (otlp::is_set(span.parent_span_id)) {
      EXPECT_FALSE(ended_parents.contains(span.parent_span_id)) << "a parent came before its child";
    } else {
      ended_parents.insert(span.span_id);
    }
  }
}

TEST(Threads, WithAClockThatStandsStillTheOrderHoldsToo) {
  ManualClock clock;
  Recorded recorded({.clock = &clock});
  for (int i = 0; i < 100; ++i) {
    Span parent = recorded.tracer.start_span("parent");
    std::thread([&] { recorded.tracer.start_span("child", {.parent = parent.context()}).end(); }).join();
    parent.end();
  }
  const auto spans = recorded.spans();
  ASSERT_EQ(spans.size(), 200u);
  for (std::size_t i = 0; i < spans.size(); ++i) EXPECT_EQ(spans[i].name, i % 2 == 0 ? "child" : "parent");
}

TEST(Threads, NothingIsLostOrCountedTwiceUnderLoad) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider({.batch = {.max_queue_size = 256, .max_export_batch_size = 32}}, {{gate, true}});
  const Tracer tracer = provider->tracer({});
  std::atomic<bool> is_over{false};
  std::thread flusher([&] {
    while (!is_over) (void)provider->flush(milliseconds(1));
  });
  std::vector<std::thread> threads;
  constexpr std::size_t kSpans = 5000;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { record_spans(tracer, kSpans); });
  for (std::thread& thread : threads) thread.join();
  is_over = true;
  flusher.join();
  EXPECT_TRUE(provider->flush(kPatience));
  const TelemetryStats stats = provider->stats();
  EXPECT_EQ(stats.span_started, 4 * kSpans);
  EXPECT_EQ(stats.span_live, 0);
  EXPECT_EQ(stats.processed + stats.dropped_queue_full, 4 * kSpans);
  EXPECT_EQ(stats.exporters.at(0).exported + stats.exporters.at(0).dropped, stats.processed);
  EXPECT_EQ(gate->names().size(), stats.exporters.at(0).exported);
}

TEST(Batch, GroupsSpansByScopeUnderOneResource) {
  auto store = std::make_shared<MemoryStore>();
  std::vector<std::unique_ptr<SpanExporter>> exporters;
  exporters.push_back(std::make_unique<MemoryExporter>(store));
  const auto provider =
      make_provider({.resource = {{"service.name", "test"}}, .resource_schema_url = "https://r"}, std::move(exporters));
  const Tracer a = provider->tracer({.name = "a", .version = "1", .schema_url = "https://s", .attributes = {{"k", 2}}});
  const Tracer b = provider->tracer({.name = "b"});
  const Tracer a_again =
      provider->tracer({.name = "a", .version = "1", .schema_url = "https://s", .attributes = {{"k", 2}}});
  record_spans(a, 1, "one");
  record_spans(b, 1, "two");
  record_spans(a_again, 1, "three");
  EXPECT_TRUE(provider->flush(kPatience));
  ASSERT_EQ(store->requests().size(), 1u);
  const auto traces = otlp::decode_traces(store->requests()[0]);
  ASSERT_TRUE(traces) << traces.error().text();
  ASSERT_EQ(traces->value.resource_spans.size(), 1u);
  const otlp::ResourceSpans& resource = traces->value.resource_spans[0];
  EXPECT_EQ(resource.resource.attributes, (otlp::KeyValueList{{"service.name", text("test")}}));
  EXPECT_EQ(resource.schema_url, "https://r");
  ASSERT_EQ(resource.scope_spans.size(), 2u);
  EXPECT_EQ(resource.scope_spans[0].scope, (otlp::InstrumentationScope{"a", "1", {{"k", number(2)}}, 0}));
  EXPECT_EQ(resource.scope_spans[0].schema_url, "https://s");
  EXPECT_EQ(resource.scope_spans[0].spans.size(), 2u);
  EXPECT_EQ(resource.scope_spans[1].scope.name, "b");
  ASSERT_EQ(store->spans().size(), 3u);
  EXPECT_EQ(decoded(store->spans()[1]).name, "two");
}

TEST(Disabled, NothingIsRecordedAndTheParentsContextGoesOn) {
  auto gate = std::make_shared<Gate>();
  const auto provider = gated_provider({.disabled = true}, {{gate, false}});
  const Tracer tracer = provider->tracer({});
  const Context remote =
      extract({{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}, {Propagator::tracecontext});
  Span span = tracer.start_span("s", {.parent = remote});
  EXPECT_FALSE(span.is_recording());
  EXPECT_EQ(span.context().span_id, remote.span_id);
  EXPECT_FALSE(tracer.start_span("root").context().is_valid());
  span.end();
  EXPECT_TRUE(provider->shutdown(kPatience));
  EXPECT_TRUE(gate->names().empty());
}

TEST(WithoutExporters, SpansHaveIdsAndDurationsButAreNotRecorded) {
  ManualClock clock;
  const auto provider = make_provider({.clock = &clock}, {});
  Span span = provider->tracer({}).start_span("s");
  EXPECT_FALSE(span.is_recording());
  EXPECT_TRUE(span.context().is_valid());
  EXPECT_TRUE(span.context().is_sampled());
  clock.advance(5);
  EXPECT_EQ(span.duration_nanos(), 5);
  span.end();
  clock.advance(5);
  EXPECT_EQ(span.duration_nanos(), 5);
}

TEST(Memory, ExportedSpansCanBeTakenAndAreBounded) {
  auto store = std::make_shared<MemoryStore>(500);
  std::vector<std::unique_ptr<SpanExporter>> exporters;
  exporters.push_back(std::make_unique<MemoryExporter>(store));
  const auto provider = make_provider({}, std::move(exporters));
  record_spans(provider->tracer({}), 1);
  EXPECT_TRUE(provider->flush(kPatience));
  EXPECT_EQ(store->take_requests().size(), 1u);
  EXPECT_EQ(store->span_count(), 0u);
  record_spans(provider->tracer({}), 100);
  EXPECT_TRUE(provider->flush(kPatience));
  EXPECT_EQ(provider->stats().exporters.at(0).dropped, 100u);
}

}  // namespace
}  // namespace meshflow::telemetry::test
