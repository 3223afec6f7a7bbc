// Where a server listens, as people write it: "127.0.0.1:4318", "[::1]:0", "localhost:16686".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"

namespace meshflow::net {

// A numeric address and a port. A value.
struct ListenAddress {
  std::string ip = "127.0.0.1";  // IPv4 or IPv6, numeric, without brackets
  std::uint16_t port = 0;        // 0: any free one

  // True where only this machine can reach it: 127.0.0.0/8, ::1.
  [[nodiscard]] bool is_loopback() const;
  // "127.0.0.1:4318", "[::1]:4318".
  [[nodiscard]] std::string text() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Parses HOST:PORT, where HOST is an IP literal (IPv6 in brackets) or `localhost`, which is 127.0.0.1. The Error names
// `setting` (where the text came from, "--otlp-http" say) and the text. Thread-safe.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view setting, std::string_view text);

// Fails (permission_denied, with what to do about it) where others than this machine could reach `address` and neither
// a token nor the explicit consent of whoever started the server stands against that. `name`: the listener's.
[[nodiscard]] Result<void> check_may_listen(std::string_view name, const ListenAddress& address, bool has_token,
                                            bool insecure_public);

// Fails (conflict, or what the system says) where `address` cannot be bound now: for servers whose library does not say
// why it could not. Port 0 never fails. `name`: the listener's.
[[nodiscard]] Result<void> check_is_free(std::string_view name, const ListenAddress& address);

}  // namespace meshflow::net
