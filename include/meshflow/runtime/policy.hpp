// What a run may do, cost and take. A Policy is plain data; `resolve` applies its mode and checks every field.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow {

enum class PolicyMode { dev, standard, regulated, legal_critical, hipaa };

// What an action can do to the world, mildest first.
enum class Risk { read_only, internal, external_io, irreversible };

// `false`: nothing; `true`: each span as it ends; "tree": each run once, as a tree, when it ends.
struct ConsoleTelemetry {
  enum class Mode { off, spans, tree };
  Mode mode = Mode::off;
  ConsoleTelemetry() = default;
  ConsoleTelemetry(bool on) : mode(on ? Mode::spans : Mode::off) {}  // NOLINT(google-explicit-constructor)
  ConsoleTelemetry(Mode which) : mode(which) {}                      // NOLINT(google-explicit-constructor)
  friend bool operator==(const ConsoleTelemetry&, const ConsoleTelemetry&) = default;
};

struct HumanInLoop {
  std::optional<bool> enabled = std::nullopt;          // asks people at all; a mode may set it
  std::optional<Risk> from_risk = std::nullopt;  // actions of this risk or above wait for a person; a mode may set it
  double timeout_s = 86400;  // an undecided request is rejected after this time
  std::string approval_webhook = {};  // http(s) URL that is told of each request
  friend bool operator==(const HumanInLoop&, const HumanInLoop&) = default;
};

struct ContentPolicy {
  bool builtin_rules = true;
  std::string rules_file = {};  // own rules, YAML
  friend bool operator==(const ContentPolicy&, const ContentPolicy&) = default;
};

struct CircuitBreaker {
  int failures = 5;
  double window_s = 60;
  double half_open_s = 30;
  friend bool operator==(const CircuitBreaker&, const CircuitBreaker&) = default;
};

// Fields that a mode sets are optional: one that is given beats the mode, also when it equals the default.
// Amounts of 0 switch a limit off where the comment says so.
struct Policy {
  PolicyMode mode = PolicyMode::standard;
  std::optional<double> budget_usd = std::nullopt;  // standard 1.0, dev 0.25, regulated 2, legal_critical 5, hipaa 2
  std::int64_t budget_tokens = 500'000;
  double timeout_s = 300;  // running time of a run, waiting for people not counted
  double step_timeout_s = 0;  // 0: off
  int max_steps = 50;
  int max_replans = 3;
  std::optional<bool> enable_guardian = std::nullopt;  // true; dev: false
  double uncertainty_block = 0.9;  // an agent above it is blocked
  double uncertainty_hitl = 0.75;  // an agent above it waits for a person, where people are asked
  HumanInLoop human_in_loop = {};
  double step_cost_block_usd = 0;  // 0: off
  ContentPolicy content_policy = {};
  std::string prices_file = {};  // own prices, YAML, over the shipped table
  double carbon_budget_g = 0;  // 0: off
  std::string region = {};  // for the grid factor, "DE"; empty: world
  std::optional<std::string> compliance =
      std::nullopt;  // none, hipaa, sox, gdpr, pci, nerc, iso27001, ccpa, dora, eu-ai-act
  std::optional<bool> require_evidence = std::nullopt;  // regulated: an answer without evidence is blocked
  std::optional<bool> require_citations = std::nullopt;  // legal_critical: an answer without citations is blocked
  std::optional<bool> scrub_health_data = std::nullopt;  // hipaa: health data is removed from output and telemetry
  int retries = 3;
  double retry_backoff_s = 0.5;  // first pause; doubles, with jitter
  CircuitBreaker circuit_breaker = {};
  bool capture_content = false;
  ConsoleTelemetry telemetry_console = {};
  std::string telemetry_otlp_endpoint = {};
  std::string telemetry_otlp_protocol = {};  // http/protobuf where empty and the environment is silent; grpc, http/json
  std::map<std::string, std::string> telemetry_otlp_headers = {};
  bool telemetry_short_attributes = false;
  std::string telemetry_file = {};  // OTLP JSON lines
  bool telemetry_openinference = false;
  bool telemetry_langfuse = false;
  std::vector<std::string> telemetry_baggage_keys = {};  // baggage entries copied to every span
  int telemetry_shutdown_timeout_ms = 5000;
  std::string variant = {};
  std::string data_dir = {};

  friend bool operator==(const Policy&, const Policy&) = default;
};

// A policy with its mode applied and every value checked. The optional fields of `fields` all have a value.
struct ResolvedPolicy {
  Policy fields;
  std::int64_t budget_nano_usd = 0;
  std::int64_t step_cost_block_nano_usd = 0;  // 0: off
  std::int64_t carbon_budget_nanograms = 0;  // 0: off
};

// Applies the mode; an unusable value is an Error (invalid_argument) that names the field and what would be right.
[[nodiscard]] Result<ResolvedPolicy> resolve(const Policy& policy);

// Sets one field by its name ("budget_usd", "human_in_loop.enabled") from text, as `--set` and the environment do.
// Lists are "a,b"; maps are "key=value,key=value" with percent-encoded values. Unknown names, wrong types and values
// out of range are Errors that name the field.
[[nodiscard]] Result<void> set_field(Policy& policy, std::string_view field, std::string_view value);

// A value that has a type already, as bindings hand it over. A float field takes an integer too; a text field takes
// text only; lists and maps are for the fields that are some.
using FieldValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, std::map<std::string, std::string>>;
[[nodiscard]] Result<void> set_field_value(Policy& policy, std::string_view field, const FieldValue& value);
// The value of a field, as set_field_value takes it; nothing for one that is left to the mode.
[[nodiscard]] Result<std::optional<FieldValue>> field_value(const Policy& policy, std::string_view field);

// The names of all fields, in the order above, nested ones with a dot.
[[nodiscard]] std::vector<std::string> field_names();

// `yaml` holds a map of fields; errors carry file, line and column. `file` is for messages only.
[[nodiscard]] Result<Policy> policy_from_yaml(std::string_view yaml, const std::string& file, Policy base = {});

// Fields from MESHFLOW_<FIELD> variables of the process ("MESHFLOW_BUDGET_USD", "MESHFLOW_HUMAN_IN_LOOP_ENABLED"), over
// `base`. The field data_dir is MESHFLOW_DATA. An empty variable counts as unset.
[[nodiscard]] Result<Policy> policy_from_environment(Policy base = {});

[[nodiscard]] std::string_view name_of(PolicyMode mode) noexcept;  // "legal-critical"
[[nodiscard]] std::string_view name_of(Risk risk) noexcept;  // "external_io"

}  // namespace meshflow
