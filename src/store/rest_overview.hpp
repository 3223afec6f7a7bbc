// What a list of spans says of a span's `rest`, without reading it whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::store {

// Views live as long as the bytes.
struct RestOverview {
  std::vector<std::uint64_t> event_times;  // nanoseconds since 1970, as sent
  std::size_t links = 0;
  bool has_dropped = false;  // the sender left out attributes, events or links
  // For each of the keys that were asked for: whether the span has it here, and its value where that is text.
  std::uint64_t keys = 0;  // a bit for each
  std::vector<std::string_view> texts;
};

// `keys`: at most 64. Fails where the bytes are damaged. Pure.
[[nodiscard]] Result<RestOverview> overview_of(std::string_view rest, std::span<const std::string_view> keys);

}  // namespace meshflow::store
