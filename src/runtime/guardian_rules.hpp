// The guardian's built-in rules as one table. docs/guardian.md shows the same to people.
#pragma once

#include <span>
#include <string_view>

#include "runtime/guardian.hpp"

namespace meshflow::runtime {

// Confirms what a pattern found; patterns alone would take too much for a card or an id.
using MatchCheck = bool (*)(std::string_view match);

struct BuiltinRule {
  std::string_view id;
  std::string_view pattern;  // RE2; the first group, where there is one, is what was found
  Severity on_input;
  Severity on_output;
  MatchCheck check = nullptr;
};

// What is looked for in every text.
[[nodiscard]] std::span<const BuiltinRule> builtin_rules();
// What is looked for only where health data must go: severities do not matter.
[[nodiscard]] std::span<const BuiltinRule> health_rules();

// ISO/IEC 7812-1, annex B. Spaces and dashes are skipped.
[[nodiscard]] bool is_luhn(std::string_view text) noexcept;
[[nodiscard]] bool is_card_number(std::string_view text) noexcept;
// 001-01-0001 and up, without the ranges that are never given out (SSA, POMS RM 10201.035).
[[nodiscard]] bool is_us_ssn(std::string_view text) noexcept;
// ISO 13616: mod 97 of the rearranged digits is 1.
[[nodiscard]] bool is_iban(std::string_view text) noexcept;
// Spain's DNI and NIE: the letter is number mod 23.
[[nodiscard]] bool is_es_dni(std::string_view text) noexcept;
// France's NIR: 97 minus number mod 97; Corsica's 2A and 2B count as 19 and 18.
[[nodiscard]] bool is_fr_nir(std::string_view text) noexcept;
// The NHS number of England: weighted mod 11.
[[nodiscard]] bool is_nhs_number(std::string_view text) noexcept;
// A US provider's NPI: Luhn after the prefix 80840.
[[nodiscard]] bool is_npi(std::string_view text) noexcept;
// More than one kind of character, and no placeholder such as "your-api-key-here".
[[nodiscard]] bool is_random_secret(std::string_view text) noexcept;

}  // namespace meshflow::runtime
