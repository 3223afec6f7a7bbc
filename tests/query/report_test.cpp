// The report over spans whose figures were worked out by hand, in memory and in DuckDB: the same answers.
#include "query/report.hpp"

#include "query/trace_row.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::query {
namespace {

using store::test::kStart;
using store::test::make_span;
using store::test::request_of;
using store::test::trace_id;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kHour = 3'600 * kSecond;

otlp::KeyValue attribute(std::string key, otlp::AnyValue::Variant value) {
  return {std::move(key), {std::move(value)}};
}

class ReportTest : public store::test::StoreTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { open(); }

  // A span that starts so many nanoseconds after kStart, with an id of its own.
  otlp::Span& add(const std::string& name, std::uint64_t trace, std::int64_t start, std::uint64_t duration) {
    otlp::Span& span = spans_.emplace_back(make_span(trace, ++last_id_, name));
    span.start_time_unix_nano = kStart + static_cast<std::uint64_t>(start);
    span.end_time_unix_nano = span.start_time_unix_nano + duration;
    return span;
  }
  void agent(const std::string& role, std::int64_t start, std::uint64_t duration) {
    add("meshflow.agent", 1, start, duration).attributes = {attribute("meshflow.role", role)};
  }
  struct Run {
    std::string workflow = "answer";
    std::string version = "1";
    std::string variant = {};
    double cost = 0;
    std::int64_t input = 0;
    std::int64_t output = 0;
    double grams = 0;
  };
  otlp::Span& run(std::uint64_t trace, std::int64_t start, const Run& of) {
    otlp::Span& span = add("meshflow.run", trace, start, kSecond);
    span.attributes = {attribute("meshflow.run_id", "run_" + std::to_string(trace)),
                       attribute("meshflow.workflow.name", of.workflow),
                       attribute("meshflow.workflow.version", of.version),
                       attribute("meshflow.cost_usd", of.cost),
                       attribute("meshflow.tokens", of.input + of.output),
                       attribute("meshflow.tokens.input", of.input),
                       attribute("meshflow.tokens.output", of.output),
                       attribute("meshflow.tokens.cached", std::int64_t{1}),
                       attribute("meshflow.carbon_g", of.grams),
                       attribute("meshflow.carbon_g_low", of.grams / 2),
                       attribute("meshflow.carbon_g_high", of.grams * 2)};
    if (!of.variant.empty()) span.attributes.push_back(attribute("meshflow.variant", of.variant));
    return span;
  }

  // Of the hour from kStart on, beside the hour before.
  Report report(std::optional<ReportGroup> by = {}) {
    keep(request_of(spans_));
    if (GetParam()) {
      EXPECT_TRUE(store_->flush());
    }
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    ReportRequest request;
    request.from = kStart;
    request.to = kStart + kHour;
    request.by = by;
    auto made = make_report(*snapshot, request);
    EXPECT_TRUE(made) << made.error().text();
    return made ? std::move(*made) : Report{};
  }

  std::vector<otlp::Span> spans_;
  std::uint64_t last_id_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Where, ReportTest, ::testing::Bool(),
                         [](const auto& where) { return where.param ? "InDuckDb" : "InMemory"; });

TEST_P(ReportTest, QuantilesAreValuesAtTheirRank) {
  // 1 … 20 ms: p50 is the 10th, p95 the 19th, p99 (⌈19.8⌉) the 20th.
  for (std::uint64_t i = 20; i > 0; --i) agent("critic", static_cast<std::int64_t>(i), i * 1'000'000);
  agent("planner", 5, 3'000'000);
  agent("planner", -5, 7'000'000);  // a moment before the period
  const Report made = report();
  ASSERT_EQ(made.latency_by_role.size(), 2);
  EXPECT_EQ(made.latency_by_role[0], (RoleLatency{"critic", {20, 10'000'000, 19'000'000, 20'000'000, 20'000'000}, {}}));
  EXPECT_EQ(made.latency_by_role[1], (RoleLatency{"planner",
                                                  {1, 3'000'000, 3'000'000, 3'000'000, 3'000'000},
                                                  {1, 7'000'000, 7'000'000, 7'000'000, 7'000'000}}));
}

TEST_P(ReportTest, AnAgentOfNoRoleAndSpansThatAreNoAgentsHaveNoLatency) {
  add("meshflow.agent", 1, 0, 5);
  add("meshflow.node", 1, 0, 5).attributes = {attribute("meshflow.role", std::string("critic"))};
  EXPECT_THAT(report().latency_by_role, IsEmpty());
}

TEST_P(ReportTest, CostsAddUpToTheNanoDollar) {
  // 0.1 + 0.2 + 0.000000001 dollars: in doubles 0.30000000100000004.
  run(1, 0, {.cost = 0.1});
  run(2, static_cast<std::int64_t>(kHour) - 1, {.cost = 0.2});
  run(3, 1, {.cost = 1e-9});
  run(4, -1, {.cost = 0.5});
  run(5, static_cast<std::int64_t>(kHour), {.cost = 7});  // after the period
  const Report made = report();
  EXPECT_EQ(made.cost, (RunCosts{3, 300'000'001, 100'000'000, 200'000'000, 200'000'000, 2}));
  EXPECT_EQ(made.cost_before, (RunCosts{1, 500'000'000, 500'000'000, 500'000'000, 500'000'000, 1}));
  ASSERT_EQ(made.cost_over_time.size(), kCostSlices);
  EXPECT_EQ(made.cost_over_time[0], (CostSlice{static_cast<std::int64_t>(kStart), 2, 100'000'001}));
  EXPECT_EQ(made.cost_over_time[11],
            (CostSlice{static_cast<std::int64_t>(kStart + 11 * 300 * kSecond), 1, 200'000'000}));
}

TEST_P(ReportTest, RunsOverALimitAreListedDearestFirst) {
  run(1, 1, {.cost = 0.01});  // not over it
  run(2, 2, {.cost = 0.010000001});
  run(3, 3, {.workflow = "dear", .cost = 2});
  // Sent as an integer, as some SDKs send whole numbers.
  run(4, 4, {}).attributes[3] = attribute("meshflow.cost_usd", std::int64_t{1});
  const Report made = report();
  EXPECT_EQ(made.cost.over_limit, 3);
  const auto expected = [](std::uint64_t trace, const char* workflow, std::int64_t cost) {
    return ExpensiveRun{hex_of(trace_id(trace)), "run_" + std::to_string(trace), workflow,
                        static_cast<std::int64_t>(kStart + trace), cost};
  };
  EXPECT_THAT(made.expensive_runs, ElementsAre(expected(3, "dear", 2'000'000'000), expected(4, "answer", 1'000'000'000),
                                               expected(2, "answer", 10'000'001)));
}

TEST_P(ReportTest, TokensAreSummedByWorkflowVersionInTheOrderOfTheirFirstRuns) {
  run(1, 10, {.version = "10", .input = 100, .output = 20});
  run(2, 20, {.version = "9", .input = 40, .output = 2});
  run(3, 30, {.version = "10", .input = 10, .output = 5});
  run(4, -10, {.version = "9", .input = 7, .output = 1});
  const Report made = report();
  const auto start = static_cast<std::int64_t>(kStart);
  EXPECT_THAT(made.tokens_by_version,
              ElementsAre(VersionTokens{"answer", "9", {1, 42, 40, 2, 1}, {1, 8, 7, 1, 1}, start - 10},
                          VersionTokens{"answer", "10", {2, 135, 110, 25, 2}, {}, start + 10}));
}

TEST_P(ReportTest, CarbonIsSummedByVariantElseByWorkflowAndVersion) {
  run(1, 1, {.variant = "small", .grams = 0.000000004});
  run(2, 2, {.version = "2", .variant = "small", .grams = 0.000000002});
  run(3, 3, {.version = "2", .grams = 0.5});
  run(4, -3, {.version = "2", .grams = 0.25});
  const Report made = report();
  EXPECT_THAT(made.carbon_by_variant, ElementsAre(VariantCarbon{"small", {2, 6, 3, 12}, {}},
                                                  VariantCarbon{"answer 2",
                                                                {1, 500'000'000, 250'000'000, 1'000'000'000},
                                                                {1, 250'000'000, 125'000'000, 500'000'000}}));
}

TEST_P(ReportTest, BlockedSpansAreCountedByRuleWithTheirRunsAndRoles) {
  const auto block = [this](std::uint64_t trace, std::int64_t start, const char* rule, const char* role) {
    otlp::Span& span = add("meshflow.agent", trace, start, 1);
    span.attributes = {attribute("meshflow.verdict", std::string("blocked"))};
    if (*rule != 0) span.attributes.push_back(attribute("meshflow.rule_id", std::string(rule)));
    if (*role != 0) span.attributes.push_back(attribute("meshflow.role", std::string(role)));
  };
  block(1, 1, "pii.card", "executor");
  block(1, 2, "pii.card", "critic");
  block(2, 3, "pii.card", "executor");
  block(3, 4, "", "");
  block(3, -4, "secret.key", "planner");
  add("meshflow.agent", 4, 5, 1).attributes = {attribute("meshflow.verdict", std::string("allowed"))};
  EXPECT_THAT(report().blocked_by_rule,
              ElementsAre(RuleBlocks{"pii.card", "critic, executor", {3, 2}, {}}, RuleBlocks{"", "", {1, 1}, {}},
                          RuleBlocks{"secret.key", "planner", {}, {1, 1}}));
}

TEST_P(ReportTest, GroupsHaveTheFiguresOfTheirRunsAgentsOrModelCalls) {
  run(1, 1, {.cost = 0.5, .input = 3, .output = 4, .grams = 0.1})
      .attributes.push_back(attribute("meshflow.blocked", std::int64_t{2}));
  run(2, 2, {.version = "2", .variant = "tuned", .cost = 0.25});
  otlp::Span& call = add("chat m", 1, 3, 9);
  call.attributes = {attribute("gen_ai.operation.name", std::string("chat")),
                     attribute("gen_ai.request.model", std::string("m")),
                     attribute("gen_ai.usage.input_tokens", std::int64_t{5}),
                     attribute("gen_ai.usage.output_tokens", std::int64_t{6})};
  otlp::Span& blocked = add("meshflow.agent", 1, 4, 8);
  blocked.attributes = {attribute("meshflow.role", std::string("critic")),
                        attribute("meshflow.verdict", std::string("blocked")), attribute("meshflow.cost_usd", 0.125)};
  const auto second = static_cast<std::int64_t>(kSecond);
  const auto groups = [this](ReportGroup group) {
    Report made = report(group);
    spans_.clear();  // kept already
    return made.groups;
  };
  const GroupFigures first{1, second, second, 500'000'000, 7, 100'000'000, 2};
  const GroupFigures tuned{1, second, second, 250'000'000, 0, 0, 0};
  EXPECT_THAT(groups(ReportGroup::workflow),
              ElementsAre(GroupRow{"answer 1", first, {}}, GroupRow{"answer 2", tuned, {}}));
  EXPECT_THAT(groups(ReportGroup::variant), ElementsAre(GroupRow{"answer 1", first, {}}, GroupRow{"tuned", tuned, {}}));
  EXPECT_THAT(groups(ReportGroup::role), ElementsAre(GroupRow{"critic", {1, 8, 8, 125'000'000, 0, 0, 1}, {}}));
  EXPECT_THAT(groups(ReportGroup::model), ElementsAre(GroupRow{"m", {1, 9, 9, 0, 11, 0, 0}, {}}));
}

TEST_P(ReportTest, AnEmptyStoreAnswersWithNothing) {
  const Report made = report();
  EXPECT_EQ(made.cost, RunCosts{});
  EXPECT_THAT(made.latency_by_role, IsEmpty());
}

TEST_P(ReportTest, JsonReadsBackAsTheSameReport) {
  agent("critic \"1\"\n", 1, 5);
  run(1, 1, {.variant = "v", .cost = 3, .input = 1, .grams = 2});
  const Report made = report();
  JsonWriter out;
  write_json(out, made);
  const auto read = report_from_json(out.take());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, made);
  EXPECT_FALSE(report_from_json("{}"));
  EXPECT_FALSE(report_from_json("{\"from_unix_nanos\":\"x\"}"));
}

TEST_P(ReportTest, AnEmptyPeriodIsRefused) {
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  ReportRequest request;
  request.from = request.to = kStart;
  const auto made = make_report(*snapshot, request);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace meshflow::query
