#include "net/listen_address.hpp"

#include <array>
#include <charconv>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>

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

}  // namespace meshflow::net
