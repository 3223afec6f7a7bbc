// Parameters of a URL, read as the servers read them that are written in Go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::query {

// Of a URL's query, decoded, in order; a name may come more than once, and the first counts.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// Empty where there is none of the name. Lives as long as `parameters`.
[[nodiscard]] std::string_view value_of(const Parameters& parameters, std::string_view name);

// strconv.ParseInt(text, 10, …) and strconv.ParseUint, within bounds; invalid_input in Go's words. Pure.
[[nodiscard]] Result<std::int64_t> parse_go_int(std::string_view text, std::int64_t min, std::int64_t max);
[[nodiscard]] Result<std::uint64_t> parse_go_uint(std::string_view text, std::uint64_t max);

// time.ParseDuration, in nanoseconds; likewise.
[[nodiscard]] Result<std::int64_t> parse_duration_text(std::string_view text);

}  // namespace meshflow::query
