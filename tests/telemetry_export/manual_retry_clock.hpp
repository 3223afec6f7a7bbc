// A clock for the retry loop that jumps to where it should wait, and remembers the waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "telemetry/exporters/retry.hpp"

namespace meshflow::test {

struct RetryWaits {
  std::mutex mutex;
  std::vector<std::chrono::milliseconds> waits;

  std::vector<std::chrono::milliseconds> take() {
    const std::lock_guard lock(mutex);
    return std::move(waits);
  }
};

class ManualRetryClock final : public telemetry::RetryClock {
 public:
  // `waits` outlives the clock.
  explicit ManualRetryClock(RetryWaits& waits, std::int64_t unix_seconds = 1'700'000'000)
      : waits_(waits), unix_seconds_(unix_seconds) {}

  [[nodiscard]] telemetry::SteadyTime now() const override { return now_; }
  [[nodiscard]] std::int64_t unix_seconds() const override { return unix_seconds_; }
  void wait_until(telemetry::SteadyTime time) override {
    const std::lock_guard lock(waits_.mutex);
    waits_.waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(time - now_));
    now_ = time;
  }
  void wake() noexcept override {}

 private:
  RetryWaits& waits_;
  const std::int64_t unix_seconds_;
  telemetry::SteadyTime now_ = std::chrono::steady_clock::now();
};

}  // namespace meshflow::test
