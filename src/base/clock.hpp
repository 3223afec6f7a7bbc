// Time as an interface, so that tests advance it by hand.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>

namespace meshflow {

// Thread-safe. Both in nanoseconds: `wall` since the Unix epoch, `monotonic` since an arbitrary point.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::int64_t wall_nanos() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t monotonic_nanos() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_nanos() const noexcept override { return read(CLOCK_REALTIME); }
  [[nodiscard]] std::int64_t monotonic_nanos() const noexcept override { return read(CLOCK_MONOTONIC); }

 private:
  static std::int64_t read(clockid_t id) noexcept {
    timespec now{};
    clock_gettime(id, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  }
};

// The operating system's clock; has no state, lives forever.
[[nodiscard]] const Clock& system_clock() noexcept;

// Stands still until told otherwise. `step_wall` moves the wall clock alone, as an operator would.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t wall_nanos = 1'700'000'000'000'000'000, std::int64_t monotonic_nanos = 1'000)
      : wall_(wall_nanos), monotonic_(monotonic_nanos) {}
  [[nodiscard]] std::int64_t wall_nanos() const noexcept override { return wall_.load(); }
  [[nodiscard]] std::int64_t monotonic_nanos() const noexcept override { return monotonic_.load(); }
  void advance(std::int64_t nanos) noexcept {
    wall_ += nanos;
    monotonic_ += nanos;
  }
  void step_wall(std::int64_t nanos) noexcept { wall_ += nanos; }

 private:
  std::atomic<std::int64_t> wall_;
  std::atomic<std::int64_t> monotonic_;
};

}  // namespace meshflow
