// Lesson 18, OpenTelemetry and production observability: the same pipeline and output as 18_opentelemetry.py.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <meshflow/meshflow.hpp>

namespace {

using meshflow::AgentContext;
using meshflow::AgentReply;
using meshflow::Result;

constexpr const char* kUsage = R"(usage: 18_opentelemetry [--jaeger] [--task TEXT] [--no-console] [--help]

Runs the lesson's pipeline once and prints every span of it.

  --jaeger      send the spans to OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318
  --task TEXT   what the pipeline works on
  --no-console  print no spans, only the summary

MESHFLOW_MOCK=1 selects the model without network; MESHFLOW_<FIELD> sets a field of the policy.
)";
constexpr const char* kJaegerEndpoint = "http://localhost:4318";
constexpr std::initializer_list<const char*> kOtlpVariables = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                                                               "OTEL_EXPORTER_OTLP_ENDPOINT"};
constexpr std::chrono::seconds kFlushTime{
    8};  // with what closing takes, less than the 15 s that a dead backend may cost

struct Options {
  bool jaeger = false;
  bool console = true;
  std::string task = "Should our shop move its order history to a time series database?";
};

int usage_error(const std::string& message) {
  std::fprintf(stderr, "18_opentelemetry: %s\n%s", message.c_str(), kUsage);
  return 2;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_any_set(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (!environment(name).empty()) return true;
  }
  return false;
}

// Where nothing says which model to ask, the lesson takes the mock, and says so.
bool uses_mock() {
  std::string asked = environment("MESHFLOW_MOCK");
  for (char& c : asked) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (asked == "1" || asked == "true" || asked == "yes") return true;
  if (is_any_set({"MESHFLOW_PROVIDER", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_HOST"})) return false;
  std::fputs("no model provider is configured: using the mock model (MESHFLOW_MOCK=1 does so without this line)\n",
             stderr);
  return true;
}

std::string default_data_dir() {
  if (const std::string data_home = environment("XDG_DATA_HOME"); !data_home.empty()) return data_home + "/meshflow";
  return environment("HOME") + "/.local/share/meshflow";
}

Result<meshflow::Policy> make_policy(const Options& options) {
  meshflow::Policy policy{
      .human_in_loop = {.enabled = true},
      .step_cost_block_usd = 0.05,
      .telemetry_console = options.console,
      .data_dir = default_data_dir(),
  };
  if (options.jaeger && !is_any_set(kOtlpVariables)) {
    policy.telemetry_otlp_endpoint = kJaegerEndpoint;
  }
  auto with_environment = meshflow::policy_from_environment(policy);  // MESHFLOW_ENABLE_GUARDIAN=false and the like
  if (!with_environment) return with_environment;
  if (!options.console) with_environment->telemetry_console = false;
  return with_environment;
}

// Where spans are sent; empty: nowhere.
std::string endpoint_of(const meshflow::Policy& policy) {
  if (!policy.telemetry_otlp_endpoint.empty()) return policy.telemetry_otlp_endpoint;
  for (const char* name : kOtlpVariables) {
    if (std::string endpoint = environment(name); !endpoint.empty()) return endpoint;
  }
  return {};
}

Result<std::string> price_lookup(AgentContext& ctx) {
  if (auto slept = ctx.wait(ctx.sleep(std::chrono::milliseconds(25))); !slept) return tl::unexpected(slept.error());
  return "hosted: 410 USD a month; on own machines: 260 USD a month";
}

Result<std::string> customer_record(AgentContext&) { return "customer 1042 pays by card 4111 1111 1111 1111"; }

// Quotes the record as it is, which the content policy will not have.
Result<AgentReply> publisher(AgentContext& ctx) {
  auto record = ctx.wait(ctx.call_tool("customer_record", R"({"customer": 1042})"));
  if (!record) return tl::unexpected(record.error());
  auto text = ctx.wait(ctx.call_model({.messages = {{.content = "Write the recommendation.\n" + ctx.input()}}}));
  if (!text) return tl::unexpected(text.error());
  return AgentReply{text->text + "\nFor example: " + *record};
}

// The same text without the record.
Result<AgentReply> redactor(AgentContext& ctx) {
  auto text = ctx.wait(
      ctx.call_model({.messages = {{.content = "Write the recommendation without personal data.\n" + ctx.input()}}}));
  if (!text) return tl::unexpected(text.error());
  return AgentReply{text->text};
}

meshflow::MeshOptions mesh_options() {
  meshflow::MeshOptions options;
  if (!uses_mock()) return options;
  options.model = meshflow::mock_model({std::chrono::milliseconds(20), std::chrono::milliseconds(120)});
  options.approver = [](const meshflow::PendingRequest&) { return meshflow::Decision{true, "auto (mock)"}; };
  return options;
}

int exit_code(meshflow::RunStatus status) {
  switch (status) {
    case meshflow::RunStatus::completed: return 0;
    case meshflow::RunStatus::aborted: return 3;
    case meshflow::RunStatus::paused: return 4;
    default: return 1;
  }
}

int run(const Options& options) {
  auto policy = make_policy(options);
  if (!policy) return meshflow::report(policy.error());
  // The lesson's queries then work word for word in any backend.
  if (!endpoint_of(*policy).empty()) policy->telemetry_short_attributes = true;
  auto workflow = meshflow::Workflow::from_file(LESSON_WORKFLOW);
  if (!workflow) return meshflow::report(workflow.error());

  meshflow::Mesh mesh(*policy, mesh_options());
  mesh.add(meshflow::Tool{.name = "price_lookup", .body = price_lookup});
  mesh.add(meshflow::Tool{.name = "customer_record", .body = customer_record});
  mesh.add(meshflow::Agent{.id = "publisher", .body = publisher});
  mesh.add(meshflow::Agent{.id = "redactor", .body = redactor});

  auto result = mesh.run_blocking(options.task, {.workflow = std::make_shared<const meshflow::Workflow>(*workflow)});
  if (!result) return meshflow::report(result.error());
  std::printf("\n%s", meshflow::summary_text(*result).c_str());
  const bool delivered = mesh.flush(kFlushTime);
  const auto warnings = mesh.warnings();
  const bool all_went_well = delivered && warnings.empty();
  const std::string endpoint = endpoint_of(*policy);
  if (!endpoint.empty() && all_went_well) {
    std::printf("%-12s: http://localhost:16686/trace/%s\n", "look at", result->trace_id.c_str());
  }
  std::fflush(stdout);
  if (!endpoint.empty() && !all_went_well) {
    std::fprintf(stderr, "the spans were not delivered: does a trace backend listen at %s? The run itself is whole.\n",
                 endpoint.c_str());
  }
  for (const std::string& warning : warnings) std::fprintf(stderr, "%s\n", warning.c_str());
  return exit_code(result->status);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fputs(kUsage, stdout);
      return 0;
    }
    if (argument == "--jaeger") {
      options.jaeger = true;
    } else if (argument == "--no-console") {
      options.console = false;
    } else if (argument == "--task" && i + 1 < argc) {
      options.task = argv[++i];
    } else if (argument == "--task") {
      return usage_error("--task needs a TEXT");
    } else {
      return usage_error("there is no option " + std::string(argument));
    }
  }
  return run(options);
}
