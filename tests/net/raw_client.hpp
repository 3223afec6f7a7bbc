// A client that sends exactly the bytes a test gives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace meshflow::net {

// A TCP connection to a loopback port. Reads give up after 20 s.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False where the server has closed the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void shutdown_send() { ::shutdown(fd_, SHUT_WR); }

  // Everything up to and including `end`, or up to the end of the connection.
  std::string read_until(std::string_view end) {
    std::size_t found = 0;
    while ((found = buffer_.find(end)) == std::string::npos) {
      if (!read_some()) return std::exchange(buffer_, {});
    }
    std::string taken = buffer_.substr(0, found + end.size());
    buffer_.erase(0, taken.size());
    return taken;
  }
  std::string read_exactly(std::size_t size) {
    while (buffer_.size() < size && read_some()) {
    }
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, taken.size());
    return taken;
  }
  std::string read_to_end() {
    while (read_some()) {
    }
    return std::exchange(buffer_, {});
  }
  // One response with a Content-Length: head and body.
  std::string read_response() {
    std::string response = read_until("\r\n\r\n");
    const std::size_t length = response.find("Content-Length: ");
    if (length != std::string::npos) response += read_exactly(std::stoul(response.substr(length + 16)));
    return response;
  }
  // The status of one response, 0 where none came.
  int read_status() {
    const std::string response = read_response();
    return response.starts_with("HTTP/1.1 ") ? std::stoi(response.substr(9, 3)) : 0;
  }
  // Waits up to `limit` for anything to come.
  bool has_answer(std::chrono::milliseconds limit) {
    pollfd waiting{fd_, POLLIN, 0};
    return !buffer_.empty() || ::poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
  }
  // True where the server has closed the connection and sent nothing more.
  bool is_closed_by_server() { return buffer_.empty() && !read_some(); }

 private:
  bool read_some() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 20'000) <= 0) throw std::runtime_error("the server sent nothing for 20 s");
    char piece[65536];
    const ssize_t size = ::recv(fd_, piece, sizeof piece, 0);
    if (size <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(size));
    return true;
  }

  const int fd_;
  std::string buffer_;
};

}  // namespace meshflow::net
