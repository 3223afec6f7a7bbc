#include "net/sse.hpp"

#include <algorithm>
#include <utility>

namespace meshflow::net {

std::vector<ServerEvent> ServerEventReader::read(std::string_view body_so_far) {
  std::vector<ServerEvent> out;
  if (read_ == 0 && body_so_far.starts_with("\xEF\xBB\xBF")) read_ = 3;  // a byte order mark
  while (read_ < body_so_far.size()) {
    const auto end = body_so_far.find_first_of("\r\n", std::max(read_, searched_));
    if (end == std::string_view::npos) {
      searched_ = body_so_far.size();
      break;
    }
    const bool is_return = body_so_far[end] == '\r';
    if (is_return && end + 1 == body_so_far.size()) break;  // a line feed may follow
    read_line(body_so_far.substr(read_, end - read_), out);
    read_ = end + (is_return && body_so_far[end + 1] == '\n' ? 2 : 1);
  }
  return out;
}

void ServerEventReader::read_line(std::string_view line, std::vector<ServerEvent>& out) {
  if (line.empty()) {
    if (has_data_) out.push_back(std::move(event_));
    event_ = {};
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.type = value;
  }
}

}  // namespace meshflow::net
