// URLs as telemetry may show them.
#pragma once

#include <string>

#include "net/url.hpp"

namespace meshflow::runtime {

// url.full (semantic conventions, "URL"): without user and password; the values of query parameters whose names speak
// of secrets (key, token, signature, …) are REDACTED; the default port is left out.
[[nodiscard]] std::string shown_url(const net::Url& url);

// server.address: the host, an IPv6 address without its brackets.
[[nodiscard]] std::string server_address(const net::Url& url);

}  // namespace meshflow::runtime
