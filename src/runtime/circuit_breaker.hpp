// Stops calling what keeps failing, for a while. One circuit for each model, provider or tool.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "meshflow/base/error.hpp"
#include "meshflow/runtime/policy.hpp"

namespace meshflow::runtime {

// Circuits that are remembered at once; past it those without a recent failure are forgotten.
inline constexpr std::size_t kCircuitsMax = 10'000;

enum class CircuitState { closed, open, half_open };
[[nodiscard]] std::string_view name_of(CircuitState state) noexcept;

// Thread-safe. The clock must outlive it.
class CircuitBreakers {
 public:
  CircuitBreakers(CircuitBreaker settings, const Clock& clock);

  // Whether `name` may be called now; an Error (unavailable) says when it may be tried again. Each call that was
  // allowed must be reported once. Half open, one call at a time is allowed: its outcome closes the circuit or opens it
  // again.
  [[nodiscard]] Result<void> allow(std::string_view name);
  void succeeded(std::string_view name);
  void failed(std::string_view name);
  // The call was cancelled, or failed for a reason of the caller's: says nothing about `name`.
  void abandoned(std::string_view name);

  [[nodiscard]] CircuitState state(std::string_view name) const;

 private:
  struct Circuit {
    std::deque<std::int64_t> failures;  // monotonic, at most settings_.failures of them
    std::int64_t opened_nanos = 0;
    CircuitState state = CircuitState::closed;
    bool trying = false;  // half open: a call is under way
  };
  void open(Circuit& circuit, std::int64_t now) const;
  void forget_old(std::int64_t now);

  const CircuitBreaker settings_;
  const Clock* clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Circuit, std::less<>> circuits_;
};

}  // namespace meshflow::runtime
