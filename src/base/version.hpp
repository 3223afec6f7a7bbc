// The version of this build.
#pragma once

namespace meshflow {

// "0.1.0", as in CMakeLists.txt. Lives forever.
[[nodiscard]] const char* version() noexcept;

}  // namespace meshflow
