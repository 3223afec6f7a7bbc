// Policies in YAML: each value gets the type that YAML gives it, then goes through the table of fields.
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/nearest.hpp"
#include "runtime/policy_fields.hpp"
#include "runtime/policy_values.hpp"
#include "runtime/yaml_text.hpp"

namespace meshflow::runtime {
namespace {

[[nodiscard]] bool takes_text(const PolicyField& field) {
  return std::holds_alternative<FieldIn<std::string>>(field.place) ||
         std::holds_alternative<FieldIn<std::optional<std::string>>>(field.place);
}

// Plain scalars by the core schema of YAML 1.2, as far as a policy needs it; quoted ones are text.
FieldValue scalar_value(const PolicyField& field, const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (!is_plain_scalar(node) || takes_text(field)) return text;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto read = std::from_chars(text.data(), end, whole); read.ec == std::errc{} && read.ptr == end) return whole;
  double number = 0;
  if (const auto read = std::from_chars(text.data(), end, number); read.ec == std::errc{} && read.ptr == end) return number;
  return text;
}

Result<FieldValue> list_value(const PolicyField& field, const YAML::Node& node, const std::string& file) {
  std::vector<std::string> entries;
  for (const auto& entry : node) {
    if (!entry.IsScalar()) return fail_at(entry, file, fmt::format("an entry of {} must be text", field.name));
    entries.push_back(entry.Scalar());
  }
  return FieldValue(std::move(entries));
}

Result<FieldValue> map_value(const PolicyField& field, const YAML::Node& node, const std::string& file) {
  std::map<std::string, std::string> entries;
  MESHFLOW_CHECK(for_each_entry(node, file, field.name,
                                [&](const std::string& key, const YAML::Node&, const YAML::Node& value) -> Result<void> {
                                  if (!value.IsScalar()) {
                                    return fail_at(value, file, fmt::format("{} in {} must be text", key, field.name));
                                  }
                                  entries[key] = value.Scalar();
                                  return {};
                                }));
  return FieldValue(std::move(entries));
}

Result<void> set_from_node(const PolicyField& field, Policy& policy, const YAML::Node& node, const std::string& file) {
  if (node.IsNull()) return {};  // "budget_usd:" without a value leaves the field as it is
  Result<FieldValue> value = FieldValue{};
  if (node.IsScalar()) value = scalar_value(field, node);
  if (node.IsSequence()) value = list_value(field, node, file);
  if (node.IsMap()) value = map_value(field, node, file);
  if (!value) return tl::unexpected(value.error());
  auto assigned = assign(field, policy, *value);
  if (!assigned) return tl::unexpected(with_position(std::move(assigned).error(), node, file));
  return {};
}

[[nodiscard]] bool is_group(std::string_view name) {
  const std::string prefix = fmt::format("{}.", name);
  for (const PolicyField& field : policy_fields()) {
    if (field.name.starts_with(prefix)) return true;
  }
  return false;
}

Result<void> read_fields(const YAML::Node& node, const std::string& file, const std::string& prefix, Policy& policy) {
  const std::string what = prefix.empty() ? "policy" : prefix.substr(0, prefix.size() - 1);
  return for_each_entry(node, file, what,
                        [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) -> Result<void> {
                          const std::string name = prefix + key;
                          if (prefix.empty() && is_group(name)) return read_fields(value, file, name + ".", policy);
                          const auto field = find_field(name);
                          if (!field) return tl::unexpected(with_position(field.error(), key_node, file));
                          return set_from_node(**field, policy, value, file);
                        });
}

}  // namespace

Result<Policy> policy_from_node(const YAML::Node& node, const std::string& file, Policy base) {
  MESHFLOW_CHECK(read_fields(node, file, {}, base));
  return base;
}

}  // namespace meshflow::runtime
