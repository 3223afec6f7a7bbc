// What each compliance mode demands of an output.
#pragma once

#include <string_view>

#include "meshflow/runtime/policy.hpp"

namespace meshflow::runtime {

// The policy has a compliance gate: a mode, or a demand for evidence or citations.
[[nodiscard]] bool has_compliance_rules(const Policy& policy) noexcept;

// A line that begins with "Evidence", "Source(s)" or "Reference(s)" and a colon or as a heading, or a link.
[[nodiscard]] bool has_evidence(std::string_view output);
// [1], [^1], [@key], (Name, 2024), a DOI, a section sign with a number, or a link.
[[nodiscard]] bool has_citations(std::string_view output);

}  // namespace meshflow::runtime
