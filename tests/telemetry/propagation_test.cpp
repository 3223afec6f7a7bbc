#include <gtest/gtest.h>

#include "meshflow/telemetry/context.hpp"

namespace meshflow::telemetry {
namespace {

const std::vector<Propagator> kW3c{Propagator::tracecontext, Propagator::baggage};
constexpr const char* kTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr const char* kSpanId = "00f067aa0ba902b7";

Context from_trace_parent(const std::string& value) { return extract({{"traceparent", value}}, kW3c); }

TEST(TraceParent, IsReadInAnyCaseOfItsName) {
  for (const char* name : {"traceparent", "Traceparent", "TRACEPARENT"}) {
    const Context context = extract({{name, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}, kW3c);
    ASSERT_TRUE(context.is_valid()) << name;
    EXPECT_EQ(context.trace_id.hex(), kTraceId);
    EXPECT_EQ(context.span_id.hex(), kSpanId);
    EXPECT_TRUE(context.is_sampled());
    EXPECT_TRUE(context.is_remote);
  }
}

TEST(TraceParent, KeepsTheFlagsThatLevel2Knows) {
  EXPECT_EQ(from_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff").trace_flags, 3);
  EXPECT_EQ(from_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02").trace_flags, 2);
  EXPECT_EQ(from_trace_parent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03").trace_flags, 1);
}

TEST(TraceParent, OfALaterVersionMayHaveMoreFields) {
  EXPECT_TRUE(from_trace_parent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").is_valid());
  EXPECT_TRUE(from_trace_parent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes").is_valid());
  EXPECT_FALSE(from_trace_parent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what").is_valid());
}

TEST(TraceParent, ThatIsMalformedIsAsAbsent) {
  for (const char* value : {
           "",
           "00",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",         // the version that is none
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",       // version 00 has four fields
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",          // too short
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",         // upper case
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
           "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0G",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",         // zero ids
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01",
       }) {
    EXPECT_FALSE(from_trace_parent(value).is_valid()) << value;
  }
}

TEST(TraceParent, GivenTwiceIsAsAbsent) {
  EXPECT_FALSE(extract({{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                        {"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01"}},
                       kW3c)
                   .is_valid());
}

std::string state_of(const std::string& header) {
  const Context context = extract(
      {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, {"tracestate", header}}, kW3c);
  EXPECT_TRUE(context.is_valid()) << "a bad tracestate must not cost the parent";
  return std::string(trace_state_of(context));
}

TEST(TraceState, KeepsValidEntriesInOrder) {
  EXPECT_EQ(state_of("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"), "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
  EXPECT_EQ(state_of(" a=1 ,\t, 0t@vendor=x y "), "a=1,0t@vendor=x y");
}

TEST(TraceState, KeepsTheFirstOfTwoEntriesWithOneKey) { EXPECT_EQ(state_of("a=1,b=2,a=3"), "a=1,b=2"); }

TEST(TraceState, ThatIsMalformedIsDroppedWhole) {
  for (const char* header : {"a", "A=1", "=1", "a=", "a=b=c", "a=1,b", "a =1", "a=\x01"})
    EXPECT_EQ(state_of(header), "");
}

TEST(TraceState, PastItsLimitsIsDroppedWhole) {
  std::string entries;
  for (int i = 0; i < 32; ++i) entries += (i > 0 ? ",k" : "k") + std::to_string(i) + "=v";
  EXPECT_EQ(state_of(entries), entries);
  EXPECT_EQ(state_of(entries + ",more=v"), "");
  EXPECT_EQ(state_of("a=" + std::string(256, 'x')), "a=" + std::string(256, 'x'));
  EXPECT_EQ(state_of("a=" + std::string(257, 'x')), "");
  EXPECT_EQ(state_of("a=" + std::string(250, 'x') + ",b=" + std::string(250, 'x') + ",c=1234567"), "");  // 515 bytes
}

TEST(TraceContext, IsWrittenAsItWasRead) {
  const Carrier in{{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"},
                   {"tracestate", "a=1,b=2"},
                   {"baggage", "user=Am%C3%A9lie,empty="}};
  Carrier out;
  inject(extract(in, kW3c), out, kW3c);
  EXPECT_EQ(out, in);
}

TEST(TraceContext, OfAnInvalidContextIsNotWritten) {
  Carrier out;
  inject(with_baggage({}, {{"a", "b"}}), out, kW3c);
  EXPECT_TRUE(out.empty());
}

TEST(BaggageHeader, IsReadByItself) {
  const Context context = extract({{"Baggage", " a = 1 ;property=x, b=%E2%82%AC , c=1=2"}}, kW3c);
  EXPECT_FALSE(context.is_valid());
  EXPECT_EQ(baggage_of(context), (Baggage{{"a", "1"}, {"b", "€"}, {"c", "1=2"}}));
}

TEST(BaggageHeader, LeavesMalformedEntriesOutAndMakesTextValid) {
  const Context context = extract({{"baggage", "good=1,bad key=2,noequals,=3,quote=\",x=%FF,y=100%,good=4"}}, kW3c);
  EXPECT_EQ(baggage_of(context), (Baggage{{"good", "4"}, {"x", "\uFFFD"}, {"y", "100%"}}));
}

TEST(BaggageHeader, PastItsLimitsIsDroppedWhole) {
  std::string entries;
  for (int i = 0; i < 64; ++i) entries += "k" + std::to_string(i) + "=v,";
  EXPECT_EQ(baggage_of(extract({{"baggage", entries}}, kW3c)).size(), 64u);
  EXPECT_TRUE(baggage_of(extract({{"baggage", entries + "more=v"}}, kW3c)).empty());
  EXPECT_EQ(baggage_of(extract({{"baggage", "a=" + std::string(8190, 'x')}}, kW3c)).size(), 1u);
  EXPECT_TRUE(baggage_of(extract({{"baggage", "a=" + std::string(8191, 'x')}}, kW3c)).empty());
}

TEST(BaggageHeader, IsNeverWrittenPastItsLimits) {
  Context context = from_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  Carrier out;
  inject(with_baggage(context, {{"a", std::string(5000, 'x')}, {"b", std::string(5000, 'y')}, {"bad key", "z"}}), out,
         kW3c);
  EXPECT_EQ(out["baggage"], "a=" + std::string(5000, 'x'));
}

const std::vector<Propagator> kB3{Propagator::b3};
const std::vector<Propagator> kB3Multi{Propagator::b3multi};

TEST(B3, ReadsTheSingleHeader) {
  Context context = extract({{"b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90"}}, kB3);
  EXPECT_EQ(context.trace_id.hex(), kTraceId);
  EXPECT_EQ(context.span_id.hex(), kSpanId);
  EXPECT_TRUE(context.is_sampled());
  EXPECT_TRUE(context.is_remote);
  EXPECT_FALSE(extract({{"b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"}}, kB3).is_sampled());
  EXPECT_FALSE(extract({{"b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"}}, kB3).is_sampled());
  EXPECT_EQ(extract({{"b3", "a3ce929d0e0e4736-00f067aa0ba902b7-1"}}, kB3).trace_id.hex(),
            "0000000000000000a3ce929d0e0e4736");
}

TEST(B3, ThatIsMalformedIsAsAbsent) {
  for (const char* value : {"0", "", "4bf9-00f067aa0ba902b7-1", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-x",
                            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-zz",
                            "4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-1"}) {
    EXPECT_FALSE(extract({{"b3", value}}, kB3).is_valid()) << value;
  }
}

TEST(B3, ReadsTheMultipleHeaders) {
  const Carrier carrier{{"x-b3-traceid", kTraceId}, {"X-B3-SpanId", kSpanId}, {"X-B3-SAMPLED", "true"}};
  for (const auto& propagators : {kB3, kB3Multi}) {
    const Context context = extract(carrier, propagators);
    EXPECT_EQ(context.span_id.hex(), kSpanId);
    EXPECT_TRUE(context.is_sampled());
  }
}

TEST(B3, PassesTheDebugFlagOn) {
  const Context context =
      extract({{"X-B3-TraceId", kTraceId}, {"X-B3-SpanId", kSpanId}, {"X-B3-Flags", "1"}}, kB3Multi);
  EXPECT_TRUE(context.is_sampled());
  Carrier single;
  inject(context, single, kB3);
  EXPECT_EQ(single, (Carrier{{"b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d"}}));
  Carrier multi;
  inject(context, multi, kB3Multi);
  EXPECT_EQ(multi, (Carrier{{"X-B3-TraceId", kTraceId}, {"X-B3-SpanId", kSpanId}, {"X-B3-Flags", "1"}}));
}

TEST(Propagators, TheFirstValidParentCounts) {
  const Carrier carrier{{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                        {"b3", "4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-1"}};
  EXPECT_EQ(extract(carrier, {Propagator::b3, Propagator::tracecontext}).trace_id.hex().back(), '7');
  EXPECT_EQ(extract(carrier, {Propagator::tracecontext, Propagator::b3}).trace_id.hex().back(), '6');
  EXPECT_FALSE(extract(carrier, {}).is_valid());
}

}  // namespace
}  // namespace meshflow::telemetry
