#include "net/http_message.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace meshflow::net {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

const std::string* find_value(const HttpParameters& parameters, std::string_view name) noexcept {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const auto& each) { return each.first == name; });
  return found == parameters.end() ? nullptr : &found->second;
}

}  // namespace

std::string_view HttpServerRequest::header(std::string_view name) const noexcept {
  const std::string* const value = find_value(headers, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

std::string HttpServerRequest::content_type() const {
  std::string_view type = header("content-type");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  std::string lower(type);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::optional<std::string_view> HttpServerRequest::query_value(std::string_view name) const noexcept {
  const std::string* const value = find_value(query, name);
  if (value == nullptr) return std::nullopt;
  return *value;
}

std::vector<std::string_view> HttpServerRequest::query_values(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [each, value] : query) {
    if (each == name) values.push_back(value);
  }
  return values;
}

std::string_view HttpServerRequest::path_parameter(std::string_view name) const noexcept {
  const std::string* const value = find_value(path_parameters, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

std::string_view HttpServerRequest::raw_path() const noexcept {
  std::string_view whole = target;
  // The absolute form, "http://host/path", that proxies send.
  if (!whole.starts_with('/')) {
    const std::size_t scheme = whole.find("://");
    if (scheme == std::string_view::npos) return whole;  // "*"
    const std::size_t slash = whole.find_first_of("/?", scheme + 3);
    if (slash == std::string_view::npos || whole[slash] == '?') return "/";
    whole.remove_prefix(slash);
  }
  return whole.substr(0, whole.find('?'));
}

std::string_view http_reason(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    decoded.push_back(c);
  }
  return decoded;
}

std::optional<HttpParameters> parse_query(std::string_view text) {
  HttpParameters parameters;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (piece.empty()) continue;
    const std::size_t equals = std::min(piece.find('='), piece.size());
    auto name = percent_decode(piece.substr(0, equals), true);
    auto value = percent_decode(piece.substr(std::min(equals + 1, piece.size())), true);
    if (!name || !value || parameters.size() == kQueryParametersMax) return std::nullopt;
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

}  // namespace meshflow::net
