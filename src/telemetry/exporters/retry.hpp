// When to try again: what the OTLP exporters over HTTP and gRPC have in common (OTLP specification, "Failures").
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

using SteadyTime = std::chrono::steady_clock::time_point;

// Time as the retry loop needs it; tests have one that does not wait. Thread-safe.
class RetryClock {
 public:
  virtual ~RetryClock() = default;
  [[nodiscard]] virtual SteadyTime now() const = 0;
  // Seconds since the Unix epoch, for a Retry-After that is a date.
  [[nodiscard]] virtual std::int64_t unix_seconds() const = 0;
  // Returns at `time`, or at once after wake().
  virtual void wait_until(SteadyTime time) = 0;
  // Ends the running wait and every later one.
  virtual void wake() noexcept = 0;
  // In a forked child: whoever waited is in the parent.
  virtual void after_fork_in_child() noexcept {}
};

class SystemRetryClock final : public RetryClock {
 public:
  [[nodiscard]] SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] std::int64_t unix_seconds() const override;
  void wait_until(SteadyTime time) override;
  void wake() noexcept override;
  void after_fork_in_child() noexcept override;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

// What came of one request.
struct Attempt {
  enum class Kind {
    accepted,   // the peer took it, `rejected` spans excepted: final
    refused,    // no later try would do better: final
    transient,  // a later try may succeed
  };
  Kind kind = Kind::refused;
  std::uint64_t rejected = 0;  // spans, of partial_success
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;  // what the peer asked for
  std::string error = {};     // a sentence; empty for a plain success
};

// Delay before try number `tries_done` + 1: 0.5 s, doubling up to 8 s, of which a random half to whole
// (`random` is uniform over 64 bits), so that clients who failed together do not come back together.
[[nodiscard]] std::chrono::milliseconds backoff(unsigned tries_done, std::uint64_t random) noexcept;

// Calls `attempt` until it is final, waiting in between: what the peer asked for, else backoff. Gives up where the next
// try would begin after `deadline`, or once `cancelled` says so; the last attempt is returned.
[[nodiscard]] Attempt try_until(SteadyTime deadline, RetryClock& clock, const std::function<bool()>& cancelled,
                                const std::function<Attempt()>& attempt);

// OTLP specification, "OTLP/HTTP Request" and "OTLP/gRPC": nothing larger is sent or read.
inline constexpr std::size_t kRequestBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kResponseBytesMax = std::size_t{4} << 20;

// "OTel-OTLP-Exporter-Cpp/VERSION meshflow/VERSION" (OTLP exporter specification, "User Agent").
[[nodiscard]] std::string user_agent();

}  // namespace meshflow::telemetry
