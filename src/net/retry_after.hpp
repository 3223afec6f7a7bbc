// The Retry-After header (RFC 9110, section 10.2.3).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace meshflow::net {

// How long to wait, from a number of seconds or an HTTP date; nothing for any other text. A date that has passed by
// `unix_seconds_now` is zero; more than a day is a day. Thread-safe.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                                    std::int64_t unix_seconds_now);

}  // namespace meshflow::net
