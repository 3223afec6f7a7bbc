#include "net/http_parser.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshflow::net {
namespace {

// Gives the parser one byte more at a time; what it takes is not given again.
std::string body_of_bytewise(std::string_view input, HttpRequestParser& parser) {
  std::string body;
  parser.set_on_body([&](std::string_view bytes) -> Result<void> {
    body += bytes;
    return {};
  });
  std::string waiting;
  for (const char byte : input) {
    waiting += byte;
    for (std::size_t taken = 1; taken > 0 && !waiting.empty() && !parser.is_done();) {
      const auto put = parser.put(waiting);
      if (!put) return put.error().message;
      taken = *put;
      waiting.erase(0, taken);
    }
  }
  EXPECT_EQ(waiting, "");
  return body;
}

constexpr const char* kHead = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(HttpRequestParserTest, TakesAChunkedBodyOfNothingThatComesByteByByte) {
  HttpRequestParser parser(1024);
  EXPECT_EQ(body_of_bytewise(std::string(kHead) + "0\r\n\r\n", parser), "");
  EXPECT_TRUE(parser.is_done());
}

TEST(HttpRequestParserTest, TakesChunksAndATrailerThatComeByteByByte) {
  HttpRequestParser parser(1024);
  EXPECT_EQ(body_of_bytewise(std::string(kHead) + "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: u\r\n\r\n", parser), "abcd");
  EXPECT_TRUE(parser.is_done());
}

}  // namespace
}  // namespace meshflow::net
