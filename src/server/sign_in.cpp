#include "server/sign_in.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "net/secret.hpp"

namespace meshflow::server {
namespace {

constexpr std::string_view kCookieName = "meshflow_session";

std::int64_t nanos_of(std::chrono::nanoseconds duration) { return duration.count(); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// Browsers keep cookies by host name, not by port: two servers on one machine have cookies of their own all the same.
std::string cookie_name(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return std::string(kCookieName);
  std::string name = fmt::format("{}_{}", kCookieName, host.substr(colon + 1));
  for (char& c : name) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_')) c = '_';
  }
  return name;
}

// The values of the cookies of that name (RFC 6265, section 4.2.1): another one of the name may have been put there.
std::vector<std::string_view> cookies_of(const net::HttpServerRequest& request, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& [header, text] : request.headers) {
    if (header != "cookie") continue;
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) values.push_back(pair.substr(equals + 1));
    }
  }
  return values;
}

}  // namespace

SignIn::SignIn(Options options)
    : options_(options), clock_(options.clock != nullptr ? *options.clock : system_clock()) {}

void SignIn::forget_expired(std::int64_t now) {
  const auto is_over = [now](const auto& each) { return each.expires_monotonic_nanos <= now; };
  std::erase_if(codes_, is_over);
  std::erase_if(sessions_, is_over);
}

SignIn::Code SignIn::issue(std::string_view by) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.monotonic_nanos();
  forget_expired(now);
  if (codes_.size() >= kCodesMax) codes_.erase(codes_.begin());
  codes_.push_back({net::make_secret(), sanitize_utf8(utf8_prefix(by, kNameBytesMax)), now + nanos_of(kCodeLife)});
  return {codes_.back().text, clock_.wall_nanos() + nanos_of(kCodeLife)};
}

bool SignIn::may_try(std::int64_t now) {
  const double refill = static_cast<double>(now - refilled_at_) / static_cast<double>(nanos_of(kWrongCodeEvery));
  wrong_codes_left_ = std::min<double>(kWrongCodesMax, wrong_codes_left_ + refill);
  refilled_at_ = now;
  return wrong_codes_left_ >= 1;
}

Result<SignIn::Opened> SignIn::exchange(std::string_view code, std::string_view host) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.monotonic_nanos();
  forget_expired(now);
  if (!may_try(now)) {
    return fail(ErrorCode::limit_exceeded, "too many wrong sign-in codes have come (limit wrong_codes)",
                fmt::format("wait {} s", kWrongCodeEvery.count()));
  }
  std::size_t found = codes_.size();
  for (std::size_t i = 0; i < codes_.size(); ++i) {  // all of them, so that the time tells nothing
    if (net::is_same_secret(code, codes_[i].text)) found = i;
  }
  if (found == codes_.size()) {
    wrong_codes_left_ -= 1;
    return fail(ErrorCode::permission_denied,
                "the sign-in code is not valid: it was used, has expired, or never was one",
                "meshflow ui makes a new one");
  }
  OpenSession opened{net::make_secret(),
                     lower(host),
                     {std::move(codes_[found].by), clock_.wall_nanos() + nanos_of(kSessionLife)},
                     now + nanos_of(kSessionLife)};
  codes_.erase(codes_.begin() + static_cast<std::ptrdiff_t>(found));
  if (sessions_.size() >= kSessionsMax) sessions_.erase(sessions_.begin());
  sessions_.push_back(opened);
  return Opened{opened.session, cookie(opened.host, opened.secret, kSessionLife)};
}

std::string SignIn::cookie(std::string_view host, std::string_view secret, std::chrono::seconds age) const {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie_name(host), secret, age.count(),
                     options_.is_tls ? "; Secure" : "");
}

std::optional<SignIn::Session> SignIn::session_of(const net::HttpServerRequest& request) const {
  const std::string host = lower(request.header("host"));
  const auto values = cookies_of(request, cookie_name(host));
  if (values.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.monotonic_nanos();
  std::optional<Session> found;
  for (const std::string_view value : values) {
    for (const OpenSession& open : sessions_) {
      const bool is_it = net::is_same_secret(value, open.secret);
      if (is_it && open.host == host && open.expires_monotonic_nanos > now) found = open.session;
    }
  }
  return found;
}

std::string SignIn::sign_out(const net::HttpServerRequest& request) {
  const std::string host = lower(request.header("host"));
  const auto values = cookies_of(request, cookie_name(host));
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const OpenSession& open) {
    return open.host == host && std::any_of(values.begin(), values.end(), [&open](std::string_view value) {
             return net::is_same_secret(value, open.secret);
           });
  });
  return cookie(host, "", std::chrono::seconds(0));
}

}  // namespace meshflow::server
