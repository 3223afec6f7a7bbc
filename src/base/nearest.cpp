#include "base/nearest.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace meshflow {
namespace {

constexpr std::size_t kComparedBytesMax = 64;  // longer names are not compared: the work is their product
constexpr std::size_t kBeginningBytesMin = 3;  // shorter names are the beginning of anything

// Letters inserted, removed or replaced, or two neighbours swapped (optimal string alignment).
std::size_t distance_of(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::string_view best;
  for (const auto candidate : known) {
    if (name.size() > kComparedBytesMax || candidate.size() > kComparedBytesMax) continue;
    const auto distance = distance_of(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (best.empty() && name.size() >= kBeginningBytesMin) {
    const auto longer =
        std::find_if(known.begin(), known.end(), [name](auto candidate) { return candidate.starts_with(name); });
    if (longer != known.end()) best = *longer;
  }
  return best;
}

std::string name_hint(std::string_view name, std::span<const std::string_view> known) {
  const auto best = nearest_name(name, known);
  if (!best.empty()) return fmt::format("did you mean \"{}\"?", best);
  if (known.empty()) return {};
  const auto listed = known.first(std::min(known.size(), kHintNamesMax));
  return fmt::format("known: {}{}", fmt::join(listed, ", "), listed.size() < known.size() ? ", …" : "");
}

}  // namespace meshflow
