// Ages and sizes as people write them. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"

namespace meshflow::cli {

// A whole number with a unit: "90s", "30m", "12h", "14d", "2w". The Error says which unit or number is wrong.
[[nodiscard]] Result<std::chrono::seconds> parse_age(std::string_view text);

// A whole number of bytes, or with a unit: "512MiB", "10GB", "1T". KB, MB, GB, TB are powers of 1,000; KiB, MiB, GiB,
// TiB, and the letter alone, powers of 1,024. Case does not matter.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

// "310 B", "4.2 KiB", "1.5 GiB".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace meshflow::cli
