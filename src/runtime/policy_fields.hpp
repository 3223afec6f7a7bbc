// The one table of a policy's fields: names, types, ranges. Everything that sets or checks a field goes through it.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/environment.hpp"
#include "meshflow/runtime/policy.hpp"
#include "runtime/yaml.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kPolicyTextBytesMax = 4096;  // one text value
inline constexpr std::size_t kPolicyListMax = 64;         // entries of a list or map

// Where in a Policy a field lives.
template <typename T>
using FieldIn = T& (*)(Policy&);

using FieldPlace =
    std::variant<FieldIn<PolicyMode>, FieldIn<bool>, FieldIn<std::optional<bool>>, FieldIn<int>, FieldIn<std::int64_t>,
                 FieldIn<double>, FieldIn<std::optional<double>>, FieldIn<std::string>,
                 FieldIn<std::optional<std::string>>, FieldIn<std::optional<Risk>>, FieldIn<ConsoleTelemetry>,
                 FieldIn<std::vector<std::string>>, FieldIn<std::map<std::string, std::string>>>;

struct PolicyField {
  std::string_view name;
  FieldPlace place;
  double min = 0;  // numbers only; `above_min`: min itself is not allowed
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;
  Result<void> (*check_text)(std::string_view field, std::string_view value) = nullptr;  // texts only
};

// In the order of struct Policy. Lives forever.
[[nodiscard]] std::span<const PolicyField> policy_fields();

// The field of that name, or an Error with the nearest name.
[[nodiscard]] Result<const PolicyField*> find_field(std::string_view name);

// Checks the value that `policy` has in `field`; a field without a value is fine.
[[nodiscard]] Result<void> check_field(const PolicyField& field, const Policy& policy);

// The fields of a map that may be part of a larger file, over `base`; nested maps and dotted names both work.
[[nodiscard]] Result<Policy> policy_from_value(const yaml::Value& map, Policy base = {});

[[nodiscard]] Result<Policy> policy_from(const Environment& environment, Policy base);

}  // namespace meshflow::runtime
