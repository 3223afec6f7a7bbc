// "Did you mean …?": the known name that is closest to one that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshflow {

// The known name that is close to `name` (a third of its letters changed, at most) or begins with it; empty where none
// is. Lives as long as `known`'s.
[[nodiscard]] std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

// A hint for Error::hint: `did you mean "critic"?` where there is a nearest name, else `known: a, b, c`; empty where
// nothing is known. At most kHintNamesMax names are listed.
inline constexpr std::size_t kHintNamesMax = 12;
[[nodiscard]] std::string name_hint(std::string_view name, std::span<const std::string_view> known);

template <typename Range>
[[nodiscard]] std::string name_hint(std::string_view name, const Range& known) {
  std::vector<std::string_view> views(std::begin(known), std::end(known));
  return name_hint(name, std::span<const std::string_view>(views));
}

}  // namespace meshflow
