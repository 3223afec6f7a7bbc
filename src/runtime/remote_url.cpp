#include "runtime/remote_url.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

namespace meshflow::runtime {
namespace {

// Rather one too many: a name that merely contains one of these loses its value.
constexpr std::array<std::string_view, 11> kSecretWords = {"key",  "token", "secret",  "pass", "pwd", "sig",
                                                           "auth", "cred",  "session", "jwt",  "otp"};

bool is_secret(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(kSecretWords,
                             [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

std::string shown_query(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto parameter = query.substr(0, end);
    const auto equals = parameter.find('=');
    if (!out.empty()) out += '&';
    if (equals != std::string_view::npos && is_secret(parameter.substr(0, equals))) {
      out += fmt::format("{}=REDACTED", parameter.substr(0, equals));
    } else {
      out += parameter;
    }
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return out;
}

}  // namespace

std::string shown_url(const net::Url& url) {
  const bool is_default_port = url.port == (url.is_tls() ? 443 : 80);
  return fmt::format("{}://{}{}{}{}{}", url.scheme, url.host, is_default_port ? "" : fmt::format(":{}", url.port),
                     url.path, url.query.empty() ? "" : "?", shown_query(url.query));
}

std::string server_address(const net::Url& url) {
  if (url.host.starts_with('[') && url.host.ends_with(']')) return url.host.substr(1, url.host.size() - 2);
  return url.host;
}

}  // namespace meshflow::runtime
