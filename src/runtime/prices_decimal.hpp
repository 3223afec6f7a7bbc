// Decimal text to exact integers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace meshflow::runtime {

// "0.15" with 6 places is 150000. Nothing for what is no plain decimal, has more than `places` places after the point,
// is negative, or does not fit.
[[nodiscard]] std::optional<std::int64_t> scaled_decimal(std::string_view text, int places) noexcept;

}  // namespace meshflow::runtime
