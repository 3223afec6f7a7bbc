// Where in a query's text something stands.
#pragma once

#include <cstddef>
#include <cstdint>

namespace meshflow::query::traceql {

// Bytes of the text. All places are equal: trees compare by what they say, not by where it stood.
struct Place {
  std::uint32_t at = 0;
  std::uint32_t size = 0;

  [[nodiscard]] std::uint32_t end() const { return at + size; }
  friend bool operator==(const Place&, const Place&) { return true; }
};

// From the first's beginning to the last's end.
[[nodiscard]] inline Place through(Place first, Place last) { return {first.at, last.end() - first.at}; }

}  // namespace meshflow::query::traceql
