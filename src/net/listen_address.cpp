#include "net/listen_address.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <system_error>

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace meshflow::net {
namespace {

// The address as the kernel writes it, so that equal ones are equal; nothing for what is no IP literal.
std::optional<std::string> canonical_ip(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, text.c_str(), bytes.data()) != 1) continue;
    return ::inet_ntop(family, bytes.data(), out.data(), out.size());
  }
  return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

bool ListenAddress::is_loopback() const {
  in_addr v4{};
  if (::inet_pton(AF_INET, ip.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, ip.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string ListenAddress::text() const {
  const bool is_v6 = ip.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", ip, port) : fmt::format("{}:{}", ip, port);
}

Result<ListenAddress> parse_listen_address(std::string_view setting, std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} is \"{}\", {}", setting, text, what),
                "an address is written as 127.0.0.1:4318, [::1]:4318 or localhost:4318; port 0 takes a free one");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("which has no port");
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return wrong("whose port is no number from 0 to 65535");
  std::string host(text.substr(0, colon));
  const bool has_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (has_brackets) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const auto ip = canonical_ip(host);
  if (!ip) return wrong("whose host is neither an IP address nor localhost");
  if (has_brackets != (ip->find(':') != std::string::npos)) return wrong("but brackets belong around IPv6 addresses");
  return ListenAddress{*ip, *port};
}

Result<void> check_may_listen(std::string_view name, const ListenAddress& address, bool has_token,
                              bool insecure_public) {
  if (address.is_loopback() || has_token || insecure_public) return {};
  return fail(ErrorCode::permission_denied,
              fmt::format("{} would be open to every machine that reaches {}", name, address.text()),
              "give --auth-token-file FILE, or --insecure-public where the network itself keeps others out");
}

Result<void> check_is_free(std::string_view name, const ListenAddress& address) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  socklen_t size = sizeof v4;
  if (::inet_pton(AF_INET, address.ip.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
  } else if (::inet_pton(AF_INET6, address.ip.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    size = sizeof v6;
  }
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool is_bound = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (is_bound) return {};
  const ErrorCode code = error == EADDRINUSE ? ErrorCode::conflict
                         : error == EACCES   ? ErrorCode::permission_denied
                                             : ErrorCode::unavailable;
  return fail(code,
              fmt::format("{} cannot listen on {}: {}", name, address.text(), std::generic_category().message(error)),
              error == EADDRINUSE ? "another program listens there; port 0 takes a free one" : "");
}

}  // namespace meshflow::net
