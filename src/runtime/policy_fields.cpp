#include "runtime/policy_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "net/url.hpp"
#include "runtime/carbon.hpp"
#include "base/nearest.hpp"
#include "runtime/policy_values.hpp"

namespace meshflow::runtime {
namespace {

constexpr double kMoneyUsdMax = 1e9;
constexpr double kCarbonGramsMax = 1e9;
constexpr double kRunSecondsMax = 30 * 86400;
constexpr double kWaitSecondsMax = 366 * 86400.0;

Result<void> check_choice(std::string_view field, std::string_view value, const std::vector<std::string_view>& right) {
  if (std::find(right.begin(), right.end(), value) != right.end()) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is \"{}\", which is none of {}", field, value, fmt::join(right, ", ")),
              name_hint(value, right));
}

Result<void> check_region(std::string_view field, std::string_view value) {
  if (value.empty()) return {};
  static const CarbonModel factors = CarbonModel::shipped();
  return check_choice(field, value, factors.regions());
}

Result<void> check_compliance(std::string_view field, std::string_view value) {
  return check_choice(field, value, {kComplianceModes.begin(), kComplianceModes.end()});
}

Result<void> check_protocol(std::string_view field, std::string_view value) {
  if (value.empty()) return {};
  return check_choice(field, value, {"http/protobuf", "http/json", "grpc"});
}

Result<void> check_url(std::string_view field, std::string_view value) {
  if (value.empty()) return {};
  MESHFLOW_CHECK(net::parse_endpoint_url(field, value));
  return {};
}

template <typename T>
PolicyField field(std::string_view name, T& (*place)(Policy&)) {
  return PolicyField{name, place};
}
template <typename T>
PolicyField number(std::string_view name, T& (*place)(Policy&), double min, double max) {
  return PolicyField{name, place, min, max};
}
template <typename T>
PolicyField above(std::string_view name, T& (*place)(Policy&), double min, double max) {
  return PolicyField{name, place, min, max, true};
}
template <typename T>
PolicyField text(std::string_view name, T& (*place)(Policy&),
                 Result<void> (*check)(std::string_view, std::string_view)) {
  PolicyField made{name, place};
  made.check_text = check;
  return made;
}

// What `place` refers to, as a function pointer that the table can hold.
template <auto kOuter, auto kInner>
auto& nested(Policy& policy) {
  return policy.*kOuter.*kInner;
}
template <auto kMember>
auto& direct(Policy& policy) {
  return policy.*kMember;
}

std::vector<PolicyField> make_fields() {
  using P = Policy;
  constexpr auto kHuman = &P::human_in_loop;
  constexpr auto kContent = &P::content_policy;
  constexpr auto kBreaker = &P::circuit_breaker;
  return {
      field("mode", direct<&P::mode>),
      number("budget_usd", direct<&P::budget_usd>, 0, kMoneyUsdMax),
      number("budget_tokens", direct<&P::budget_tokens>, 0, 1e15),
      above("timeout_s", direct<&P::timeout_s>, 0, kRunSecondsMax),
      number("step_timeout_s", direct<&P::step_timeout_s>, 0, kRunSecondsMax),
      number("max_steps", direct<&P::max_steps>, 1, 1e6),
      number("max_replans", direct<&P::max_replans>, 0, 1000),
      field("enable_guardian", direct<&P::enable_guardian>),
      number("uncertainty_block", direct<&P::uncertainty_block>, 0, 1),
      number("uncertainty_hitl", direct<&P::uncertainty_hitl>, 0, 1),
      field("human_in_loop.enabled", nested<kHuman, &HumanInLoop::enabled>),
      field("human_in_loop.from_risk", nested<kHuman, &HumanInLoop::from_risk>),
      above("human_in_loop.timeout_s", nested<kHuman, &HumanInLoop::timeout_s>, 0, kWaitSecondsMax),
      text("human_in_loop.approval_webhook", nested<kHuman, &HumanInLoop::approval_webhook>, check_url),
      number("step_cost_block_usd", direct<&P::step_cost_block_usd>, 0, kMoneyUsdMax),
      field("content_policy.builtin_rules", nested<kContent, &ContentPolicy::builtin_rules>),
      field("content_policy.rules_file", nested<kContent, &ContentPolicy::rules_file>),
      field("prices_file", direct<&P::prices_file>),
      number("carbon_budget_g", direct<&P::carbon_budget_g>, 0, kCarbonGramsMax),
      text("region", direct<&P::region>, check_region),
      text("compliance", direct<&P::compliance>, check_compliance),
      field("require_evidence", direct<&P::require_evidence>),
      field("require_citations", direct<&P::require_citations>),
      field("scrub_health_data", direct<&P::scrub_health_data>),
      number("retries", direct<&P::retries>, 0, 100),
      number("retry_backoff_s", direct<&P::retry_backoff_s>, 0, 3600),
      number("circuit_breaker.failures", nested<kBreaker, &CircuitBreaker::failures>, 1, 1000),
      above("circuit_breaker.window_s", nested<kBreaker, &CircuitBreaker::window_s>, 0, 86400),
      above("circuit_breaker.half_open_s", nested<kBreaker, &CircuitBreaker::half_open_s>, 0, 86400),
      field("capture_content", direct<&P::capture_content>),
      field("telemetry_console", direct<&P::telemetry_console>),
      text("telemetry_otlp_endpoint", direct<&P::telemetry_otlp_endpoint>, check_url),
      text("telemetry_otlp_protocol", direct<&P::telemetry_otlp_protocol>, check_protocol),
      field("telemetry_otlp_headers", direct<&P::telemetry_otlp_headers>),
      field("telemetry_short_attributes", direct<&P::telemetry_short_attributes>),
      field("telemetry_file", direct<&P::telemetry_file>),
      field("telemetry_openinference", direct<&P::telemetry_openinference>),
      field("telemetry_langfuse", direct<&P::telemetry_langfuse>),
      field("telemetry_baggage_keys", direct<&P::telemetry_baggage_keys>),
      number("telemetry_shutdown_timeout_ms", direct<&P::telemetry_shutdown_timeout_ms>, 0, 600'000),
      field("variant", direct<&P::variant>),
      field("data_dir", direct<&P::data_dir>),
  };
}

// --- Checks of what a field holds
// -------------------------------------------------------------------------------------

struct Check {
  const PolicyField& field;

  [[nodiscard]] tl::unexpected<Error> refuse(std::string message, std::string hint = {}) const {
    return fail(ErrorCode::invalid_argument, std::move(message), std::move(hint));
  }
  Result<void> number(double value) const {
    if (std::isfinite(value) && value <= field.max && (field.above_min ? value > field.min : value >= field.min))
      return {};
    return refuse(fmt::format("{} is {}, which is out of range", field.name, value),
                  fmt::format("{} {} to {}", field.above_min ? "more than" : "from", field.min, field.max));
  }
  Result<void> one_text(std::string_view value) const {
    if (value.size() > kPolicyTextBytesMax) {
      return refuse(fmt::format("{} has {} bytes; the limit is {}", field.name, value.size(), kPolicyTextBytesMax));
    }
    if (!is_valid_utf8(value)) return refuse(fmt::format("{} is not valid UTF-8", field.name));
    if (value.find('\0') != std::string_view::npos) return refuse(fmt::format("{} contains a zero byte", field.name));
    return {};
  }
  Result<void> count(std::size_t entries) const {
    if (entries <= kPolicyListMax) return {};
    return refuse(fmt::format("{} has {} entries; the limit is {}", field.name, entries, kPolicyListMax));
  }

  Result<void> operator()(PolicyMode mode) const {
    if (mode >= PolicyMode::dev && mode <= PolicyMode::hipaa) return {};
    return refuse(fmt::format("{} is no policy mode", field.name),
                  fmt::format("one of {}", fmt::join(kModeNames, ", ")));
  }
  Result<void> operator()(Risk risk) const {
    if (risk >= Risk::read_only && risk <= Risk::irreversible) return {};
    return refuse(fmt::format("{} is no risk", field.name), fmt::format("one of {}", fmt::join(kRiskNames, ", ")));
  }
  Result<void> operator()(const ConsoleTelemetry& console) const {
    if (console.mode >= ConsoleTelemetry::Mode::off && console.mode <= ConsoleTelemetry::Mode::tree) return {};
    return refuse(fmt::format("{} is no console mode", field.name), "true, false or \"tree\"");
  }
  Result<void> operator()(bool) const { return {}; }
  Result<void> operator()(int value) const { return number(value); }
  Result<void> operator()(std::int64_t value) const { return number(static_cast<double>(value)); }
  Result<void> operator()(double value) const { return number(value); }
  Result<void> operator()(const std::string& value) const {
    MESHFLOW_CHECK(one_text(value));
    return field.check_text == nullptr ? Result<void>{} : field.check_text(field.name, value);
  }
  Result<void> operator()(const std::vector<std::string>& values) const {
    MESHFLOW_CHECK(count(values.size()));
    for (const auto& value : values) {
      if (value.empty()) return refuse(fmt::format("{} has an empty entry", field.name));
      MESHFLOW_CHECK(one_text(value));
    }
    return {};
  }
  Result<void> operator()(const std::map<std::string, std::string>& values) const {
    MESHFLOW_CHECK(count(values.size()));
    for (const auto& [key, value] : values) {
      if (key.empty()) return refuse(fmt::format("{} has an entry without a name", field.name));
      MESHFLOW_CHECK(one_text(key));
      MESHFLOW_CHECK(one_text(value));
    }
    return {};
  }
  template <typename T>
  Result<void> operator()(const std::optional<T>& value) const {
    return value ? (*this)(*value) : Result<void>{};
  }
};

}  // namespace

std::span<const PolicyField> policy_fields() {
  static const std::vector<PolicyField> fields = make_fields();
  return fields;
}

Result<const PolicyField*> find_field(std::string_view name) {
  for (const PolicyField& field : policy_fields()) {
    if (field.name == name) return &field;
  }
  return fail(ErrorCode::invalid_argument, fmt::format("a policy has no field \"{}\"", name),
              name_hint(name, field_names()));
}

Result<void> check_field(const PolicyField& field, const Policy& policy) {
  // The table's places are for writing too; nothing is written here.
  auto& readable = const_cast<Policy&>(policy);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return std::visit([&](auto place) -> Result<void> { return Check{field}(place(readable)); }, field.place);
}

}  // namespace meshflow::runtime

namespace meshflow {

std::vector<std::string> field_names() {
  std::vector<std::string> names;
  for (const runtime::PolicyField& field : runtime::policy_fields()) names.emplace_back(field.name);
  return names;
}

}  // namespace meshflow
