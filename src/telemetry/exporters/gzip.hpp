// gzip (RFC 1952) for request bodies.
#pragma once

#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"

namespace meshflow::telemetry {

// Fails only where memory does.
[[nodiscard]] Result<std::string> compress_gzip(std::string_view bytes);

}  // namespace meshflow::telemetry
