#include "telemetry/sampler.hpp"

#include <thread>

#include "gated_exporter.hpp"
#include "telemetry/trace_scope.hpp"

namespace meshflow::telemetry::test {
namespace {

using Kind = SamplerOptions::Kind;

// A trace id whose 56 random bits are `random`.
TraceId with_random(std::uint64_t random) {
  TraceId id;
  id.bytes[0] = 1;
  id.bytes[8] = 0xFF;  // not one of the random bits
  for (std::size_t i = 0; i < 7; ++i) id.bytes[15 - i] = static_cast<std::uint8_t>(random >> (8 * i));
  return id;
}

Context parent_with(std::uint8_t flags) {
  Context parent;
  parent.trace_id = with_random(0);
  parent.span_id.bytes[0] = 1;
  parent.trace_flags = flags;
  return parent;
}

TEST(Sampler, ByRatioTakesTheTracesWhoseRandomBitsReachTheThreshold) {
  const Sampler quarter({Kind::traceidratio, 0.25});
  const std::uint64_t threshold = (std::uint64_t{3} << 54);  // three quarters of 2^56 are rejected
  EXPECT_FALSE(quarter.should_sample(with_random(threshold - 1), {}));
  EXPECT_TRUE(quarter.should_sample(with_random(threshold), {}));
  EXPECT_TRUE(quarter.should_sample(with_random((std::uint64_t{1} << 56) - 1), {}));
  EXPECT_FALSE(quarter.should_sample(with_random(0), parent_with(1)));  // whatever the parent says
}

TEST(Sampler, AtTheEndsOfTheRatioTakesAllOrNone) {
  const std::uint64_t highest = (std::uint64_t{1} << 56) - 1;
  for (const double ratio : {1.0, 2.0})
    EXPECT_TRUE(Sampler({Kind::traceidratio, ratio}).should_sample(with_random(0), {}));
  for (const double ratio : {0.0, -1.0}) {
    EXPECT_FALSE(Sampler({Kind::traceidratio, ratio}).should_sample(with_random(highest), {}));
  }
}

TEST(Sampler, ParentBasedFollowsTheParentAndElseItsRoot) {
  struct Case {
    Kind kind;
    bool root, sampled_parent, unsampled_parent;
  };
  for (const Case& c :
       {Case{Kind::always_on, true, true, true}, Case{Kind::always_off, false, false, false},
        Case{Kind::parentbased_always_on, true, true, false}, Case{Kind::parentbased_always_off, false, true, false},
        Case{Kind::parentbased_traceidratio, false, true, false}}) {
    const Sampler sampler({c.kind, 0.5});
    EXPECT_EQ(sampler.should_sample(with_random(0), {}), c.root);
    EXPECT_EQ(sampler.should_sample(with_random(0), parent_with(1)), c.sampled_parent);
    EXPECT_EQ(sampler.should_sample(with_random(0), parent_with(2)), c.unsampled_parent);
  }
}

ProviderOptions never() { return {.sampler = {Kind::parentbased_always_off, 0}}; }

TEST(Sampling, ADroppedSpanIsCountedAndItsChildrenToo) {
  Recorded recorded(never());
  Span span = recorded.tracer.start_span("s");
  EXPECT_FALSE(span.is_recording());
  EXPECT_TRUE(span.context().is_valid());
  EXPECT_EQ(span.context().trace_flags, 2);  // random, not sampled
  const Span child = recorded.tracer.start_span("c", {.parent = span.context()});
  EXPECT_FALSE(child.is_recording());
  EXPECT_TRUE(recorded.spans().empty());
  EXPECT_EQ(recorded.provider->stats().span_started, 2u);
  EXPECT_EQ(recorded.provider->stats().not_recorded, 2u);
}

TEST(HeldTrace, IsLetGoWhenItsLocalRootEnds) {
  Recorded recorded(never());
  {
    Span root = recorded.tracer.start_span("root", {.hold_unsampled = true});
    EXPECT_TRUE(root.is_recording());
    EXPECT_FALSE(root.context().is_sampled());
    Span child = recorded.tracer.start_span("child", {.parent = root.context()});
    Span late = recorded.tracer.start_span("late", {.parent = child.context()});
    child.end();
    root.end();
    late.end();
  }
  EXPECT_TRUE(recorded.spans().empty());
  const TelemetryStats stats = recorded.provider->stats();
  EXPECT_EQ(stats.span_started, 3u);
  EXPECT_EQ(stats.not_recorded, 3u);
  EXPECT_EQ(stats.span_live, 0);
}

TEST(HeldTrace, IsExportedWholeOnceAnySpanAsks) {
  Recorded recorded(never());
  {
    Span root = recorded.tracer.start_span("root", {.hold_unsampled = true});
    recorded.tracer.start_span("before", {.parent = root.context()}).end();
    Span blocked = recorded.tracer.start_span("blocked", {.parent = root.context()});
    blocked.keep_trace();
    EXPECT_EQ(recorded.spans().size(), 1u);  // what was held goes out at once
    blocked.end();
    Span after = recorded.tracer.start_span("after", {.parent = blocked.context()});
    EXPECT_TRUE(after.context().is_sampled());  // so that a service called from here records too
    recorded.tracer.start_span("below", {.parent = after.context()}).end();
    after.end();
  }
  std::vector<std::string> names;
  for (const otlp::Span& span : recorded.spans()) names.push_back(span.name);
  EXPECT_EQ(names, (std::vector<std::string>{"before", "blocked", "below", "after", "root"}));
}

TEST(HeldTrace, OfARemoteParentIsHeldToo) {
  Recorded recorded(never());
  const Context remote =
      extract({{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}, {"tracestate", "a=1"}},
              {Propagator::tracecontext});
  {
    Span root = recorded.tracer.start_span("root", {.parent = remote, .hold_unsampled = true});
    const Context context = with_baggage(root.context(), {{"k", "v"}});  // does not cut the tie
    Span child = recorded.tracer.start_span("child", {.parent = context});
    child.keep_trace();
  }
  const auto spans = recorded.spans();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].trace_state, "a=1");
}

TEST(HeldTrace, TooLargeToHoldIsExported) {
  Recorded recorded(never());
  {
    Span root = recorded.tracer.start_span("root", {.hold_unsampled = true});
    for (std::size_t i = 0; i < Retention::kHeldSpansMax; ++i) {
      recorded.tracer.start_span("child", {.parent = root.context()}).end();
    }
  }
  EXPECT_EQ(recorded.spans().size(), Retention::kHeldSpansMax + 1);
}

TEST(HeldTrace, ThatIsSampledAnywayIsExportedAsItEnds) {
  Recorded recorded;
  Span root = recorded.tracer.start_span("root", {.hold_unsampled = true});
  recorded.tracer.start_span("child", {.parent = root.context()}).end();
  EXPECT_EQ(recorded.spans().size(), 1u);
  root.keep_trace();
}

TEST(HeldTrace, WhoseRootIsDiscardedIsLetGoUnlessKept) {
  for (const bool is_kept : {false, true}) {
    Recorded recorded(never());
    Span root = recorded.tracer.start_span("root", {.hold_unsampled = true});
    recorded.tracer.start_span("child", {.parent = root.context()}).end();
    if (is_kept) root.keep_trace();  // as a run does that pauses
    root.discard();
    EXPECT_EQ(recorded.spans().size(), is_kept ? 1u : 0u);
    EXPECT_EQ(recorded.provider->stats().span_live, 0);
  }
}

TEST(HeldTrace, MayEndOnManyThreads) {
  Recorded recorded(never());
  std::size_t kept = 0;
  for (int run = 0; run < 100; ++run) {
    Span root = recorded.tracer.start_span("root", {.hold_unsampled = true});
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        Span child = recorded.tracer.start_span("child", {.parent = root.context()});
        if (t == 1 && run % 2 == 0) child.keep_trace();
      });
    }
    for (std::thread& thread : threads) thread.join();
    root.end();
    if (run % 2 == 0) kept += 4;
  }
  EXPECT_EQ(recorded.spans().size(), kept);
  EXPECT_EQ(recorded.provider->stats().span_live, 0);
  EXPECT_EQ(recorded.provider->stats().not_recorded, 400 - kept);
}

TEST(HeldTrace, LeftWhenItsProviderIsGoneIsFreed) {
  Span root;
  {
    Recorded recorded(never());
    root = recorded.tracer.start_span("root", {.hold_unsampled = true});
    recorded.tracer.start_span("child", {.parent = root.context()}).end();
  }
  root.keep_trace();
  root.end();
}

}  // namespace
}  // namespace meshflow::telemetry::test
