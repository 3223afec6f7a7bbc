// Spans that have begun: how long they are known, and what they cost.
#include "server/live_spans.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshflow::server {
namespace {

using telemetry::SpanStart;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

otlp::TraceId trace(std::uint8_t number) { return {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number}; }

SpanStart span(std::uint8_t trace_number, std::uint8_t number, std::uint64_t start = 1'000) {
  SpanStart made;
  made.trace_id = trace(trace_number);
  made.span_id = {0, 0, 0, 0, 0, 0, 0, number};
  made.start_unix_nanos = start;
  made.name = "work " + std::to_string(number);
  return made;
}

otlp::SpanKey key(const SpanStart& of) { return key_of(of.trace_id, of.span_id); }

std::vector<std::string> names(const LiveSpans& live, std::uint8_t trace_number) {
  std::vector<std::string> found;
  for (const SpanStart& each : live.of(trace(trace_number), 100).spans) found.push_back(each.name);
  return found;
}

TEST(LiveSpans, AreThereFromTheirStartToTheirArrival) {
  LiveSpans live;
  EXPECT_THAT(live.begin({span(1, 2, 20), span(1, 1, 10), span(2, 3)}), SizeIs(3));
  EXPECT_THAT(names(live, 1), ElementsAre("work 1", "work 2")) << "by their start";
  const std::vector<otlp::SpanKey> arrived{key(span(1, 1)), {}};
  live.arrived(arrived);
  EXPECT_THAT(names(live, 1), ElementsAre("work 2"));
  EXPECT_THAT(names(live, 2), ElementsAre("work 3"));
  EXPECT_THAT(names(live, 3), IsEmpty());
}

TEST(LiveSpans, AnEventThatComesAfterItsSpanIsLate) {
  LiveSpans live;
  (void)live.begin({span(9, 9)});  // from here on arrivals are remembered
  const std::vector<otlp::SpanKey> arrived{key(span(1, 1))};
  live.arrived(arrived);
  EXPECT_THAT(live.begin({span(1, 1)}), IsEmpty());
  EXPECT_THAT(names(live, 1), IsEmpty());
}

TEST(LiveSpans, TheSameEventTwiceIsOneSpan) {
  LiveSpans live;
  EXPECT_THAT(live.begin({span(1, 1)}), SizeIs(1));
  EXPECT_THAT(live.begin({span(1, 1)}), IsEmpty());
  EXPECT_THAT(names(live, 1), SizeIs(1));
}

TEST(LiveSpans, TheOldestGoPastTheLimits) {
  ManualClock clock;
  LiveSpans few({.spans_max = 2}, clock);
  (void)few.begin({span(1, 1), span(1, 2), span(1, 3)});
  EXPECT_THAT(names(few, 1), ElementsAre("work 2", "work 3"));
  EXPECT_EQ(few.stats().forgotten, 1U);

  LiveSpans small({.bytes_max = 10'000}, clock);
  SpanStart large = span(1, 1);
  large.name = std::string(9'000, 'x');
  (void)small.begin({large});
  EXPECT_EQ(small.stats().open, 1U);
  (void)small.begin({span(1, 2), span(1, 3), span(1, 4)});
  EXPECT_THAT(names(small, 1), ElementsAre("work 2", "work 3", "work 4"));

  LiveSpans aging({.age_max = std::chrono::hours(1)}, clock);
  (void)aging.begin({span(1, 1)});
  clock.advance(std::chrono::nanoseconds(std::chrono::hours(1)).count());
  (void)aging.begin({span(2, 2)});
  EXPECT_THAT(names(aging, 1), IsEmpty());
  EXPECT_THAT(names(aging, 2), ElementsAre("work 2"));
  EXPECT_EQ(aging.stats().open, 1U);
}

TEST(LiveSpans, ManyOfATraceAreCutAndCounted) {
  LiveSpans live;
  (void)live.begin({span(1, 1, 1), span(1, 2, 2), span(1, 3, 3)});
  const auto found = live.of(trace(1), 2);
  EXPECT_THAT(found.spans, SizeIs(2));
  EXPECT_EQ(found.total, 3U);
}

}  // namespace
}  // namespace meshflow::server
