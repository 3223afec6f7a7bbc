#include "cli/quantity.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::cli {
namespace {

struct Unit {
  std::string_view name;  // lower case
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> kAgeUnits{{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}}};
constexpr std::array<Unit, 14> kSizeUnits{{{"", 1},
                                           {"b", 1},
                                           {"k", 1ULL << 10},
                                           {"kib", 1ULL << 10},
                                           {"kb", 1'000},
                                           {"m", 1ULL << 20},
                                           {"mib", 1ULL << 20},
                                           {"mb", 1'000'000},
                                           {"g", 1ULL << 30},
                                           {"gib", 1ULL << 30},
                                           {"gb", 1'000'000'000},
                                           {"t", 1ULL << 40},
                                           {"tib", 1ULL << 40},
                                           {"tb", 1'000'000'000'000}}};
// So that nanoseconds of it still fit 63 bits.
constexpr std::uint64_t kAgeSecondsMax = std::uint64_t{100} * 365 * 86400;
constexpr std::uint64_t kSizeBytesMax = std::uint64_t{1} << 60;

template <std::size_t N>
Result<std::uint64_t> parse(std::string_view text, const std::array<Unit, N>& units, std::uint64_t most,
                            const char* example) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto known = std::find_if(units.begin(), units.end(), [&](const Unit& each) { return each.name == unit; });
  if (error != std::errc() || known == units.end()) {
    return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" cannot be read", text), example);
  }
  if (number > most / known->factor) {
    return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is more than can be", text), example);
  }
  return number * known->factor;
}

}  // namespace

Result<std::chrono::seconds> parse_age(std::string_view text) {
  MESHFLOW_TRY(const std::uint64_t seconds,
               parse(text, kAgeUnits, kAgeSecondsMax, "a whole number and s, m, h, d or w: 14d"));
  return std::chrono::seconds(seconds);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse(text, kSizeUnits, kSizeBytesMax,
               "bytes, or a whole number and KiB, MiB, GiB, TiB, KB, MB, GB or TB: 10GB");
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto amount = static_cast<double>(bytes);
  std::size_t at = 0;
  for (; amount >= 1024 && at + 1 < kNames.size(); ++at) amount /= 1024;
  return fmt::format("{:.1f} {}", amount, kNames[at]);
}

}  // namespace meshflow::cli
