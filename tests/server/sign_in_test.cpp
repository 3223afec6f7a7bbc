// Signing in: what a code is worth, for how long, how often, and for whom.
#include "server/sign_in.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshflow::server {
namespace {

using std::chrono::nanoseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kHost = "127.0.0.1:16686";

class SignInTest : public ::testing::Test {
 protected:
  // A request of the browser that got this Set-Cookie.
  static net::HttpServerRequest with_cookie(const std::string& set_cookie, std::string host = kHost) {
    net::HttpServerRequest request;
    request.headers = {{"host", std::move(host)}, {"cookie", set_cookie.substr(0, set_cookie.find(';'))}};
    return request;
  }
  std::string open(std::string_view host = kHost) {
    const auto opened = sign_in_.exchange(sign_in_.issue("ada").text, host);
    EXPECT_TRUE(opened) << opened.error().text();
    return opened ? opened->set_cookie : "";
  }

  ManualClock clock_;
  SignIn sign_in_{{.clock = &clock_}};
};

TEST_F(SignInTest, ACodeIsWorthOneSession) {
  const auto code = sign_in_.issue("ada");
  EXPECT_EQ(code.text.size(), 43U);
  const auto opened = sign_in_.exchange(code.text, kHost);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->session.by, "ada");
  EXPECT_EQ(opened->session.expires_unix_nanos, clock_.wall_nanos() + nanoseconds(std::chrono::hours(12)).count());
  EXPECT_EQ(sign_in_.session_of(with_cookie(opened->set_cookie))->by, "ada");

  const auto again = sign_in_.exchange(code.text, kHost);
  ASSERT_FALSE(again) << "a code that was replayed";
  EXPECT_EQ(again.error().code, ErrorCode::permission_denied);
}

TEST_F(SignInTest, TheCookieIsKeptFromScriptsAndOtherSites) {
  const std::string cookie = open();
  EXPECT_THAT(cookie, StartsWith("meshflow_session_16686="));
  EXPECT_THAT(cookie, HasSubstr("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
  EXPECT_THAT(cookie, ::testing::Not(HasSubstr("Secure")));
  SignIn encrypted({.clock = &clock_, .is_tls = true});
  EXPECT_THAT(encrypted.exchange(encrypted.issue("ada").text, kHost)->set_cookie, HasSubstr("; Secure"));
}

TEST_F(SignInTest, ACodeExpires) {
  const auto code = sign_in_.issue("ada");
  clock_.advance(nanoseconds(kCodeLife).count() - 1);
  const auto other = sign_in_.issue("ada");
  clock_.advance(1);
  EXPECT_FALSE(sign_in_.exchange(code.text, kHost));
  EXPECT_TRUE(sign_in_.exchange(other.text, kHost));
}

TEST_F(SignInTest, ASessionExpires) {
  const std::string cookie = open();
  clock_.advance(nanoseconds(kSessionLife).count() - 1);
  EXPECT_TRUE(sign_in_.session_of(with_cookie(cookie)));
  clock_.advance(1);
  EXPECT_FALSE(sign_in_.session_of(with_cookie(cookie)));
}

TEST_F(SignInTest, ACookieHoldsUnderTheNameItWasGivenTo) {
  const std::string cookie = open("127.0.0.1:16686");
  EXPECT_FALSE(sign_in_.session_of(with_cookie(cookie, "localhost:16686")));
  EXPECT_FALSE(sign_in_.session_of(with_cookie(cookie, "evil.example:16686")));
  EXPECT_TRUE(sign_in_.session_of(with_cookie(cookie, "127.0.0.1:16686")));
}

TEST_F(SignInTest, ACookieIsFoundAmongOthersAndBehindAForgedOne) {
  const std::string cookie = open();
  const std::string pair = cookie.substr(0, cookie.find(';'));
  net::HttpServerRequest request;
  request.headers = {{"host", kHost}, {"cookie", "theme=dark; meshflow_session_16686=forged; " + pair + "; x"}};
  EXPECT_TRUE(sign_in_.session_of(request));
  request.headers = {{"host", kHost}, {"cookie", "meshflow_session_16686="}};
  EXPECT_FALSE(sign_in_.session_of(request));
}

TEST_F(SignInTest, WrongCodesAreBounded) {
  const auto good = sign_in_.issue("ada");
  for (int wrong = 0; wrong < kWrongCodesMax; ++wrong) {
    EXPECT_EQ(sign_in_.exchange("wrong", kHost).error().code, ErrorCode::permission_denied);
  }
  EXPECT_EQ(sign_in_.exchange("wrong", kHost).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(sign_in_.exchange(good.text, kHost).error().code, ErrorCode::limit_exceeded);
  clock_.advance(nanoseconds(kWrongCodeEvery).count());
  EXPECT_TRUE(sign_in_.exchange(good.text, kHost)) << "it was not looked at, and so is good still";
}

TEST_F(SignInTest, CodesAndSessionsAreBounded) {
  const auto first = sign_in_.issue("ada");
  for (std::size_t more = 0; more < kCodesMax; ++more) (void)sign_in_.issue("ada");
  EXPECT_FALSE(sign_in_.exchange(first.text, kHost));
  const std::string oldest = open();
  for (std::size_t more = 0; more < kSessionsMax; ++more) (void)open();
  EXPECT_FALSE(sign_in_.session_of(with_cookie(oldest)));
}

TEST_F(SignInTest, SigningOutEndsTheSession) {
  const std::string cookie = open();
  const std::string other = open();
  const std::string gone = sign_in_.sign_out(with_cookie(cookie));
  EXPECT_THAT(gone, HasSubstr("Max-Age=0"));
  EXPECT_FALSE(sign_in_.session_of(with_cookie(cookie)));
  EXPECT_TRUE(sign_in_.session_of(with_cookie(other)));
}

}  // namespace
}  // namespace meshflow::server
