// The words that a policy's fields may hold, and how values of any kind become those of a field.
#pragma once

#include <array>
#include <string_view>

#include "meshflow/runtime/policy.hpp"
#include "runtime/policy_fields.hpp"

namespace meshflow::runtime {

// In the order of the enumerations.
inline constexpr std::array<std::string_view, 5> kModeNames = {"dev", "standard", "regulated", "legal-critical",
                                                               "hipaa"};
inline constexpr std::array<std::string_view, 4> kRiskNames = {"read_only", "internal", "external_io", "irreversible"};

inline constexpr std::array<std::string_view, 10> kComplianceModes = {"none", "hipaa",    "sox",  "gdpr", "pci",
                                                                      "nerc", "iso27001", "ccpa", "dora", "eu-ai-act"};

// The value of the right type for `field` that `text` spells; an Error says what is expected.
[[nodiscard]] Result<FieldValue> value_from_text(const PolicyField& field, std::string_view text);

// Puts `value` into `field` of `policy` and checks it; the policy is as before where that fails.
[[nodiscard]] Result<void> assign(const PolicyField& field, Policy& policy, const FieldValue& value);

}  // namespace meshflow::runtime
