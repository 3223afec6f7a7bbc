#include <array>

#include "meshflow/runtime/run.hpp"
#include "runtime/enum_names.hpp"

namespace meshflow {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kStatusNames = {"pending",   "running", "paused",
                                                          "completed", "failed",  "aborted"};

}  // namespace

std::string_view name_of(RunStatus status) noexcept { return runtime::name_in(kStatusNames, status); }

std::optional<RunStatus> run_status_from(std::string_view name) noexcept {
  return runtime::value_in<RunStatus>(kStatusNames, name);
}

}  // namespace meshflow
