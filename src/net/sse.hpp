// Server-sent events, as a client reads them (WHATWG HTML, section 9.2.6).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace meshflow::net {

struct ServerEvent {
  std::string type;  // empty: "message"
  std::string data;  // the data lines, joined by line feeds
};

// Reads a body that grows: `read` takes the whole of what has come so far and returns the events that have become
// complete since the last call. Comments, ids and retry times are skipped; an event without data is none. One thread
// at a time.
class ServerEventReader {
 public:
  [[nodiscard]] std::vector<ServerEvent> read(std::string_view body_so_far);

 private:
  void read_line(std::string_view line, std::vector<ServerEvent>& out);

  std::size_t read_ = 0;      // bytes of the body behind us
  std::size_t searched_ = 0;  // bytes of the body in which no further line ends
  ServerEvent event_;
  bool has_data_ = false;
};

}  // namespace meshflow::net
