#include "net/url.hpp"

#include <charconv>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

namespace meshflow::net {
namespace {

constexpr std::size_t kUrlBytesMax = 8192;

struct HandleDeleter {
  void operator()(CURLU* handle) const noexcept { curl_url_cleanup(handle); }
};
using Handle = std::unique_ptr<CURLU, HandleDeleter>;

std::string part_of(CURLU* handle, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

tl::unexpected<Error> not_a_url(std::string_view setting, std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("{} \"{}\" is not a URL: {}", setting, text.substr(0, 200), why),
              "write it as http://HOST:PORT or https://HOST:PORT");
}

}  // namespace

std::string Url::authority() const { return fmt::format("{}:{}", host, port); }

std::string Url::display() const {
  return fmt::format("{}://{}{}{}{}", scheme, authority(), path, query.empty() ? "" : "?", query);
}

std::string Url::text() const {
  return fmt::format("{}://{}{}{}{}{}{}", scheme, userinfo, userinfo.empty() ? "" : "@", authority(), path,
                     query.empty() ? "" : "?", query);
}

Result<Url> parse_endpoint_url(std::string_view setting, std::string_view text) {
  if (text.size() > kUrlBytesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("{} has {} bytes; a URL may have {}", setting, text.size(), kUrlBytesMax));
  }
  if (text.find("://") == std::string_view::npos) return not_a_url(setting, text, "it has no scheme");
  const Handle handle(curl_url());
  // Non-supported schemes pass here so that the message below can name them.
  const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) return not_a_url(setting, text, curl_url_strerror(code));

  Url url;
  url.scheme = part_of(handle.get(), CURLUPART_SCHEME);
  if (url.scheme != "http" && url.scheme != "https") {
    return not_a_url(setting, text, fmt::format("the scheme {} is neither http nor https", url.scheme));
  }
  url.host = part_of(handle.get(), CURLUPART_HOST);
  if (url.host.empty()) return not_a_url(setting, text, "it has no host");
  url.userinfo = part_of(handle.get(), CURLUPART_USER);
  if (const auto password = part_of(handle.get(), CURLUPART_PASSWORD); !password.empty()) {
    url.userinfo += ":" + password;
  }
  const std::string port = part_of(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (parsed.ec != std::errc{} || url.port == 0)
    return not_a_url(setting, text, "the port is not a number from 1 to 65535");
  url.path = part_of(handle.get(), CURLUPART_PATH);
  if (url.path.empty()) url.path = "/";
  url.query = part_of(handle.get(), CURLUPART_QUERY);
  return url;
}

}  // namespace meshflow::net
