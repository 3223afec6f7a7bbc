#include "base/clock.hpp"

namespace meshflow {

const Clock& system_clock() noexcept {
  static const SystemClock clock;
  return clock;
}

}  // namespace meshflow
