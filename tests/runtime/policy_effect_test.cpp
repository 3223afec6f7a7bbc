// Each field of a policy changed, and a run that behaves differently for it. Fields whose effect has a test elsewhere:
// budget_usd, budget_tokens, timeout_s, step_timeout_s, max_steps, enable_guardian, telemetry_short_attributes and
// telemetry_file in mesh_test.cpp; human_in_loop.timeout_s and data_dir in pause_test.cpp.
#include <filesystem>

#include "run_harness.hpp"
#include "support/http_server.hpp"

namespace meshflow {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the harness of these tests

Task<Result<AgentReply>> reply_with(AgentContext&, AgentReply reply) { co_return reply; }

// One agent that answers with `text`, under `policy`.
Result<RunResult> run_saying(MeshUnderTest& mesh, std::string text, std::optional<double> uncertainty = std::nullopt) {
  mesh->add(agent_of("sayer",
                     [text, uncertainty](AgentContext& context) { return reply_with(context, {text, uncertainty}); }));
  Workflow workflow("single");
  workflow.node(node_of("only", "sayer"));
  return mesh->run_blocking("task", with(std::move(workflow)));
}

RunStatus status_of(Policy policy, std::string text, std::optional<double> uncertainty = std::nullopt) {
  MeshUnderTest mesh(std::move(policy));
  const auto result = run_saying(mesh, std::move(text), uncertainty);
  EXPECT_TRUE(result) << result.error().text();
  return result ? result->status : RunStatus::pending;
}

TEST(PolicyEffect, UncertaintyBlockMovesTheBound) {
  EXPECT_EQ(status_of({}, "perhaps", 0.92), RunStatus::aborted);
  EXPECT_EQ(status_of({.uncertainty_block = 0.95}, "perhaps", 0.92), RunStatus::completed);
}

TEST(PolicyEffect, UncertaintyHitlMovesTheBoundWherePeopleAreAsked) {
  EXPECT_EQ(status_of({}, "perhaps", 0.8), RunStatus::completed);
  EXPECT_EQ(status_of({.human_in_loop = {.enabled = true}}, "perhaps", 0.8), RunStatus::paused);
  EXPECT_EQ(status_of({.uncertainty_hitl = 0.85, .human_in_loop = {.enabled = true}}, "perhaps", 0.8),
            RunStatus::completed);
}

TEST(PolicyEffect, ContentPolicyRulesCanBeSwitchedOffAndAdded) {
  const std::string card = "4111 1111 1111 1111";
  EXPECT_EQ(status_of({}, card), RunStatus::aborted);
  EXPECT_EQ(status_of({.content_policy = {.builtin_rules = false}}, card), RunStatus::completed);
  const ScratchFolder folder;
  std::ofstream(folder.file("rules.yaml"))
      << "rules:\n  - id: own.codename\n    keywords: [bluebird]\n    severity: block\n";
  EXPECT_EQ(status_of({}, "project bluebird"), RunStatus::completed);
  EXPECT_EQ(status_of({.content_policy = {.rules_file = folder.file("rules.yaml")}}, "project bluebird"),
            RunStatus::aborted);
}

TEST(PolicyEffect, ComplianceBlocksWhatItsRulesForbidAndStandsOnTheRoot) {
  MeshUnderTest mesh({.compliance = "gdpr"});
  const auto result = run_saying(mesh, "Write to jane.doe@example.com.");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::aborted);
  EXPECT_EQ(mesh.trace().root().text("meshflow.compliance"), "gdpr");
  EXPECT_EQ(status_of({}, "Write to jane.doe@example.com."), RunStatus::completed);
}

TEST(PolicyEffect, EvidenceAndCitationsAreRequiredWhereThePolicySaysSo) {
  EXPECT_EQ(status_of({.require_evidence = true}, "It is so."), RunStatus::aborted);
  EXPECT_EQ(status_of({.require_evidence = false}, "It is so."), RunStatus::completed);
  EXPECT_EQ(status_of({.require_citations = true}, "It is so."), RunStatus::aborted);
  EXPECT_EQ(status_of({.mode = PolicyMode::legal_critical}, "It is so."), RunStatus::aborted);
}

TEST(PolicyEffect, HealthDataIsScrubbedFromOutput) {
  MeshUnderTest plain;
  const auto kept = run_saying(plain, "Patient MRN: 12345678 was seen.");
  MeshUnderTest scrubbing({.scrub_health_data = true});
  const auto scrubbed = run_saying(scrubbing, "Patient MRN: 12345678 was seen.");
  ASSERT_TRUE(kept && scrubbed);
  EXPECT_NE(kept->output.find("12345678"), std::string::npos);
  EXPECT_EQ(scrubbed->output.find("12345678"), std::string::npos) << scrubbed->output;
}

TEST(PolicyEffect, AModeSetsItsFieldsAndAGivenFieldBeatsIt) {
  EXPECT_EQ(status_of({.mode = PolicyMode::dev}, "4111 1111 1111 1111"), RunStatus::completed);  // dev: guardian off
  EXPECT_EQ(status_of({.mode = PolicyMode::dev, .enable_guardian = true}, "4111 1111 1111 1111"), RunStatus::aborted);
}

Workflow asking_model() {
  Workflow workflow("single");
  workflow.node(node_of("only"));
  return workflow;
}

TEST(PolicyEffect, AStepThatCostsTooMuchIsBlockedByTheCostGate) {
  MeshUnderTest mesh({.step_cost_block_usd = 0.000001});
  const auto result = mesh->run_blocking("task", with(asking_model()));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::aborted);
  EXPECT_EQ(result->blocked.at(0).gate, "cost");
}

TEST(PolicyEffect, ACarbonBudgetRefusesTheCallThatWouldPassIt) {
  MeshUnderTest mesh({.carbon_budget_g = 0.000001});
  const auto result = mesh->run_blocking("task", with(asking_model()));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::aborted);
  EXPECT_EQ(result->usage.carbon.nanograms, 0);
}

TEST(PolicyEffect, TheRegionSetsTheGridFactor) {
  MeshUnderTest world;
  MeshUnderTest sweden({.region = "SE"});
  const auto in_world = world->run_blocking("task", with(asking_model()));
  const auto in_sweden = sweden->run_blocking("task", with(asking_model()));
  ASSERT_TRUE(in_world && in_sweden);
  // Grid: world 473, Sweden 36 g/kWh; the same energy, rounded to whole nanograms.
  const double ratio =
      static_cast<double>(in_world->usage.carbon.nanograms) / static_cast<double>(in_sweden->usage.carbon.nanograms);
  EXPECT_NEAR(ratio, 473.0 / 36.0, 0.01);
}

// Fails with `unavailable` a number of times, then answers.
class FlakyModel final : public ModelProvider {
 public:
  explicit FlakyModel(int failures) : failures_(failures) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "flaky"; }
  [[nodiscard]] std::string default_model() const override { return "mock-large"; }
  [[nodiscard]] Task<Result<ModelReply>> complete(AgentContext&, ModelRequest) override {
    ++calls_;
    if (calls_ <= failures_) co_return fail(ErrorCode::unavailable, "overloaded");
    ModelReply reply;
    reply.text = "fine";
    reply.tokens = Tokens{10, 5, 0};
    co_return reply;
  }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  int failures_;
  std::atomic<int> calls_{0};
};

RunStatus run_flaky(int failures, Policy policy, int* calls = nullptr) {
  auto model = std::make_shared<FlakyModel>(failures);
  MeshOptions options;
  options.model = model;
  policy.retry_backoff_s = 0.001;
  MeshUnderTest mesh(std::move(policy), std::move(options));
  const auto result = mesh->run_blocking("task", with(asking_model()));
  EXPECT_TRUE(result);
  if (calls != nullptr) *calls = model->calls();
  return result->status;
}

TEST(PolicyEffect, RetriesAreMadeAsOftenAsThePolicySays) {
  int calls = 0;
  EXPECT_EQ(run_flaky(3, {}, &calls), RunStatus::completed);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(run_flaky(3, {.retries = 2}, &calls), RunStatus::failed);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(run_flaky(1, {.retries = 0}, &calls), RunStatus::failed);
  EXPECT_EQ(calls, 1);
}

TEST(PolicyEffect, TheFirstPauseBetweenTriesIsThePolicys) {
  MeshOptions options;
  options.model = std::make_shared<FlakyModel>(1);
  MeshUnderTest mesh({.retry_backoff_s = 0.1}, std::move(options));
  ASSERT_TRUE(mesh->run_blocking("task", with(asking_model())));
  const Trace trace = mesh.trace();
  const auto chats = trace.named("chat");
  ASSERT_EQ(chats.size(), 2u);
  // Half of it at least, by the jitter.
  EXPECT_GE(chats[1]->start_time_unix_nano - chats[0]->end_time_unix_nano, 50'000'000u);
  EXPECT_EQ(chats[1]->number("meshflow.attempt"), 2);
}

TEST(PolicyEffect, TheCircuitOpensAfterThePolicysNumberOfFailures) {
  int calls = 0;
  EXPECT_EQ(run_flaky(1000, {.retries = 10, .circuit_breaker = {.failures = 2}}, &calls), RunStatus::failed);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(run_flaky(1000, {.retries = 10, .circuit_breaker = {.failures = 4}}, &calls), RunStatus::failed);
  EXPECT_EQ(calls, 4);
}

TEST(PolicyEffect, MaxReplansBoundsHowOftenACriticSendsWorkBack) {
  const auto executions = [](int max_replans) {
    MeshUnderTest mesh({.max_replans = max_replans});
    Workflow team = Workflow::default_team(max_replans);
    Workflow workflow("team");
    for (Node node : team.nodes()) {
      if (node.role == AgentRole::critic) node.agent = "never_content";
      workflow.node(node);
    }
    for (const Edge& edge : team.edges()) workflow.edge(edge.from, edge.to, edge.when);
    for (const Loop& loop : team.loops()) workflow.loop(loop);
    mesh->add(agent_of(
        "never_content", [](AgentContext& context) { return reply_with(context, {"REVISE it", std::nullopt}); },
        AgentRole::critic));
    EXPECT_TRUE(mesh->run_blocking("task", with(workflow)));
    const Trace trace = mesh.trace();
    std::size_t executed = 0;
    for (const ReadSpan* agent : trace.named("meshflow.agent")) executed += agent->text("meshflow.role") == "executor";
    return executed;
  };
  EXPECT_EQ(executions(0), 1u);
  EXPECT_EQ(executions(2), 3u);
}

TEST(PolicyEffect, ContentIsCapturedOnlyWhereAskedFor) {
  for (const bool capture : {false, true}) {
    MeshUnderTest mesh({.capture_content = capture});
    ASSERT_TRUE(mesh->run_blocking("a task to be seen", with(asking_model())));
    const std::string messages = mesh.trace().named("chat").at(0)->text("gen_ai.input.messages");
    EXPECT_EQ(messages.find("a task to be seen") != std::string::npos, capture);
  }
}

TEST(PolicyEffect, ForeignToolsAreToldWhatASpanIsWhereAskedFor) {
  MeshUnderTest mesh({.telemetry_openinference = true, .telemetry_langfuse = true});
  ASSERT_TRUE(mesh->run_blocking("task", with(asking_model())));
  const Trace trace = mesh.trace();
  EXPECT_EQ(trace.root().text("openinference.span.kind"), "CHAIN");
  EXPECT_EQ(trace.named("meshflow.agent").at(0)->text("openinference.span.kind"), "AGENT");
  EXPECT_EQ(trace.named("chat").at(0)->text("openinference.span.kind"), "LLM");
  EXPECT_EQ(trace.named("meshflow.gate").at(0)->text("openinference.span.kind"), "GUARDRAIL");
  EXPECT_EQ(trace.named("chat").at(0)->text("langfuse.observation.type"), "generation");
  MeshUnderTest plain;
  ASSERT_TRUE(plain->run_blocking("task", with(asking_model())));
  EXPECT_EQ(plain.trace().root().find("openinference.span.kind"), nullptr);
}

TEST(PolicyEffect, ChosenBaggageEntriesStandOnEverySpan) {
  MeshUnderTest mesh({.telemetry_baggage_keys = {"tenant"}});
  RunOptions options = with(asking_model());
  options.parent = telemetry::extract(
      {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, {"baggage", "tenant=acme,secret=x"}},
      {telemetry::Propagator::tracecontext, telemetry::Propagator::baggage});
  ASSERT_TRUE(mesh->run_blocking("task", std::move(options)));
  for (const ReadSpan& span : mesh.trace().spans) {
    EXPECT_EQ(span.text("tenant"), "acme") << span.name;
    EXPECT_EQ(span.find("secret"), nullptr);
  }
}

TEST(PolicyEffect, TheVariantStandsOnTheRoot) {
  MeshUnderTest mesh({.variant = "cheap"});
  ASSERT_TRUE(mesh->run_blocking("task", with(asking_model())));
  EXPECT_EQ(mesh.trace().root().text("meshflow.variant"), "cheap");
}

TEST(PolicyEffect, SpansGoToTheOtlpEndpointInTheProtocolAndWithTheHeadersOfThePolicy) {
  for (const std::string protocol : {"http/protobuf", "http/json"}) {
    const test::HttpServer server;
    Policy policy;
    policy.telemetry_otlp_endpoint = server.url();
    policy.telemetry_otlp_protocol = protocol;
    policy.telemetry_otlp_headers = {{"x-team", "blue"}};
    MeshUnderTest mesh(std::move(policy));
    ASSERT_TRUE(mesh->run_blocking("task", with(asking_model())));
    ASSERT_TRUE(mesh->flush());
    ASSERT_FALSE(server.requests().empty());
    const auto request = server.requests()[0];
    EXPECT_EQ(request.target, "/v1/traces");
    EXPECT_EQ(request.headers.at("x-team"), "blue");
    EXPECT_EQ(request.headers.at("content-type"),
              protocol == "http/json" ? "application/json" : "application/x-protobuf");
  }
}

TEST(PolicyEffect, ADeadEndpointCostsAtMostTheShutdownTimeAndOneWarning) {
  test::HttpServer server;
  test::ScriptedReply hang;
  hang.ending = test::ScriptedReply::Ending::hang;
  server.reply_always(hang);
  Policy policy;
  policy.telemetry_otlp_endpoint = server.url();
  policy.telemetry_shutdown_timeout_ms = 200;
  auto mesh = std::make_unique<MeshUnderTest>(std::move(policy));
  const auto result = (*mesh)->run_blocking("task", with(asking_model()));
  ASSERT_TRUE(result);
  EXPECT_LT(result->duration_nanos, 1'000'000'000);
  const auto before = std::chrono::steady_clock::now();
  mesh.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST(PolicyEffect, TheApprovalWebhookIsToldOfARequestWithoutItsContent) {
  const test::HttpServer server;
  MeshUnderTest mesh({.human_in_loop = {.enabled = true, .approval_webhook = server.url("/hook")}});
  const auto result = run_saying(mesh, "a doubtful text", 0.8);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->status, RunStatus::paused);
  ASSERT_EQ(server.requests().size(), 1u);
  const auto request = server.requests()[0];
  EXPECT_EQ(request.target, "/hook");
  EXPECT_NE(request.body.find(result->run_id), std::string::npos);
  EXPECT_EQ(request.body.find("doubtful text"), std::string::npos);
}

TEST(PolicyEffect, FromRiskSetsWhichActionsWait) {
  const auto status = [](Risk from) {
    MeshUnderTest mesh({.human_in_loop = {.enabled = true, .from_risk = from}});
    Tool tool;
    tool.name = "send";
    tool.risk = Risk::external_io;
    tool.body = ToolFunction([](AgentContext&) -> Result<std::string> { return std::string("sent"); });
    mesh->add(tool);
    Workflow workflow("tool");
    Node node = node_of("send");
    node.kind = NodeKind::tool;
    node.tools = {"send"};
    workflow.node(node);
    return mesh->run_blocking("task", with(workflow))->status;
  };
  EXPECT_EQ(status(Risk::external_io), RunStatus::paused);
  EXPECT_EQ(status(Risk::irreversible), RunStatus::completed);
}

}  // namespace
}  // namespace meshflow
