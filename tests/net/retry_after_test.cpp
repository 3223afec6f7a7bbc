#include "net/retry_after.hpp"

#include <gtest/gtest.h>

namespace meshflow::net {
namespace {

using std::chrono::seconds;

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("0", 0), seconds(0));
  EXPECT_EQ(parse_retry_after("120", 0), seconds(120));
  // The date of RFC 9110's example is 784111777 in Unix seconds (`date -d … +%s`).
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784'111'770), seconds(7));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784'111'999), seconds(0));
}

TEST(RetryAfter, AnythingElseIsNone) {
  for (const char* text : {"", "soon", "-1", "1.5", "12 s", "5 Jan", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_retry_after(text, 0)) << text;
  }
}

TEST(RetryAfter, ADayIsTheMost) { EXPECT_EQ(parse_retry_after("9999999", 0), seconds(86'400)); }

}  // namespace
}  // namespace meshflow::net
