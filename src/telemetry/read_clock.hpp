// The clock of a span, without the cost of a virtual call where it is the operating system's.
#pragma once

#include <cstdint>
#include <ctime>

#include "base/clock.hpp"

namespace meshflow::telemetry {

// `clock` null: the operating system's. Nanoseconds, monotonic.
[[nodiscard]] inline std::int64_t read_monotonic(const Clock* clock) noexcept {
  if (clock != nullptr) [[unlikely]]
    return clock->monotonic_nanos();
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace meshflow::telemetry
