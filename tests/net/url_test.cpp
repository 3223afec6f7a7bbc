#include "net/url.hpp"

#include <gmock/gmock.h>

namespace meshflow::net {
namespace {

using ::testing::HasSubstr;

TEST(Url, IsTakenApartAndPutTogetherAgain) {
  const auto url = parse_endpoint_url("E", "https://user:secret@collector.example:8443/base/path?a=b");
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "collector.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/base/path");
  EXPECT_EQ(url->query, "a=b");
  EXPECT_EQ(url->text(), "https://user:secret@collector.example:8443/base/path?a=b");
  EXPECT_EQ(url->display(), "https://collector.example:8443/base/path?a=b");
}

TEST(Url, MissingPortAndPathGetTheDefaultsOfTheScheme) {
  EXPECT_EQ(parse_endpoint_url("E", "http://localhost")->text(), "http://localhost:80/");
  EXPECT_EQ(parse_endpoint_url("E", "https://[::1]")->text(), "https://[::1]:443/");
}

TEST(Url, WhatIsNoneIsRefusedWithTheSettingAndTheTextNamed) {
  for (const char* text : {"localhost:4318", "not a url", "http://", "ftp://host/", "http://host:99999/", "http://a b/",
                           "://x", "http://host:port"}) {
    const auto url = parse_endpoint_url("OTEL_EXPORTER_OTLP_ENDPOINT", text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message, HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT")) << text;
    EXPECT_THAT(url.error().message, HasSubstr(text));
  }
}

TEST(Url, PastTheLimitIsRefused) {
  const auto url = parse_endpoint_url("E", "http://host/" + std::string(9000, 'a'));
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace meshflow::net
