// Streams of server-sent events: never a crash, and the same events however the stream is cut into pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "net/sse.hpp"

namespace meshflow::net {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<ServerEvent> events_of(std::string_view body, std::size_t piece_bytes) {
  ServerEventReader reader;
  std::vector<ServerEvent> all;
  for (std::size_t come = 0; come < body.size();) {
    come += std::min(piece_bytes, body.size() - come);
    const auto events = reader.read(body.substr(0, come));
    all.insert(all.end(), events.begin(), events.end());
  }
  require(reader.read(body).empty());
  return all;
}

void check(std::string_view input) {
  const auto whole = events_of(input, input.size());
  std::size_t bytes = 0;
  for (const ServerEvent& event : whole) {
    require(event.data.find('\r') == std::string_view::npos &&
            event.type.find_first_of("\r\n") == std::string_view::npos);
    bytes += event.data.size() + event.type.size();
  }
  require(bytes <= input.size());
  for (const std::size_t piece_bytes : {std::size_t{1}, std::size_t{3}, std::size_t{64}}) {
    const auto again = events_of(input, piece_bytes);
    require(std::ranges::equal(whole, again, [](const ServerEvent& left, const ServerEvent& right) {
      return left.type == right.type && left.data == right.data;
    }));
  }
}

}  // namespace
}  // namespace meshflow::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::net::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
