#include "meshflow/telemetry/span.hpp"

#include <string>

#include "base/clock.hpp"
#include "recorded.hpp"

namespace meshflow::telemetry::test {
namespace {

using otlp::KeyValue;

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
  EXPECT_EQ(
      span.attributes,
      (otlp::KeyValueList{{"text", text("value")}, {"truth", any(true)}, {"count", number(-7)}, {"ratio", any(0.25)}}));
  EXPECT_EQ(span.status, (otlp::Status{"broken", otlp::StatusCode::error}));
}

TEST(Span, KeepsAttributesOfEveryType) {
  Recorded recorded;
  const AttributeValue nested{AttributeMap{{"list", AttributeArray{"a", true, 1, 0.5, AttributeValue()}},
                                           {"raw", Bytes{std::string("\x00\xFF", 2)}}}};
  recorded.tracer.start_span("s").set_attribute("nested", nested).set_attribute("empty", AttributeValue());
  const otlp::Span span = recorded.only_span();
  const otlp::ArrayValue list{text("a"), any(true), number(1), any(0.5), {}};
  EXPECT_EQ(value_of(span.attributes, "nested"),
            any(otlp::KeyValueList{{"list", any(list)}, {"raw", any(otlp::Bytes{std::string("\x00\xFF", 2)})}}));
  EXPECT_EQ(value_of(span.attributes, "empty"), otlp::AnyValue{});
}

TEST(Span, TheLastWriteToAKeyWinsAndKeepsItsPosition) {
  Recorded recorded;
  {
    Span span = recorded.tracer.start_span("s");
    for (const char* key : {"a", "b", "c", "d"}) span.set_attribute(key, "12345");
    span.add_event("between");
    span.set_attribute("a", "54321");                     // the same size
    span.set_attribute("b", std::string(3000, 'x'));      // longer, past one-byte lengths and the storage in place
    span.set_attribute("c", true);                        // shorter, another type
    span.set_attribute("b", "");                          // and back
    span.set_attribute("d", AttributeArray{"q"});
    span.set_attribute("e", 5);
    span.set_attribute("c", 0.5);
  }
  const otlp::Span span = recorded.only_span();
  EXPECT_EQ(span.attributes, (otlp::KeyValueList{{"a", text("54321")},
                                                 {"b", text("")},
                                                 {"c", any(0.5)},
                                                 {"d", any(otlp::ArrayValue{text("q")})},
                                                 {"e", number(5)}}));
  ASSERT_EQ(span.events.size(), 1u);
  EXPECT_EQ(span.events[0].name, "between");
  EXPECT_EQ(span.dropped_attributes_count, 0u);
}

TEST(Span, TellsManyKeysApart) {
  Recorded recorded;
  {
    Span span = recorded.tracer.start_span("s");
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 128; ++i)
        span.set_attribute("the.same.prefix." + std::to_string(i) + ".the.same.suffix", i + round);
    }
  }
  const otlp::Span span = recorded.only_span();
  ASSERT_EQ(span.attributes.size(), 128u);
  for (int i = 0; i < 128; ++i) {
    EXPECT_EQ(span.attributes[static_cast<std::size_t>(i)],
              (KeyValue{"the.same.prefix." + std::to_string(i) + ".the.same.suffix", number(i + 1)}));
  }
}

TEST(Span, OfEveryLengthOfTextIsWhole) {
  Recorded recorded;
  {
    Span span = recorded.tracer.start_span("s");
    for (std::size_t size = 0; size < 120; ++size)
      span.set_attribute("k" + std::to_string(size), std::string(size, 'v'));
    span.set_attribute(std::string(200, 'k'), std::string(20'000, 'v'));
  }
  const otlp::Span span = recorded.only_span();
  ASSERT_EQ(span.attributes.size(), 121u);
  for (std::size_t size = 0; size < 120; ++size) {
    EXPECT_EQ(span.attributes[size], (KeyValue{"k" + std::to_string(size), text(std::string(size, 'v'))}));
  }
  EXPECT_EQ(value_of(span.attributes, std::string(200, 'k')), text(std::string(20'000, 'v')));
}

TEST(Span, IgnoresWhatComesAfterItsEnd) {
  Recorded recorded;
  Span span = recorded.tracer.start_span("before");
  const Context context = span.context();
  span.end();
  EXPECT_FALSE(span.is_recording());
  const std::int64_t duration = span.duration_nanos();
  span.set_attribute("a", 1).add_event("e").add_link({context}).set_status(StatusCode::error).update_name("after");
  span.record_exception("type", "message");
  span.discard();
  span.end(1);
  EXPECT_EQ(span.context().span_id, context.span_id);
  EXPECT_EQ(span.duration_nanos(), duration);
  const otlp::Span recorded_span = recorded.only_span();
  EXPECT_EQ(recorded_span.name, "before");
  EXPECT_TRUE(recorded_span.attributes.empty() && recorded_span.events.empty() && recorded_span.links.empty());
  EXPECT_EQ(recorded_span.status, otlp::Status{});
}

TEST(Span, OfNoProviderRecordsNothing) {
  Span span;
  span.set_attribute("a", 1).add_event("e").update_name("n");
  span.end();
  EXPECT_FALSE(span.is_recording());
  EXPECT_FALSE(span.context().is_valid());
  EXPECT_EQ(Tracer().start_span("s").is_recording(), false);
}

TEST(Span, MovesWhole) {
  Recorded recorded;
  {
    Span first = recorded.tracer.start_span("first");
    Span second = std::move(first);
    EXPECT_FALSE(first.is_recording());
    first.set_attribute("lost", true);
    first.end();
    second.set_attribute("kept", true);
    second = recorded.tracer.start_span("third");  // ends what it replaces
  }
  const auto spans = recorded.spans();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].name, "first");
  EXPECT_EQ(spans[0].attributes, (otlp::KeyValueList{{"kept", any(true)}}));
  EXPECT_EQ(spans[1].name, "third");
}

otlp::Status status_after(const std::vector<std::pair<StatusCode, std::string>>& calls) {
  Recorded recorded;
  {
    Span span = recorded.tracer.start_span("s");
    for (const auto& [code, description] : calls) span.set_status(code, description);
  }
  return recorded.only_span().status;
}

TEST(SpanStatus, OkBeatsErrorBeatsUnset) {
  using enum StatusCode;
  const otlp::Status fine{"", otlp::StatusCode::ok};
  EXPECT_EQ(status_after({}), otlp::Status{});
  EXPECT_EQ(status_after({{error, "a"}, {unset, "b"}}), (otlp::Status{"a", otlp::StatusCode::error}));
  EXPECT_EQ(status_after({{error, "a"}, {error, "b"}}), (otlp::Status{"b", otlp::StatusCode::error}));
  EXPECT_EQ(status_after({{error, "a"}, {ok, "b"}}), fine);  // a description belongs to an error only
  EXPECT_EQ(status_after({{ok, ""}, {error, "late"}, {unset, ""}}), fine);
}

TEST(Span, TakesAnotherNameOfAnyLength) {
  for (const std::string& name :
       {std::string("n"), std::string("of the same size"), std::string(5000, 'n'), std::string()}) {
    Recorded recorded;
    {
      Span span = recorded.tracer.start_span("sixteen letters.");
      span.set_attribute("a", 1).update_name(name).set_attribute("b", 2).set_attribute("a", "longer than before");
      span.update_name(name);
    }
    const otlp::Span span = recorded.only_span();
    EXPECT_EQ(span.name, name);
    EXPECT_EQ(span.attributes, (otlp::KeyValueList{{"a", text("longer than before")}, {"b", number(2)}}));
  }
}

TEST(SpanTime, IsTheClocks) {
  ManualClock clock(1'000'000, 500);
  Recorded recorded({.clock = &clock});
  Span span = recorded.tracer.start_span("s");
  clock.advance(30);
  EXPECT_EQ(span.duration_nanos(), 30);
  span.add_event("e");
  clock.advance(12);
  span.end();
  EXPECT_EQ(span.duration_nanos(), 42);
  const otlp::Span decoded_span = recorded.only_span();
  EXPECT_EQ(decoded_span.start_time_unix_nano, 1'000'000u);
  EXPECT_EQ(decoded_span.events.at(0).time_unix_nano, 1'000'030u);
  EXPECT_EQ(decoded_span.end_time_unix_nano, 1'000'042u);
}

TEST(SpanTime, OfAChildNeverOutlastsItsParentWhenTheWallClockSteps) {
  for (const std::int64_t step : {-1'000'000'000, 1'000'000'000}) {
    ManualClock clock;
    Recorded recorded({.clock = &clock});
    {
      Span parent = recorded.tracer.start_span("parent");
      clock.advance(10);
      clock.step_wall(step);
      Span child = recorded.tracer.start_span("child", {.parent = parent.context()});
      clock.advance(10);
      clock.step_wall(-2 * step);
      child.end();
      clock.advance(10);
    }
    const auto spans = recorded.spans();
    ASSERT_EQ(spans.size(), 2u);
    const otlp::Span& child = spans[0];
    const otlp::Span& parent = spans[1];
    EXPECT_EQ(child.start_time_unix_nano, parent.start_time_unix_nano + 10);
    EXPECT_EQ(child.end_time_unix_nano, parent.start_time_unix_nano + 20);
    EXPECT_EQ(parent.end_time_unix_nano, parent.start_time_unix_nano + 30);
  }
}

TEST(SpanTime, MayBeGivenByTheCaller) {
  Recorded recorded;
  Span span = recorded.tracer.start_span("s", {.start_unix_nanos = 1'000});
  EXPECT_EQ(span.start_unix_nanos(), 1'000);
  span.add_event("e", {}, 1'500);
  span.end(3'000);
  EXPECT_EQ(span.duration_nanos(), 2'000);
  Span backwards = recorded.tracer.start_span("b", {.start_unix_nanos = 1'000});
  backwards.end(500);
  EXPECT_EQ(backwards.duration_nanos(), 0);
  const auto spans = recorded.spans();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].start_time_unix_nano, 1'000u);
  EXPECT_EQ(spans[0].events.at(0).time_unix_nano, 1'500u);
  EXPECT_EQ(spans[0].end_time_unix_nano, 3'000u);
  EXPECT_EQ(spans[1].end_time_unix_nano, 1'000u);
}

TEST(SpanTime, OfASpanThatAnotherProcessBeganCountsFromItsStart) {
  ManualClock clock(5'000'000, 100);
  Recorded recorded({.clock = &clock});
  Span span = recorded.tracer.start_span("resumed", {.start_unix_nanos = 1'000'000});
  clock.advance(7);
  EXPECT_EQ(span.duration_nanos(), 4'000'007);
}

TEST(Span, KeepsEventsAndExceptions) {
  Recorded recorded;
  {
    Span span = recorded.tracer.start_span("s");
    const std::vector<Attribute> attributes{{"k", 1}, {"l", "x"}, {"k", 2}};
    span.add_event("named", attributes, 77);
    span.record_exception("std::runtime_error", "it broke");
  }
  const otlp::Span span = recorded.only_span();
  ASSERT_EQ(span.events.size(), 2u);
  EXPECT_EQ(span.events[0], (otlp::Event{77, "named", {{"k", number(2)}, {"l", text("x")}}, 0}));
  EXPECT_EQ(span.events[1].name, "exception");
  EXPECT_EQ(span.events[1].attributes, (otlp::KeyValueList{{"exception.type", text("std::runtime_error")},
                                                           {"exception.message", text("it broke")}}));
  EXPECT_EQ(span.status, otlp::Status{});  // an exception does not change the status
}

TEST(Span, KeepsLinksOfItsStartAndLater) {
  Recorded recorded;
  const Context remote =
      extract({{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, {"tracestate", "a=1"}},
              {Propagator::tracecontext});
  const Context local = recorded.tracer.start_span("other").context();
  const std::vector<Link> links{{remote, {{"k", "v"}}}};
  recorded.tracer.start_span("s", {.links = links}).add_link({local});
  const otlp::Span span = recorded.spans().at(1);
  ASSERT_EQ(span.links.size(), 2u);
  EXPECT_EQ(span.links[0],
            (otlp::Link{remote.trace_id.bytes, remote.span_id.bytes, "a=1", {{"k", text("v")}}, 0, 0x301}));
  EXPECT_EQ(span.links[1], (otlp::Link{local.trace_id.bytes, local.span_id.bytes, "", {}, 0, 0x103}));
}

TEST(SpanLimits, CountWhatTheyDrop) {
  Recorded recorded({.limits = {.attribute_count = 2,
                                .event_count = 1,
                                .link_count = 1,
                                .event_attribute_count = 1,
                                .link_attribute_count = 1}});
  {
    Span span = recorded.tracer.start_span("s");
    span.set_attribute("a", 1).set_attribute("b", 2).set_attribute("c", 3).set_attribute("d", AttributeArray{1});
    span.set_attribute("a", 4);  // a key that is there may still be written
    const std::vector<Attribute> attributes{{"x", 1}, {"y", 2}, {"x", 3}};
    for (int i = 0; i < 3; ++i) span.add_event("e", attributes);
    for (int i = 0; i < 4; ++i) span.add_link({span.context(), attributes});
  }
  const otlp::Span span = recorded.only_span();
  EXPECT_EQ(span.attributes, (otlp::KeyValueList{{"a", number(4)}, {"b", number(2)}}));
  EXPECT_EQ(span.dropped_attributes_count, 2u);
  ASSERT_EQ(span.events.size(), 1u);
  EXPECT_EQ(span.events[0].attributes, (otlp::KeyValueList{{"x", number(3)}}));
  EXPECT_EQ(span.events[0].dropped_attributes_count, 1u);
  EXPECT_EQ(span.dropped_events_count, 2u);
  ASSERT_EQ(span.links.size(), 1u);
  EXPECT_EQ(span.links[0].attributes, (otlp::KeyValueList{{"x", number(3)}}));
  EXPECT_EQ(span.links[0].dropped_attributes_count, 1u);
  EXPECT_EQ(span.dropped_links_count, 3u);
}

TEST(SpanLimits, CutValuesByCharactersWithoutCuttingOne) {
  Recorded recorded({.limits = {.attribute_value_length = 3}});
  {
    Span span = recorded.tracer.start_span("a name is not cut");
    span.set_attribute("ascii", "abcdef").set_attribute("wide", "äöüß").set_attribute("fits", "äöü");
    span.set_attribute("array", AttributeArray{"abcd", 12345, AttributeArray{"efgh"}});
    span.set_attribute("map", AttributeMap{{"a long key", "ijkl"}})
        .set_attribute("bytes", AttributeValue(Bytes{"mnop"}));
    const std::vector<Attribute> attributes{{"k", "qrst"}};
    span.add_event("e", attributes);
  }
  const otlp::Span span = recorded.only_span();
  EXPECT_EQ(span.name, "a name is not cut");
  EXPECT_EQ(span.attributes,
            (otlp::KeyValueList{
                {"ascii", text("abc")},
                {"wide", text("äöü")},
                {"fits", text("äöü")},
                {"array", any(otlp::ArrayValue{text("abc"), number(12345), any(otlp::ArrayValue{text("efg")})})},
                {"map", any(otlp::KeyValueList{{"a long key", text("ijk")}})},
                {"bytes", any(otlp::Bytes{"mno"})}}));
  EXPECT_EQ(span.events.at(0).attributes, (otlp::KeyValueList{{"k", text("qrs")}}));
  EXPECT_EQ(span.dropped_attributes_count, 0u);
}

TEST(Span, MakesInvalidUtf8Valid) {
  Recorded recorded;
  {
    Span span = recorded.tracer.start_span("n\xFF");
    span.set_attribute("k\xC0", "v\xFF").set_attribute("array", AttributeArray{"\x80"});
    const std::vector<Attribute> attributes{{"e\xFF", "\xFF"}};
    span.add_event("event\xFF", attributes).set_status(StatusCode::error, "s\xFF");
  }
  const auto bytes = recorded.store;
  const otlp::Span span = recorded.only_span();
  EXPECT_EQ(otlp::decode_span(bytes->spans().at(0))->stats.replaced_utf8, 0u);  // nothing is left to replace
  EXPECT_EQ(span.name, "n\uFFFD");
  EXPECT_EQ(span.attributes,
            (otlp::KeyValueList{{"k\uFFFD", text("v\uFFFD")}, {"array", any(otlp::ArrayValue{text("\uFFFD")})}}));
  EXPECT_EQ(span.events.at(0).name, "event\uFFFD");
  EXPECT_EQ(span.events.at(0).attributes, (otlp::KeyValueList{{"e\uFFFD", text("\uFFFD")}}));
  EXPECT_EQ(span.status.message, "s\uFFFD");
}

TEST(Span, DropsAttributesWithoutAKey) {
  Recorded recorded;
  recorded.tracer.start_span("s").set_attribute("", 1).set_attribute("", "x");
  EXPECT_EQ(recorded.only_span().dropped_attributes_count, 2u);
}

TEST(Span, StaysBelowItsLimitOfBytesWhateverIsSet) {
  Recorded recorded;
  {
    Span span = recorded.tracer.start_span(std::string(1'000'000, 'n'));
    span.set_attribute("fits", std::string(1'000'000, 'v'));
    span.set_attribute("huge", std::string(100'000'000, 'v'));
    const std::vector<Attribute> attributes{{"huge", std::string(100'000'000, 'v')}};
    span.add_event("huge", attributes).add_link({span.context(), attributes});
    for (int i = 0; i < 10; ++i) span.set_attribute("more" + std::to_string(i), std::string(500'000, 'v'));
    span.set_status(StatusCode::error, std::string(1'000'000, 's')).update_name(std::string(1'000'000, 'm'));
  }
  const otlp::Span span = recorded.only_span();
  EXPECT_LT(recorded.store->spans().at(0).size(), std::size_t{4} << 20);
  EXPECT_EQ(value_of(span.attributes, "fits"), text(std::string(1'000'000, 'v')));
  EXPECT_EQ(span.attributes.size(), 5u);              // 1 + 4 × 0.5 million bytes, below 3 MiB
  EXPECT_EQ(span.dropped_attributes_count, 7u);       // one huge, six of the ten
  EXPECT_EQ(span.dropped_events_count, 1u);
  EXPECT_EQ(span.dropped_links_count, 1u);
  EXPECT_EQ(span.name, std::string(16 * 1024, 'm'));
  EXPECT_EQ(span.status.message, std::string(16 * 1024, 's'));
}

TEST(Span, LeavesOutWhatIsNestedTooDeep) {
  AttributeValue value("innermost");
  for (int depth = 0; depth < 100; ++depth) value = AttributeArray{std::move(value)};
  Recorded recorded;
  recorded.tracer.start_span("s").set_attribute("deep", value).set_attribute("after", 1);
  const otlp::Span span = recorded.only_span();  // which decodes: its reader takes 32 levels
  const otlp::AnyValue deep = value_of(span.attributes, "deep");
  const otlp::AnyValue* level = &deep;
  int levels = 0;
  while (const auto* array = std::get_if<otlp::ArrayValue>(&level->value)) {
    ++levels;
    if (array->empty()) break;
    level = &array->front();
  }
  EXPECT_EQ(levels, 32);
  EXPECT_EQ(value_of(span.attributes, "after"), number(1));
}

TEST(SpanIdentity, IsInheritedFromTheParent) {
  Recorded recorded;
  Span parent = recorded.tracer.start_span("parent");
  Span child = recorded.tracer.start_span("child", {.parent = parent.context()});
  EXPECT_EQ(child.context().trace_id, parent.context().trace_id);
  EXPECT_NE(child.context().span_id, parent.context().span_id);
  EXPECT_FALSE(child.context().is_remote);
  EXPECT_EQ(child.context().local_root_start_unix_nanos, parent.start_unix_nanos());
  child.end();
  const otlp::Span span = recorded.only_span();
  EXPECT_EQ(span.parent_span_id, parent.context().span_id.bytes);
  EXPECT_EQ(span.flags, 0x103u);
}

TEST(SpanIdentity, OfARemoteParentIsContinuedWithItsState) {
  Recorded recorded;
  const Context remote = extract({{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                                  {"tracestate", "a=1"},
                                  {"baggage", "user=me"}},
                                 {Propagator::tracecontext, Propagator::baggage});
  {
    Span span = recorded.tracer.start_span("s", {.parent = remote});
    Span child = recorded.tracer.start_span("c", {.parent = span.context()});
    EXPECT_EQ(baggage_of(child.context()), (Baggage{{"user", "me"}}));
    Carrier carrier;
    inject(child.context(), carrier, {Propagator::tracecontext});
    EXPECT_EQ(carrier["tracestate"], "a=1");
    EXPECT_EQ(carrier["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-" + child.context().span_id.hex() + "-01");
  }
  const auto spans = recorded.spans();
  ASSERT_EQ(spans.size(), 2u);
  const otlp::Span& span = spans[1];
  EXPECT_EQ(span.trace_id, remote.trace_id.bytes);
  EXPECT_EQ(span.parent_span_id, remote.span_id.bytes);
  EXPECT_EQ(span.flags, 0x301u);  // sampled, and the parent is remote
  EXPECT_EQ(span.trace_state, "a=1");
  EXPECT_EQ(spans[0].flags, 0x101u);
  EXPECT_EQ(spans[0].trace_state, "a=1");
}

TEST(SpanIdentity, MayBeGivenByTheCaller) {
  Recorded recorded;
  const SpanId span_id = *SpanId::parse("00f067aa0ba902b7");
  const TraceId trace_id = *TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736");
  recorded.tracer.start_span("root", {.span_id = span_id, .trace_id = trace_id}).end();
  const Context parent = recorded.tracer.start_span("parent").context();
  recorded.tracer.start_span("child", {.parent = parent, .span_id = span_id, .trace_id = trace_id}).end();
  const auto spans = recorded.spans();
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].trace_id, trace_id.bytes);
  EXPECT_EQ(spans[0].span_id, span_id.bytes);
  EXPECT_EQ(spans[0].flags, 0x101u);  // nobody vouches for the given id's randomness
  EXPECT_EQ(spans[2].trace_id, parent.trace_id.bytes);
  EXPECT_EQ(spans[2].span_id, span_id.bytes);
}

TEST(Span, ThatIsDiscardedIsNotExported) {
  Recorded recorded;
  Span span = recorded.tracer.start_span("paused");
  span.discard();
  EXPECT_FALSE(span.is_recording());
  span.end();
  EXPECT_TRUE(recorded.spans().empty());
  const TelemetryStats stats = recorded.provider->stats();
  EXPECT_EQ(stats.span_started, 1u);
  EXPECT_EQ(stats.discarded, 1u);
  EXPECT_EQ(stats.span_live, 0);
}

}  // namespace
}  // namespace meshflow::telemetry::test
