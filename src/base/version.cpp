#include "base/version.hpp"

namespace meshflow {

const char* version() noexcept { return MESHFLOW_VERSION; }

}  // namespace meshflow
