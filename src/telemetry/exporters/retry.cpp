#include "telemetry/exporters/retry.hpp"

#include <algorithm>
#include <ctime>
#include <new>

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/version.hpp"

namespace meshflow::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBackoffFirst{500};
constexpr milliseconds kBackoffMax{8'000};
constexpr unsigned kTriesMax = 64;  // the deadline ends the loop long before, unless a peer keeps saying "at once"

}  // namespace

std::int64_t SystemRetryClock::unix_seconds() const { return std::time(nullptr); }

void SystemRetryClock::wait_until(SteadyTime time) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, time, [this] { return woken_; });
}

void SystemRetryClock::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void SystemRetryClock::after_fork_in_child() noexcept {
  // Made anew without destroying the old ones, which a thread of the parent may have held.
  new (&mutex_) std::mutex;
  new (&changed_) std::condition_variable;
}

milliseconds backoff(unsigned tries_done, std::uint64_t random) noexcept {
  const unsigned doublings = std::min(tries_done > 0 ? tries_done - 1 : 0, 10u);
  const milliseconds whole = std::min(kBackoffFirst * (1 << doublings), kBackoffMax);
  const auto half = static_cast<std::uint64_t>(whole.count()) / 2;
  return milliseconds(half + random % (half + 1));
}

Attempt try_until(SteadyTime deadline, RetryClock& clock, const std::function<bool()>& cancelled,
                  const std::function<Attempt()>& attempt) {
  for (unsigned tries = 1;; ++tries) {
    Attempt result = attempt();
    if (result.kind != Attempt::Kind::transient || cancelled() || tries >= kTriesMax) return result;
    const auto next = clock.now() + result.retry_after.value_or(backoff(tries, random_u64()));
    if (next >= deadline) {
      result.error += fmt::format("; gave up after {} {}", tries, tries == 1 ? "try" : "tries");
      return result;
    }
    clock.wait_until(next);
    if (cancelled()) return result;
  }
}

std::string user_agent() { return fmt::format("OTel-OTLP-Exporter-Cpp/{0} meshflow/{0}", version()); }

}  // namespace meshflow::telemetry
