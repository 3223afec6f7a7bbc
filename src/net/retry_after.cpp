#include "net/retry_after.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

#include <curl/curl.h>

namespace meshflow::net {

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t unix_seconds_now) {
  constexpr std::int64_t kSecondsMax = 24 * 3600;
  std::int64_t seconds = 0;
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, seconds);
  if (parsed.ec != std::errc{} || parsed.ptr != end) {
    // curl_getdate would also take "5 Jan" and the like; every form of an HTTP date has a time of day.
    if (value.find(':') == std::string_view::npos) return std::nullopt;
    const std::time_t date = curl_getdate(std::string(value).c_str(), nullptr);
    if (date < 0) return std::nullopt;
    seconds = std::max<std::int64_t>(0, static_cast<std::int64_t>(date) - unix_seconds_now);
  }
  if (seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kSecondsMax));
}

}  // namespace meshflow::net
