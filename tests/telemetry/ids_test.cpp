#include "meshflow/telemetry/ids.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace meshflow::telemetry {
namespace {

TEST(Ids, AreReadFromHexOfEitherCaseAndWrittenInLowerCase) {
  const auto id = TraceId::parse("4BF92f3577b34da6a3ce929d0e0e4736");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->bytes[0], 0x4b);
  EXPECT_EQ(id->hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(SpanId::parse("00F067aa0ba902b7")->hex(), "00f067aa0ba902b7");
}

TEST(Ids, ThatAreNoneAreRefused) {
  for (const char* hex : {"", "4bf92f3577b34da6a3ce929d0e0e473", "4bf92f3577b34da6a3ce929d0e0e47366",
                          "4bf92f3577b34da6a3ce929d0e0e473g", "00000000000000000000000000000000"}) {
    EXPECT_FALSE(TraceId::parse(hex)) << hex;
  }
  for (const char* hex : {"", "00f067aa0ba902b", "00f067aa0ba902b7 ", "0000000000000000"}) {
    EXPECT_FALSE(SpanId::parse(hex)) << hex;
  }
  EXPECT_FALSE(TraceId().is_valid());
  EXPECT_FALSE(SpanId().is_valid());
}

TEST(Ids, DifferAcrossThreads) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kIds = 20'000;
  std::vector<std::vector<std::string>> made(kThreads);
  std::vector<std::thread> threads;
  for (auto& ids : made) {
    threads.emplace_back([&ids] {
      for (std::size_t i = 0; i < kIds; ++i) ids.push_back(SpanId::generate().hex());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> all;
  for (const auto& ids : made) all.insert(all.end(), ids.begin(), ids.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

}  // namespace
}  // namespace meshflow::telemetry
