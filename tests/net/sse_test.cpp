#include "net/sse.hpp"

#include <gmock/gmock.h>

namespace meshflow::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> texts_of(const std::vector<ServerEvent>& events) {
  std::vector<std::string> out;
  for (const auto& event : events) out.push_back(event.type + "|" + event.data);
  return out;
}

TEST(ServerEvents, ComeWithTheirTypeAndTheirLinesJoined) {
  ServerEventReader reader;
  EXPECT_THAT(texts_of(reader.read(": hello\nid: 7\nevent: add\ndata: a\ndata:b\ndata\n\nretry: 10\ndata:  c\r\n\r\n")),
              ElementsAre("add|a\nb\n", "| c"));
}

TEST(ServerEvents, AnEventIsThereOnceItsEmptyLineIs) {
  const std::string body =
      "\xEF\xBB\xBF"
      "data: one\r\n\r\ndata: two\r\rdata: three";
  for (std::size_t step = 1; step < 6; ++step) {
    ServerEventReader reader;
    std::vector<std::string> seen;
    for (std::size_t size = 0; size <= body.size(); size += step) {
      for (const auto& text : texts_of(reader.read(std::string_view(body).substr(0, size)))) seen.push_back(text);
    }
    for (const auto& text : texts_of(reader.read(body))) seen.push_back(text);
    EXPECT_THAT(seen, ElementsAre("|one", "|two")) << "in pieces of " << step;
  }
}

TEST(ServerEvents, AnEventWithoutDataIsNone) {
  ServerEventReader reader;
  EXPECT_THAT(reader.read("event: nothing\n\n: comment\n\n"), IsEmpty());
}

}  // namespace
}  // namespace meshflow::net
