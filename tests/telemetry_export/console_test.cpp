#include "telemetry/exporters/console.hpp"

#include <gmock/gmock.h>

#include "telemetry/exporters/console_text.hpp"
#include "telemetry_export/batch_builder.hpp"

namespace meshflow::telemetry {
namespace {

using otlp::Span;
using test::attribute;
using test::BatchBuilder;
using test::make_span;
using ::testing::HasSubstr;
using ::testing::Not;

const auto kFarDeadline = std::chrono::steady_clock::time_point::max();

Span agent_span() {
  Span span = make_span("meshflow.agent", 2, 1);
  span.start_time_unix_nano = 1'000'012'000'000;
  span.end_time_unix_nano = 1'000'133'500'000;
  span.status.code = otlp::StatusCode::ok;
  span.attributes = {
      attribute("gen_ai.operation.name", std::string("invoke_agent")),
      attribute("meshflow.run_id", std::string("run_abc123")),
      attribute("meshflow.trace_id", std::string("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
      attribute("service.tier", std::string("gold")),
      attribute("meshflow.verdict", std::string("allowed")),
      attribute("meshflow.carbon_g", 0.000000012),
      attribute("meshflow.role", std::string("researcher")),
      attribute("meshflow.agent_id", std::string("researcher-agent")),
      attribute("meshflow.tokens", std::int64_t{148}),
      attribute("meshflow.cost_usd", 0.0012),
      attribute("meshflow.uncertainty", 0.18),
      attribute("meshflow.confidence", 0.82),
      attribute("verdict", std::string("allowed")),
      attribute("cost_usd", 0.0012),
  };
  return span;
}

TEST(Console, AnAgentReadsAsInTheLesson) {
  EXPECT_EQ(span_block(agent_span(), 1'000'000'000'000),
            "[SPAN] meshflow.agent\n"
            "  trace_id    : aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
            "  span_id     : 0000000000000002\n"
            "  parent_span_id: 0000000000000001\n"
            "  run_id      : run_abc123\n"
            "  agent_id    : researcher-agent\n"
            "  role        : researcher\n"
            "  start_ms    : 12\n"
            "  duration_ms : 121.5\n"
            "  tokens      : 148\n"
            "  cost_usd    : 0.0012\n"
            "  uncertainty : 0.18\n"
            "  verdict     : allowed\n"
            "  carbon_g    : 0.000000012\n"
            "  confidence  : 0.82\n"
            "  service.tier: gold\n"
            "  gen_ai.operation.name: invoke_agent\n"
            "  status      : OK\n");
}

TEST(Console, ARunSaysTotalTokensAndItsOwnStateApartFromTheSpansStatus) {
  Span span = make_span("meshflow.run", 1);
  span.end_time_unix_nano = span.start_time_unix_nano + 1'243'000'000;
  span.status = {.message = "blocked by content_policy", .code = otlp::StatusCode::error};
  span.attributes = {
      attribute("meshflow.status", std::string("aborted")),
      attribute("meshflow.tokens", std::int64_t{312}),
      attribute("meshflow.run_id", std::string("run_1")),
      attribute("meshflow.cost_usd", 0.0024),
      attribute("meshflow.run_cost_usd", 0.0024),
      attribute("meshflow.compliance", std::string("none")),
      attribute("tokens", std::int64_t{312}),
  };
  EXPECT_EQ(span_block(span, static_cast<std::int64_t>(span.start_time_unix_nano)),
            "[SPAN] meshflow.run\n"
            "  trace_id    : aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
            "  span_id     : 0000000000000001\n"
            "  run_id      : run_1\n"
            "  start_ms    : 0\n"
            "  duration_ms : 1243\n"
            "  cost_usd    : 0.0024\n"
            "  total_tokens: 312\n"
            "  compliance  : none\n"
            "  run_status  : aborted\n"
            "  status_message: blocked by content_policy\n"
            "  status      : ERROR\n");
}

TEST(Console, EventsLinksKindAndDroppedCountsAreShown) {
  Span span = make_span("chat mock", 3, 2);
  span.kind = otlp::SpanKind::client;
  span.events = {
      {span.start_time_unix_nano + 250'000, "exception", {attribute("exception.type", std::string("Timeout"))}, 0}};
  otlp::Link link;
  link.trace_id.fill(0xBB);
  link.span_id.fill(0xCC);
  span.links = {link};
  span.dropped_attributes_count = 4;
  EXPECT_EQ(span_block(span, 0),
            "[SPAN] chat mock\n"
            "  trace_id    : aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
            "  span_id     : 0000000000000003\n"
            "  parent_span_id: 0000000000000002\n"
            "  duration_ms : 1\n"
            "  kind        : CLIENT\n"
            "  events      : 1\n"
            "    0.25 ms exception exception.type=Timeout\n"
            "  links       : 1\n"
            "    trace bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb span cccccccccccccccc\n"
            "  dropped_attributes: 4\n"
            "  status      : UNSET\n");
}

TEST(Console, HostileTextCannotMoveTheCursorOrForgeALine) {
  Span span = make_span("a\nb", 1);
  span.attributes = {attribute("k\n[SPAN] forged", std::string("x\x1b[2J\r\n\x7f\xc2\x9b\xe2\x80\xae\xff"
                                                               "end"))};
  const std::string text = span_block(span, 0);
  EXPECT_THAT(text, HasSubstr("[SPAN] a\\nb\n"));
  EXPECT_THAT(text, HasSubstr("k\\n[SPAN] forged: x\\x1b[2J\\r\\n\\x7f\\x9b\\u202e\xEF\xBF\xBD"
                              "end\n"));
  EXPECT_THAT(text, Not(HasSubstr("\n[SPAN] forged")));
}

TEST(ConsoleText, MoneyIsNeverRoundedAndHasNoTrailingZeros) {
  EXPECT_EQ(number_text(0.0024), "0.0024");
  EXPECT_EQ(number_text(0.000000001), "0.000000001");
  EXPECT_EQ(number_text(1234567.123456789), "1234567.123456789");
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(5), "5");
  EXPECT_EQ(number_text(-0.25), "-0.25");
  EXPECT_EQ(number_text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(number_text(1e300), "1e+300");
}

TEST(ConsoleText, ValuesOfEveryType) {
  const otlp::ArrayValue array = {{std::string("a")}, {std::int64_t{-1}}, {true}, {}};
  EXPECT_EQ(value_text({array}), "[\"a\", -1, true, ]");
  EXPECT_EQ(value_text({otlp::KeyValueList{attribute("k", array)}}), "{\"k\": [\"a\", -1, true, ]}");
  EXPECT_EQ(value_text({otlp::Bytes{"foo"}}), "Zm9v");
  EXPECT_EQ(printable(std::string(10, 'x'), 4), "xxxx… (10 bytes)");
}

TEST(Console, ABatchIsPrintedInTheOrderOfEndAsWholeBlocks) {
  std::vector<std::string> printed;
  const auto exporter =
      make_console_exporter(ConsoleMode::spans, [&](std::string_view text) { printed.emplace_back(text); });
  BatchBuilder builder;
  builder.add(make_span("child", 2, 1), "scope a", 999'000'000).add(make_span("root", 1), "scope b", 1'000'000'000);
  const auto outcome = exporter->export_batch(builder.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u);
  EXPECT_EQ(outcome.dropped, 0u);
  ASSERT_EQ(printed.size(), 1u);
  EXPECT_EQ(printed[0],
            span_block(make_span("child", 2, 1), 999'000'000) + span_block(make_span("root", 1), 1'000'000'000));
  EXPECT_THAT(printed[0], HasSubstr("  start_ms    : 1\n"));
}

TEST(ConsoleTree, ATraceIsPrintedOnceWhenItsRootEnds) {
  std::vector<std::string> printed;
  const auto exporter =
      make_console_exporter(ConsoleMode::tree, [&](std::string_view text) { printed.emplace_back(text); });
  const auto timed = [](Span span, std::uint64_t start_ms, std::uint64_t duration_ms) {
    span.start_time_unix_nano = start_ms * 1'000'000;
    span.end_time_unix_nano = (start_ms + duration_ms) * 1'000'000;
    return span;
  };
  Span agent = timed(make_span("meshflow.agent", 3, 2), 110, 40);
  agent.attributes = {attribute("meshflow.agent_id", std::string("critic")), attribute("meshflow.cost_usd", 0.0012),
                      attribute("meshflow.verdict", std::string("blocked"))};
  Span late = timed(make_span("meshflow.node", 4, 1), 200, 5);
  Span root = timed(make_span("meshflow.run", 1), 100, 1243);
  root.attributes = {attribute("meshflow.cost_usd", 0.0012), attribute("meshflow.status", std::string("aborted"))};
  BatchBuilder children;
  children.add(late).add(agent).add(timed(make_span("meshflow.node", 2, 1), 105, 50));
  EXPECT_EQ(exporter->export_batch(children.batch(), kFarDeadline).exported, 3u);
  EXPECT_TRUE(printed.empty());
  EXPECT_EQ(exporter->export_batch(BatchBuilder().add(root).batch(), kFarDeadline).exported, 1u);
  ASSERT_EQ(printed.size(), 1u);
  EXPECT_EQ(printed[0],
            "[TRACE] aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
            "meshflow.run                       1243 ms  $0.0012       aborted\n"
            "├─ meshflow.node                     50 ms\n"
            "│  └─ meshflow.agent critic          40 ms  $0.0012       blocked\n"
            "└─ meshflow.node                      5 ms\n");
}

TEST(ConsoleTree, ATraceWithoutItsRootIsPrintedInTheEnd) {
  std::string printed;
  {
    const auto exporter = make_console_exporter(ConsoleMode::tree, [&](std::string_view text) { printed += text; });
    EXPECT_EQ(exporter->export_batch(BatchBuilder().add(make_span("gate", 3, 2)).batch(), kFarDeadline).exported, 1u);
    EXPECT_EQ(printed, "");
  }
  EXPECT_EQ(printed, "[TRACE] aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\ngate           1 ms\n");
}

TEST(ConsoleTree, IdsThatComeTwiceDoNotLeadInACircle) {
  std::string printed;
  const auto exporter = make_console_exporter(ConsoleMode::tree, [&](std::string_view text) { printed += text; });
  BatchBuilder builder;
  builder.add(make_span("a", 3, 2)).add(make_span("b", 2, 3)).add(make_span("c", 2, 1)).add(make_span("root", 1));
  EXPECT_EQ(exporter->export_batch(builder.batch(), kFarDeadline).exported, 4u);
  EXPECT_THAT(printed, HasSubstr("root"));
}

}  // namespace
}  // namespace meshflow::telemetry
