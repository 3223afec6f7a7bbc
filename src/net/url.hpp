// Endpoint URLs as people write them into settings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"

namespace meshflow::net {

// An absolute http or https URL, taken apart. A value.
struct Url {
  std::string scheme;    // "http" or "https"
  std::string userinfo;  // "user:password" as written, or empty
  std::string host;      // a name, an IPv4 address, or an IPv6 address in brackets
  std::uint16_t port = 0;
  std::string path;   // as written, percent-encoded; begins with '/'
  std::string query;  // without '?', or empty

  [[nodiscard]] bool is_tls() const noexcept { return scheme == "https"; }
  // "host:port".
  [[nodiscard]] std::string authority() const;
  // The URL without userinfo's password: for messages.
  [[nodiscard]] std::string display() const;
  // The whole URL, as a client needs it.
  [[nodiscard]] std::string text() const;
};

// Parses `text`, which must be an absolute http:// or https:// URL with a host. The Error names `setting` (where the
// text came from, "OTEL_EXPORTER_OTLP_ENDPOINT" say) and the text. Thread-safe.
[[nodiscard]] Result<Url> parse_endpoint_url(std::string_view setting, std::string_view text);

}  // namespace meshflow::net
