#include "net/http_core.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/bytes.hpp"
#include "net/bearer_token.hpp"

namespace meshflow::net {
namespace {

constexpr std::size_t kShownBytesMax = 128;  // of what a client sent, in a sentence

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string shown(std::string_view text) { return sanitize_utf8(text.substr(0, kShownBytesMax)); }

bool is_ip_literal(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

// The host of "host:port" without port and brackets.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  return host.substr(0, host.find(':'));
}

// The authority of a target in absolute form; empty for the others.
std::string_view authority_of(std::string_view target) {
  if (target.starts_with('/')) return {};
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  target.remove_prefix(scheme + 3);
  target = target.substr(0, target.find_first_of("/?#"));
  return target.substr(target.rfind('@') + 1);
}

bool is_allowed_origin(const HttpCore& core, std::string_view origin) {
  const auto& allowed = core.options.cors_origins;
  return std::any_of(allowed.begin(), allowed.end(), [&](const auto& each) { return each == "*" || each == origin; });
}

// RFC 9110, section 7.2: one Host, in every HTTP/1.1 request.
std::optional<HttpReply> check_host(const HttpCore& core, const HttpServerRequest& head, bool is_http_1_0) {
  std::size_t hosts = 0;
  for (const auto& [name, value] : head.headers) hosts += name == "host" ? 1 : 0;
  if (hosts > 1 || (hosts == 1 && head.header("host").empty()) || (hosts == 0 && !is_http_1_0)) {
    return core.error(head, 400, "an HTTP/1.1 request has one Host header, with a name");
  }
  for (const std::string_view host : {head.header("host"), authority_of(head.target)}) {
    if (host.empty() || is_allowed_host(host, core.options.allowed_hosts)) continue;
    return core.error(head, 421,
                      fmt::format("this server does not go by the name \"{}\": call it by its IP address or as "
                                  "localhost, or add the name to its allowed hosts",
                                  shown(host)));
  }
  return std::nullopt;
}

std::optional<HttpReply> check_preflight(const HttpCore& core, const HttpServerRequest& head) {
  const std::string_view origin = head.header("origin");
  if (head.method != "OPTIONS" || origin.empty() || head.header("access-control-request-method").empty()) {
    return std::nullopt;
  }
  if (!is_allowed_origin(core, origin)) {
    return core.error(head, 403, fmt::format("pages from {} may not call this server", shown(origin)));
  }
  HttpReply reply{.status = 204,
                  .headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"},
                              {"Access-Control-Max-Age", "600"}}};
  if (const auto wanted = head.header("access-control-request-headers"); !wanted.empty()) {
    reply.headers.emplace_back("Access-Control-Allow-Headers", wanted);
  }
  return reply;
}

std::optional<HttpReply> check_ready(const HttpCore& core, const HttpServerRequest& head) {
  if (head.path != "/ready" || (head.method != "GET" && head.method != "HEAD")) return std::nullopt;
  const HttpServerReadiness readiness = core.options.readiness ? core.options.readiness() : HttpServerReadiness{};
  if (core.is_stopping) return core.busy(head, "the server is stopping");
  if (!readiness.is_ready) return core.busy(head, readiness.reason);
  return HttpReply{.content_type = "text/plain; charset=utf-8", .body = "ready\n"};
}

std::optional<HttpReply> parse_target(const HttpCore& core, HttpServerRequest& head) {
  const std::string_view raw_path = head.raw_path();
  auto path = percent_decode(raw_path, false);
  if (!path || (!path->starts_with('/') && !(*path == "*" && head.method == "OPTIONS"))) {
    return core.error(head, 400, "the path is not valid");
  }
  const std::size_t question = head.target.find('?');
  auto query = parse_query(question == std::string::npos ? "" : std::string_view(head.target).substr(question + 1));
  if (!query)
    return core.error(head, 400, "the query is not valid: %XX with hexadecimal digits, at most 1000 parameters");
  head.path = std::move(*path);
  head.query = std::move(*query);
  return std::nullopt;
}

}  // namespace

HttpReply render_json_error(const HttpServerRequest&, int status, std::string_view sentence) {
  std::string quoted;
  for (const char c : sanitize_utf8(sentence)) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      quoted += c;
    }
  }
  return {.status = status,
          .content_type = "application/json",
          .body = fmt::format("{{\"error\":{{\"code\":{},\"message\":\"{}\"}}}}\n", status, quoted)};
}

HttpReply HttpCore::error(const HttpServerRequest& head, int status, std::string_view sentence) const try {
  HttpReply reply = options.render_error(head, status, sentence);
  reply.status = status;
  return reply;
} catch (...) {
  return {.status = status};
}

HttpReply HttpCore::busy(const HttpServerRequest& head, std::string_view sentence) const {
  HttpReply reply = error(head, 503, sentence);
  reply.headers.emplace_back("Retry-After", std::to_string(options.limits.retry_after.count()));
  return reply;
}

bool BodyBudget::hold(std::size_t bytes) {
  if (bytes <= held_) return true;
  const std::size_t more = bytes - held_;
  if (core_.bodies_bytes.fetch_add(more) + more > core_.options.limits.bodies_bytes_max) {
    core_.bodies_bytes -= more;
    return false;
  }
  held_ = bytes;
  return true;
}

bool is_allowed_host(std::string_view host, const std::vector<std::string>& names) {
  std::string name = lower(without_port(host));
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || is_ip_literal(name)) return true;
  return std::any_of(names.begin(), names.end(), [&](const auto& each) { return each == "*" || lower(each) == name; });
}

std::optional<HttpReply> answer_from_head(const HttpCore& core, HttpServerRequest& head, bool is_http_1_0) {
  if (auto reply = check_host(core, head, is_http_1_0)) return reply;
  if (auto reply = parse_target(core, head)) return reply;
  if (auto reply = check_preflight(core, head)) return reply;
  if (auto reply = check_ready(core, head)) return reply;
  const std::string& token = core.options.bearer_token;
  if (!token.empty() && !is_authorized(head.header("authorization"), token) &&
      !(core.options.admits && core.options.admits(head))) {
    HttpReply reply = core.error(head, 401, "this server needs its token: Authorization: Bearer TOKEN");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
    return reply;
  }
  return std::nullopt;
}

std::string http_date(std::int64_t unix_seconds) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = unix_seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(parts.tm_wday)],
                     parts.tm_mday, kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

HttpHeaders cors_headers(const HttpCore& core, const HttpServerRequest& head) {
  if (core.options.cors_origins.empty()) return {};
  HttpHeaders headers{{"Vary", "Origin"}};
  const std::string_view origin = head.header("origin");
  if (!origin.empty() && is_allowed_origin(core, origin)) {
    headers.emplace_back("Access-Control-Allow-Origin", origin);
    headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  }
  return headers;
}

}  // namespace meshflow::net
