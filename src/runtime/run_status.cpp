#include <algorithm>
#include <array>

#include "meshflow/runtime/run.hpp"

namespace meshflow {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kStatusNames = {"pending",   "running", "paused",
                                                          "completed", "failed",  "aborted"};

}  // namespace

std::string_view name_of(RunStatus status) noexcept { return kStatusNames[static_cast<std::size_t>(status)]; }

std::optional<RunStatus> run_status_from(std::string_view name) noexcept {
  const auto found = std::find(kStatusNames.begin(), kStatusNames.end(), name);
  if (found == kStatusNames.end()) return std::nullopt;
  return static_cast<RunStatus>(found - kStatusNames.begin());
}

}  // namespace meshflow
