// Parameters of Tempo's API as questions to the engine.
#include "query/tempo_requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/traceql/printer.hpp"

namespace meshflow::query {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'764'000'000'000'000'000;

std::string asked(const TempoSearch& search) {
  const auto pipeline = pipeline_of(search);
  return pipeline ? print(*pipeline) : to_error(pipeline.error()).text();
}

TEST(TempoRequests, DurationsNarrowTheOneFilter) {
  EXPECT_EQ(asked({.query = "{ .a = 1 }", .duration_min = 1'000'000, .duration_max = 2'000'000'000}),
            "{ .a = 1 && traceDuration >= 1ms && traceDuration <= 2s }");
  EXPECT_EQ(asked({.query = "{ .a = 1 } | count() > 2", .duration_min = 1'000'000}),
            "{ .a = 1 } | count() > 2 | { traceDuration >= 1ms }");
  EXPECT_EQ(asked({.tags = "a=b", .duration_max = 1'000'000}), R"({ .a = "b" && traceDuration <= 1ms })");
  EXPECT_EQ(asked({}), "{ }");
}

TEST(TempoRequests, ATagsProblemHasNoPlaceInAQuery) {
  EXPECT_THAT(asked({.tags = "\"\"=5"}), ::testing::StartsWith("invalid tags: "));
}

// DefaultQueryRangeStep of pkg/traceql/engine_metrics.go, Tempo 3: an hour has 240 points of 15 s; a minimum of 1 s,
// and below a minute of 50 ms.
TEST(TempoRequests, TheStepThatTempoChooses) {
  const auto step = [](std::uint64_t seconds) { return default_step({kSecond, kSecond + seconds * kSecond}); };
  EXPECT_EQ(step(30), 100'000'000u);         // 125 ms, in steps of 50 ms
  EXPECT_EQ(step(5), 50'000'000u);
  EXPECT_EQ(step(60), kSecond);
  EXPECT_EQ(step(3'600), 15 * kSecond);      // exactly 15 s is not more than 15 s: three times 5 s
  EXPECT_EQ(step(6 * 3'600), 60 * kSecond);  // of 90 s the whole minutes
  EXPECT_EQ(step(30 * 24 * 3'600), 3 * 3'600 * kSecond);
}

TEST(TempoRequests, TimesOfMetrics) {
  const auto range = [](const Parameters& parameters) {
    const auto metrics = parse_tempo_metrics(parameters, kNow, false);
    return metrics ? std::pair(metrics->range.from, metrics->range.to) : std::pair<std::uint64_t, std::uint64_t>();
  };
  constexpr auto now = static_cast<std::uint64_t>(kNow);
  EXPECT_EQ(range({}), std::pair(now - 3'600 * kSecond, now));
  EXPECT_EQ(range({{"since", "1d"}}), std::pair(now - 24 * 3'600 * kSecond, now));
  EXPECT_EQ(range({{"start", "1763999999"}}), std::pair(now - kSecond, now));
  // An end in the future: `since` counts from now.
  EXPECT_EQ(range({{"end", "1764000100"}, {"since", "10s"}}), std::pair(now - 10 * kSecond, now + 100 * kSecond));
  // In 2279: nanoseconds since 1970 reach 2262 in 63 bits.
  EXPECT_EQ(range({{"start", "1764000000"}, {"end", "9764300600"}}), std::pair(now, 9'223'372'036 * kSecond));
  EXPECT_EQ(range({{"start", "1763999999.5"}, {"end", "1764000000.25"}}),
            std::pair(now - kSecond / 2, now + kSecond / 4));
}

TEST(TempoRequests, HintsDecideAboutExemplars) {
  const auto count = [](const std::string& query, std::size_t asked_for) {
    const TempoMetrics request{.query = query, .exemplars_max = asked_for};
    const auto metric = metric_of(request);
    return metric ? exemplars_of(*metric, request) : 999;
  };
  EXPECT_EQ(count("{ } | rate()", 0), 0u);
  EXPECT_EQ(count("{ } | rate()", 7), 7u);
  EXPECT_EQ(count("{ } | rate() with (exemplars = false)", 7), 0u);
  EXPECT_EQ(count("{ } | rate() with (exemplars = true)", 0), kTempoExemplarsMax);
  EXPECT_EQ(count("{ } | rate() with (exemplars = 3)", 7), 3u);
}

TEST(TempoRequests, OnlyAFilterNarrowsTags) {
  EXPECT_TRUE(narrowing_filter("{ .a = 1 }"));
  for (const char* const text : {"", "{ }", "{}", "{ .a = ", "{ .a = 1 } >> { .b = 2 }", "{ } | rate()"}) {
    EXPECT_FALSE(narrowing_filter(text)) << text;
  }
}

TEST(TempoRequests, FieldsOfTags) {
  using traceql::Attribute;
  using traceql::Field;
  using traceql::Intrinsic;
  using traceql::Scope;
  EXPECT_EQ(tempo_field_of(".a.b", true).value(), Field{(Attribute{Scope::any, "a.b"})});
  EXPECT_EQ(tempo_field_of("resource.a", true).value(), Field{(Attribute{Scope::resource, "a"})});
  EXPECT_EQ(tempo_field_of("span:status", true).value(), Field{Intrinsic::status});
  EXPECT_EQ(tempo_field_of(R"(span."a b")", true).value(), Field{(Attribute{Scope::span, "a b"})});
  EXPECT_FALSE(tempo_field_of("a.b", true));
  EXPECT_FALSE(tempo_field_of("", true));
  EXPECT_EQ(tempo_field_of("a.b", false).value(), Field{(Attribute{Scope::any, "a.b"})});
  EXPECT_EQ(tempo_field_of("service.name", false).value(), Field{(Attribute{Scope::resource, "service.name"})});
  EXPECT_EQ(tempo_field_of("error", false).value(), Field{Intrinsic::status});
}

}  // namespace
}  // namespace meshflow::query
