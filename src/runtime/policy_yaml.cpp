// Policies in YAML: each value gets the type that YAML gives it, then goes through the table of fields.
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/policy_fields.hpp"
#include "runtime/policy_values.hpp"
#include "runtime/yaml.hpp"

namespace meshflow::runtime {
namespace {

using yaml::Value;

[[nodiscard]] bool takes_text(const PolicyField& field) {
  return std::holds_alternative<FieldIn<std::string>>(field.place) ||
         std::holds_alternative<FieldIn<std::optional<std::string>>>(field.place);
}

// Plain scalars by the core schema of YAML 1.2, as far as a policy needs it; quoted ones are text.
FieldValue scalar_value(const PolicyField& field, const Value& value) {
  if (value.is_quoted || takes_text(field)) return value.scalar;
  if (value.scalar == "true" || value.scalar == "True" || value.scalar == "TRUE") return true;
  if (value.scalar == "false" || value.scalar == "False" || value.scalar == "FALSE") return false;
  if (const auto whole = yaml::integer_of(value, field.name)) return *whole;
  if (const auto number = yaml::number_of(value, field.name)) return *number;
  return value.scalar;
}

Result<FieldValue> map_value(const PolicyField& field, const Value& map) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : map.entries) {
    MESHFLOW_TRY(texts[key.scalar], yaml::text_of(value, fmt::format("{} in {}", key.scalar, field.name)));
  }
  return FieldValue(std::move(texts));
}

Result<FieldValue> field_value(const PolicyField& field, const Value& value) {
  if (value.kind == Value::Kind::scalar) return scalar_value(field, value);
  if (value.kind == Value::Kind::map) return map_value(field, value);
  MESHFLOW_TRY(auto texts, yaml::texts_of(value, field.name));
  return FieldValue(std::move(texts));
}

// `error`, as one of the file at the place of `value`.
tl::unexpected<Error> at(const Value& value, Error error) {
  return yaml::fail_at(value, std::move(error.message), std::move(error.hint));
}

[[nodiscard]] bool is_group(std::string_view name) {
  const std::string prefix = fmt::format("{}.", name);
  for (const PolicyField& field : policy_fields()) {
    if (field.name.starts_with(prefix)) return true;
  }
  return false;
}

Result<void> read_fields(const Value& map, const std::string& prefix, Policy& policy) {
  if (map.kind == Value::Kind::null) return {};
  if (map.kind != Value::Kind::map) {
    return yaml::fail_at(map, fmt::format("{} must be a map of fields",
                                          prefix.empty() ? "a policy" : prefix.substr(0, prefix.size() - 1)));
  }
  for (const auto& [key, value] : map.entries) {
    const std::string name = prefix + key.scalar;
    if (prefix.empty() && is_group(name)) {
      MESHFLOW_CHECK(read_fields(value, name + ".", policy));
      continue;
    }
    auto field = find_field(name);
    if (!field) return at(key, std::move(field).error());
    if (value.kind == Value::Kind::null) continue;  // "budget_usd:" without a value leaves the field as it is
    MESHFLOW_TRY(const auto typed, field_value(**field, value));
    if (auto assigned = assign(**field, policy, typed); !assigned) return at(value, std::move(assigned).error());
  }
  return {};
}

}  // namespace

Result<Policy> policy_from_value(const Value& map, Policy base) {
  MESHFLOW_CHECK(read_fields(map, {}, base));
  return base;
}

}  // namespace meshflow::runtime
