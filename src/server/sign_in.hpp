// Who has signed in. `meshflow ui` gets a one-time code through the control socket, which only this user reaches; a
// page of this server exchanges it for a session, which its browser keeps as a cookie that no script reads.
//
// What it holds against: a code or a cookie that is guessed (256 bits, compared in constant time, tries are bounded), a
// code that is used again or late, pages of other sites (the cookie is SameSite=Strict), a cookie that comes under
// another host name than the one it was given to.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "meshflow/base/error.hpp"
#include "net/http_message.hpp"

namespace meshflow::server {

inline constexpr std::chrono::minutes kCodeLife{5};
inline constexpr std::chrono::hours kSessionLife{12};
// Past these the oldest goes.
inline constexpr std::size_t kCodesMax = 16;
inline constexpr std::size_t kSessionsMax = 64;
// Of a name in a session.
inline constexpr std::size_t kNameBytesMax = 256;
// So many codes may be wrong in a row; then one each kWrongCodeEvery. What is refused for that is not looked at.
inline constexpr int kWrongCodesMax = 10;
inline constexpr std::chrono::seconds kWrongCodeEvery{6};

// Thread-safe. `clock` must outlive it. Codes and sessions end with the process.
class SignIn {
 public:
  struct Options {
    const Clock* clock = nullptr;  // null: the operating system's
    bool is_tls = false;  // the cookie is for encrypted connections alone
  };
  explicit SignIn(Options options);

  struct Session {
    std::string by;  // whom decisions are recorded as made by
    std::int64_t expires_unix_nanos = 0;
  };

  struct Code {
    std::string text;
    std::int64_t expires_unix_nanos = 0;
  };
  // For one sign-in of this person.
  [[nodiscard]] Code issue(std::string_view by);

  struct Opened {
    Session session;
    std::string set_cookie;  // the value of Set-Cookie
  };
  // The session that the code is worth, for `host` (a request's Host) alone. Errors: permission_denied (no such code,
  // used, expired), limit_exceeded (too many wrong codes).
  [[nodiscard]] Result<Opened> exchange(std::string_view code, std::string_view host);

  // Of the cookie that came with the request; nothing where none holds under the request's Host.
  [[nodiscard]] std::optional<Session> session_of(const net::HttpServerRequest& request) const;
  // Ends it. The value of Set-Cookie that makes the browser forget it.
  std::string sign_out(const net::HttpServerRequest& request);

 private:
  struct IssuedCode {
    std::string text;
    std::string by;
    std::int64_t expires_monotonic_nanos = 0;
  };
  struct OpenSession {
    std::string secret;
    std::string host;  // lower case, with its port
    Session session;
    std::int64_t expires_monotonic_nanos = 0;
  };
  void forget_expired(std::int64_t now);  // mutex_ held
  [[nodiscard]] bool may_try(std::int64_t now);  // likewise
  [[nodiscard]] std::string cookie(std::string_view host, std::string_view secret, std::chrono::seconds age) const;

  const Options options_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<IssuedCode> codes_;  // oldest first
  std::vector<OpenSession> sessions_;  // likewise
  double wrong_codes_left_ = kWrongCodesMax;
  std::int64_t refilled_at_ = 0;  // monotonic
};

}  // namespace meshflow::server
