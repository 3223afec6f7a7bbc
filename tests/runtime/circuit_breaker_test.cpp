#include "runtime/circuit_breaker.hpp"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshflow::runtime {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

class Circuits : public ::testing::Test {
 protected:
  void fail_times(int times) {
    for (int at = 0; at < times; ++at) breakers_.failed("model");
  }
  ManualClock clock_;
  CircuitBreakers breakers_{CircuitBreaker{}, clock_};  // 5 failures in 60 s, half open after 30 s
};

TEST_F(Circuits, FiveFailuresWithinAMinuteOpen) {
  fail_times(4);
  EXPECT_TRUE(breakers_.allow("model"));
  fail_times(1);
  EXPECT_EQ(breakers_.state("model"), CircuitState::open);
  const auto refused = breakers_.allow("model");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().text(), ::testing::HasSubstr("model failed 5 times"));
  EXPECT_THAT(refused.error().text(), ::testing::HasSubstr("30.0 s"));
  EXPECT_TRUE(breakers_.allow("another"));
}

TEST_F(Circuits, FailuresThatLieFurtherApartDoNotOpen) {
  fail_times(4);
  clock_.advance(60 * kSecond);
  fail_times(4);
  EXPECT_EQ(breakers_.state("model"), CircuitState::closed);
}

TEST_F(Circuits, HalfOpenOneCallTriesAndItsSuccessCloses) {
  fail_times(5);
  clock_.advance(30 * kSecond - 1);
  EXPECT_FALSE(breakers_.allow("model"));
  clock_.advance(1);
  EXPECT_TRUE(breakers_.allow("model"));
  EXPECT_EQ(breakers_.state("model"), CircuitState::half_open);
  EXPECT_FALSE(breakers_.allow("model"));  // one at a time
  breakers_.succeeded("model");
  EXPECT_EQ(breakers_.state("model"), CircuitState::closed);
  EXPECT_TRUE(breakers_.allow("model"));
}

TEST_F(Circuits, HalfOpenAFailureOpensAgain) {
  fail_times(5);
  clock_.advance(30 * kSecond);
  ASSERT_TRUE(breakers_.allow("model"));
  breakers_.failed("model");
  EXPECT_EQ(breakers_.state("model"), CircuitState::open);
  EXPECT_FALSE(breakers_.allow("model"));
  clock_.advance(30 * kSecond);
  EXPECT_TRUE(breakers_.allow("model"));
}

TEST_F(Circuits, AnAbandonedTryLeavesRoomForTheNext) {
  fail_times(5);
  clock_.advance(30 * kSecond);
  ASSERT_TRUE(breakers_.allow("model"));
  breakers_.abandoned("model");
  EXPECT_TRUE(breakers_.allow("model"));
}

TEST_F(Circuits, ACallFromBeforeTheCircuitOpenedDoesNotCloseIt) {
  fail_times(5);
  breakers_.succeeded("model");
  EXPECT_EQ(breakers_.state("model"), CircuitState::open);
}

TEST_F(Circuits, TheWallClockDoesNotMatter) {
  fail_times(5);
  clock_.step_wall(3600 * kSecond);
  EXPECT_FALSE(breakers_.allow("model"));
}

TEST_F(Circuits, ThePolicysFieldsMoveTheThresholds) {
  CircuitBreakers quick(CircuitBreaker{.failures = 1, .window_s = 1, .half_open_s = 2}, clock_);
  quick.failed("model");
  EXPECT_EQ(quick.state("model"), CircuitState::open);
  clock_.advance(2 * kSecond);
  EXPECT_TRUE(quick.allow("model"));
  CircuitBreakers narrow(CircuitBreaker{.failures = 2, .window_s = 1, .half_open_s = 2}, clock_);
  narrow.failed("model");
  clock_.advance(kSecond);
  narrow.failed("model");
  EXPECT_EQ(narrow.state("model"), CircuitState::closed);
}

TEST_F(Circuits, ManyNamesAreForgottenOnceTheyAreOld) {
  for (std::size_t at = 0; at < kCircuitsMax; ++at) breakers_.failed(std::to_string(at));
  clock_.advance(61 * kSecond);
  fail_times(5);
  EXPECT_EQ(breakers_.state("model"), CircuitState::open);
}

TEST_F(Circuits, ThreadsShareACircuit) {
  std::vector<std::jthread> threads;
  for (int at = 0; at < 4; ++at) {
    threads.emplace_back([this] {
      for (int call = 0; call < 1000; ++call) {
        if (breakers_.allow("model")) breakers_.failed("model");
      }
    });
  }
  threads.clear();
  EXPECT_EQ(breakers_.state("model"), CircuitState::open);
}

}  // namespace
}  // namespace meshflow::runtime
