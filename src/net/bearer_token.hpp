// The token that a server may ask for (RFC 6750, section 2.1).
#pragma once

#include <string_view>

namespace meshflow::net {

// Whether an Authorization header ("Bearer TOKEN") carries the token. How long it takes depends on the lengths alone.
// Pure.
[[nodiscard]] bool is_authorized(std::string_view authorization, std::string_view token);

}  // namespace meshflow::net
