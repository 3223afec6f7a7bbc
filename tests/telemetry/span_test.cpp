#include "meshflow/telemetry/span.hpp"

#include <thread>

#include "base/clock.hpp"
#include "recorded.hpp"

namespace meshflow::telemetry::test {
namespace {

TEST(Span, CarriesWhatItWasGiven) {
  Recorded recorded;
  Context context;
  {
    Span span = recorded.tracer.start_span("work", {.kind = SpanKind::client});
    EXPECT_TRUE(span.is_recording());
    context = span.context();
    span.set_attribute("text", "value")
        .set_attribute("truth", true)
        .set_attribute("count", -7)
        .set_attribute("ratio", 0.25)
        .set_status(StatusCode::error, "broken");
  }
  const otlp::Span span = recorded.only_span();
  EXPECT_EQ(span.trace_id, context.trace_id.bytes);
  EXPECT_EQ(span.span_id, context.span_id.bytes);
  EXPECT_FALSE(otlp::is_set(span.parent_span_id));
  EXPECT_EQ(span.name, "work");
  EXPECT_EQ(span.kind, otlp::SpanKind::client);
  EXPECT_EQ(span.flags, 0x103u);  // sampled, random, and the parent is known not to be remote
  EXPECT_GE(span.end_time_unix_nano, span.start_time_unix_nano);
  ASSERT_EQ(span.attributes.size(), 4u);
  EXPECT_EQ(span.attributes[0], (otlp::KeyValue{"text", text("value")}));
  EXPECT_EQ(span.attributes[1], (otlp::KeyValue{"truth", any(true)}));
  EXPECT_EQ(span.attributes[2], (otlp::KeyValue{"count", number(-7)}));
  EXPECT_EQ(span.attributes[3], (otlp::KeyValue{"ratio", any(0.25)}));
  EXPECT_EQ(span.status, (otlp::Status{"broken", otlp::StatusCode::error}));
}

}  // namespace
}  // namespace meshflow::telemetry::test
