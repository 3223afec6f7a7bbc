#include <cmath>
#include <limits>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/environment.hpp"
#include "meshflow/runtime/policy.hpp"
#include "runtime/policy_fields.hpp"

namespace meshflow {
namespace {

using ::testing::HasSubstr;

TEST(Policy, StandardModeFillsItsFields) {
  const auto resolved = resolve({});
  ASSERT_TRUE(resolved) << resolved.error().text();
  EXPECT_EQ(resolved->fields.budget_usd, 1.0);
  EXPECT_EQ(resolved->budget_nano_usd, 1'000'000'000);
  EXPECT_EQ(resolved->fields.enable_guardian, true);
  EXPECT_EQ(resolved->fields.human_in_loop.enabled, false);
  EXPECT_EQ(resolved->fields.compliance, "none");
  EXPECT_EQ(resolved->fields.require_evidence, false);
  EXPECT_EQ(resolved->fields.scrub_health_data, false);
  EXPECT_EQ(resolved->step_cost_block_nano_usd, 0);
}

TEST(Policy, EachModeSetsWhatItStandsFor) {
  const auto dev = resolve({.mode = PolicyMode::dev}).value();
  EXPECT_EQ(dev.budget_nano_usd, 250'000'000);
  EXPECT_EQ(dev.fields.enable_guardian, false);

  const auto regulated = resolve({.mode = PolicyMode::regulated}).value();
  EXPECT_EQ(regulated.budget_nano_usd, 2'000'000'000);
  EXPECT_EQ(regulated.fields.human_in_loop.enabled, true);
  EXPECT_EQ(regulated.fields.human_in_loop.from_risk, Risk::irreversible);
  EXPECT_EQ(regulated.fields.require_evidence, true);

  const auto legal = resolve({.mode = PolicyMode::legal_critical}).value();
  EXPECT_EQ(legal.budget_nano_usd, 5'000'000'000);
  EXPECT_EQ(legal.fields.human_in_loop.from_risk, Risk::external_io);
  EXPECT_EQ(legal.fields.require_citations, true);

  const auto hipaa = resolve({.mode = PolicyMode::hipaa}).value();
  EXPECT_EQ(hipaa.budget_nano_usd, 2'000'000'000);
  EXPECT_EQ(hipaa.fields.scrub_health_data, true);
  EXPECT_EQ(hipaa.fields.compliance, "hipaa");
}

TEST(Policy, AFieldThatIsGivenBeatsTheModeAlsoWhenItEqualsTheDefault) {
  const auto resolved = resolve({.mode = PolicyMode::dev, .budget_usd = 1.0, .enable_guardian = true}).value();
  EXPECT_EQ(resolved.budget_nano_usd, 1'000'000'000);
  EXPECT_EQ(resolved.fields.enable_guardian, true);
  Policy hipaa{.mode = PolicyMode::hipaa};
  hipaa.compliance = "none";
  hipaa.human_in_loop.enabled = false;
  EXPECT_EQ(resolve(hipaa)->fields.compliance, "none");
  EXPECT_EQ(resolve(hipaa)->fields.human_in_loop.enabled, false);
}

TEST(Policy, ValuesOutOfRangeAreRefusedByName) {
  const auto message_of = [](const Policy& policy) {
    const auto resolved = resolve(policy);
    return resolved ? std::string("accepted") : resolved.error().text();
  };
  EXPECT_THAT(message_of({.budget_usd = -1}), HasSubstr("budget_usd is -1"));
  EXPECT_THAT(message_of({.budget_usd = std::nan("")}), HasSubstr("budget_usd is nan"));
  EXPECT_THAT(message_of({.budget_usd = std::numeric_limits<double>::infinity()}), HasSubstr("budget_usd"));
  EXPECT_THAT(message_of({.budget_tokens = -1}), HasSubstr("budget_tokens"));
  EXPECT_THAT(message_of({.timeout_s = 0}), HasSubstr("timeout_s is 0"));
  EXPECT_THAT(message_of({.max_steps = 0}), HasSubstr("max_steps is 0"));
  EXPECT_THAT(message_of({.uncertainty_block = 1.01}), HasSubstr("uncertainty_block"));
  EXPECT_THAT(message_of({.retries = -1}), HasSubstr("retries"));
  EXPECT_THAT(message_of({.retry_backoff_s = std::nan("")}), HasSubstr("retry_backoff_s"));
  EXPECT_THAT(message_of({.circuit_breaker = {.failures = 0}}), HasSubstr("circuit_breaker.failures"));
  EXPECT_THAT(message_of({.telemetry_shutdown_timeout_ms = -5}), HasSubstr("telemetry_shutdown_timeout_ms"));
}

TEST(Policy, UnknownWordsAreRefusedWithTheRightOnes) {
  const auto region = resolve({.region = "XX"});
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(region.error().text(), HasSubstr("region is \"XX\""));
  EXPECT_THAT(region.error().text(), HasSubstr("DE"));
  const auto compliance = resolve({.compliance = "gdrp"});
  ASSERT_FALSE(compliance);
  EXPECT_THAT(compliance.error().text(), HasSubstr("did you mean \"gdpr\""));
  const auto protocol = resolve({.telemetry_otlp_protocol = "http"});
  ASSERT_FALSE(protocol);
  EXPECT_THAT(protocol.error().text(), HasSubstr("http/protobuf, http/json, grpc"));
  EXPECT_FALSE(resolve({.telemetry_otlp_endpoint = "localhost:4318"}));
  EXPECT_FALSE(resolve({.human_in_loop = {.approval_webhook = "ftp://example.com"}}));
  EXPECT_FALSE(resolve({.variant = "\xff"}));
}

TEST(Policy, EveryFieldCanBeSetFromText) {
  // One value for each field that is not its default: every field is named, and every field changes something.
  const std::map<std::string, std::string> values = {{"mode", "legal-critical"},
                                                     {"budget_usd", "0.5"},
                                                     {"budget_tokens", "1000"},
                                                     {"timeout_s", "2.5"},
                                                     {"step_timeout_s", "1"},
                                                     {"max_steps", "7"},
                                                     {"max_replans", "0"},
                                                     {"enable_guardian", "false"},
                                                     {"uncertainty_block", "0.5"},
                                                     {"uncertainty_hitl", "0.25"},
                                                     {"human_in_loop.enabled", "true"},
                                                     {"human_in_loop.from_risk", "internal"},
                                                     {"human_in_loop.timeout_s", "60"},
                                                     {"human_in_loop.approval_webhook", "https://example.com/ask"},
                                                     {"step_cost_block_usd", "0.01"},
                                                     {"content_policy.builtin_rules", "no"},
                                                     {"content_policy.rules_file", "rules.yaml"},
                                                     {"prices_file", "p.yaml"},
                                                     {"carbon_budget_g", "3"},
                                                     {"region", "FR"},
                                                     {"compliance", "eu-ai-act"},
                                                     {"require_evidence", "true"},
                                                     {"require_citations", "1"},
                                                     {"scrub_health_data", "on"},
                                                     {"retries", "0"},
                                                     {"retry_backoff_s", "0"},
                                                     {"circuit_breaker.failures", "2"},
                                                     {"circuit_breaker.window_s", "10"},
                                                     {"circuit_breaker.half_open_s", "5"},
                                                     {"capture_content", "true"},
                                                     {"telemetry_console", "tree"},
                                                     {"telemetry_otlp_endpoint", "http://localhost:4318"},
                                                     {"telemetry_otlp_protocol", "grpc"},
                                                     {"telemetry_otlp_headers", "a=b%2Cc, d=e"},
                                                     {"telemetry_short_attributes", "true"},
                                                     {"telemetry_file", "t.jsonl"},
                                                     {"telemetry_openinference", "true"},
                                                     {"telemetry_langfuse", "true"},
                                                     {"telemetry_baggage_keys", "tenant, user"},
                                                     {"telemetry_shutdown_timeout_ms", "100"},
                                                     {"variant", "b"},
                                                     {"data_dir", "data"}};
  for (const std::string& name : field_names()) {
    ASSERT_TRUE(values.contains(name)) << name;
    Policy policy;
    const auto set = set_field(policy, name, values.at(name));
    ASSERT_TRUE(set) << set.error().text();
    EXPECT_NE(policy, Policy{}) << name;
    EXPECT_TRUE(resolve(policy)) << name;
  }
  EXPECT_EQ(values.size(), field_names().size());
}

TEST(Policy, TextBecomesTheValueThatItSpells) {
  Policy policy;
  ASSERT_TRUE(set_field(policy, "telemetry_otlp_headers", "a=b%2Cc, d=e"));
  EXPECT_EQ(policy.telemetry_otlp_headers, (std::map<std::string, std::string>{{"a", "b,c"}, {"d", "e"}}));
  ASSERT_TRUE(set_field(policy, "telemetry_baggage_keys", "tenant, user"));
  EXPECT_EQ(policy.telemetry_baggage_keys, (std::vector<std::string>{"tenant", "user"}));
  ASSERT_TRUE(set_field(policy, "telemetry_console", "tree"));
  EXPECT_EQ(policy.telemetry_console, ConsoleTelemetry(ConsoleTelemetry::Mode::tree));
  ASSERT_TRUE(set_field(policy, "telemetry_console", "true"));
  EXPECT_EQ(policy.telemetry_console, ConsoleTelemetry(true));
  ASSERT_TRUE(set_field(policy, "budget_usd", "2"));
  EXPECT_EQ(policy.budget_usd, 2.0);
}

TEST(Policy, AWrongTypeNamesTheFieldAndLeavesThePolicyAsItWas) {
  Policy policy;
  const auto text = set_field(policy, "budget_usd", "abc");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message, "budget_usd is \"abc\", but must be a number");
  const auto truth = set_field_value(policy, "budget_usd", true);
  ASSERT_FALSE(truth);
  EXPECT_EQ(truth.error().message, "budget_usd is true, but must be a number");
  EXPECT_FALSE(set_field_value(policy, "max_steps", 2.5));
  EXPECT_FALSE(set_field_value(policy, "max_steps", std::int64_t{1} << 40));
  EXPECT_FALSE(set_field_value(policy, "enable_guardian", std::int64_t{1}));
  EXPECT_FALSE(set_field_value(policy, "variant", std::int64_t{1}));
  EXPECT_FALSE(set_field(policy, "max_steps", "12x"));
  EXPECT_FALSE(set_field(policy, "uncertainty_block", "2"));
  EXPECT_EQ(policy, Policy{});
}

TEST(Policy, TypedValuesAreTaken) {
  Policy policy;
  ASSERT_TRUE(set_field_value(policy, "budget_usd", std::int64_t{2}));
  ASSERT_TRUE(set_field_value(policy, "telemetry_console", true));
  ASSERT_TRUE(set_field_value(policy, "mode", std::string("legal_critical")));
  ASSERT_TRUE(set_field_value(policy, "telemetry_otlp_headers", std::map<std::string, std::string>{{"a", "b"}}));
  EXPECT_EQ(policy.budget_usd, 2.0);
  EXPECT_EQ(policy.mode, PolicyMode::legal_critical);
}

TEST(Policy, AnUnknownFieldHasAHint) {
  Policy policy;
  const auto set = set_field(policy, "budjet_usd", "1");
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().text(), "a policy has no field \"budjet_usd\" (did you mean \"budget_usd\"?)");
}

TEST(Policy, YamlSetsFieldsNestedAndDotted) {
  const auto policy = policy_from_yaml(
      "mode: regulated\n"
      "budget_usd: 3\n"
      "human_in_loop: {enabled: false, timeout_s: 10}\n"
      "circuit_breaker.failures: 2\n"
      "telemetry_otlp_headers: {a: b}\n"
      "telemetry_baggage_keys: [x, y]\n"
      "variant: 7\n"
      "region:\n",
      "p.yaml");
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_EQ(policy->mode, PolicyMode::regulated);
  EXPECT_EQ(policy->budget_usd, 3.0);
  EXPECT_EQ(policy->human_in_loop.enabled, false);
  EXPECT_EQ(policy->human_in_loop.timeout_s, 10);
  EXPECT_EQ(policy->circuit_breaker.failures, 2);
  EXPECT_EQ(policy->telemetry_otlp_headers.at("a"), "b");
  EXPECT_EQ(policy->telemetry_baggage_keys.size(), 2U);
  EXPECT_EQ(policy->variant, "7");
}

TEST(Policy, YamlErrorsSayWhere) {
  const auto text_of = [](std::string_view yaml) {
    const auto policy = policy_from_yaml(yaml, "p.yaml");
    return policy ? std::string("accepted") : policy.error().text();
  };
  EXPECT_EQ(text_of("mode: dev\nbudjet_usd: 1\n"),
            "p.yaml:2:1: a policy has no field \"budjet_usd\" (did you mean \"budget_usd\"?)");
  EXPECT_EQ(text_of("budget_usd: abc\n"), "p.yaml:1:13: budget_usd is \"abc\", but must be a number");
  EXPECT_EQ(text_of("budget_usd: \"1\"\n"), "p.yaml:1:13: budget_usd is \"1\", but must be a number");
  EXPECT_THAT(text_of("human_in_loop:\n  enabled: maybe\n"),
              HasSubstr("p.yaml:2:12: human_in_loop.enabled is \"maybe\""));
  EXPECT_THAT(text_of("human_in_loop: true\n"), HasSubstr("p.yaml:1:16: human_in_loop must be a map"));
  EXPECT_THAT(text_of("uncertainty_block: 2\n"), HasSubstr("p.yaml:1:20: uncertainty_block is 2"));
  EXPECT_THAT(text_of("mode: dev\nmode: hipaa\n"), HasSubstr("p.yaml:2:1"));
  EXPECT_THAT(text_of("mode: [\n"), HasSubstr("p.yaml:"));
  EXPECT_THAT(text_of("- mode\n"), HasSubstr("a policy must be a map"));
  EXPECT_EQ(policy_from_yaml("budget_usd: abc", "p.yaml").error().code, ErrorCode::invalid_input);
  EXPECT_EQ(policy_from_yaml("", "p.yaml").value(), Policy{});
}

TEST(Policy, EnvironmentSetsFieldsAndLeavesOthersAlone) {
  const Environment environment({{"MESHFLOW_BUDGET_USD", "0.1"},
                                 {"MESHFLOW_HUMAN_IN_LOOP_ENABLED", "true"},
                                 {"MESHFLOW_DATA", "somewhere"},
                                 {"MESHFLOW_MODE", "dev"},
                                 {"MESHFLOW_VARIANT", ""},
                                 {"MESHFLOW_MOCK", "1"},
                                 {"MESHFLOW_MODEL", "mock-small"},
                                 {"MESHFLOW_PROVIDER", "mock"}});
  Policy base{.variant = "kept"};
  const auto policy = runtime::policy_from(environment, base);
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_EQ(policy->budget_usd, 0.1);
  EXPECT_EQ(policy->human_in_loop.enabled, true);
  EXPECT_EQ(policy->data_dir, "somewhere");
  EXPECT_EQ(policy->mode, PolicyMode::dev);
  EXPECT_EQ(policy->variant, "kept");
  std::map<std::string, std::string, std::less<>> many{{"MESHFLOW_MAX_STEPS", "many"}};
  const auto wrong = runtime::policy_from(Environment(std::move(many)), {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "MESHFLOW_MAX_STEPS: max_steps is \"many\", but must be a whole number");
}

}  // namespace
}  // namespace meshflow
