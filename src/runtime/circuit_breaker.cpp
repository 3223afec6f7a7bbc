#include "runtime/circuit_breaker.hpp"

#include <cmath>

#include <fmt/format.h>

namespace meshflow::runtime {
namespace {

std::int64_t nanos_of(double seconds) { return static_cast<std::int64_t>(std::llround(seconds * 1e9)); }

}  // namespace

std::string_view name_of(CircuitState state) noexcept {
  switch (state) {
    case CircuitState::closed: return "closed";
    case CircuitState::open: return "open";
    case CircuitState::half_open: return "half_open";
  }
  return "closed";
}

CircuitBreakers::CircuitBreakers(CircuitBreaker settings, const Clock& clock) : settings_(settings), clock_(&clock) {}

Result<void> CircuitBreakers::allow(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = circuits_.find(name);
  if (found == circuits_.end()) return {};
  Circuit& circuit = found->second;
  if (circuit.state == CircuitState::closed) return {};
  const std::int64_t waited = clock_->monotonic_nanos() - circuit.opened_nanos;
  const std::int64_t left = nanos_of(settings_.half_open_s) - waited;
  if (left > 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("{} failed {} times in a short time and is not called for now", name, settings_.failures),
                fmt::format("it is tried again in {:.1f} s", static_cast<double>(left) / 1e9));
  }
  if (circuit.trying) {
    return fail(ErrorCode::unavailable, fmt::format("{} failed often; one call is trying whether it works again", name),
                "wait for that call");
  }
  circuit.state = CircuitState::half_open;
  circuit.trying = true;
  return {};
}

void CircuitBreakers::succeeded(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = circuits_.find(name);
  if (found == circuits_.end()) return;
  // A call that began before the circuit opened does not close it.
  if (found->second.state == CircuitState::half_open) circuits_.erase(found);
}

void CircuitBreakers::failed(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_->monotonic_nanos();
  if (circuits_.size() >= kCircuitsMax) forget_old(now);
  Circuit& circuit = circuits_[std::string(name)];
  if (circuit.state == CircuitState::open) return;
  if (circuit.state == CircuitState::half_open) return open(circuit, now);
  circuit.failures.push_back(now);
  while (circuit.failures.front() <= now - nanos_of(settings_.window_s)) circuit.failures.pop_front();
  if (circuit.failures.size() >= static_cast<std::size_t>(settings_.failures)) open(circuit, now);
}

void CircuitBreakers::abandoned(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = circuits_.find(name);
  if (found != circuits_.end()) found->second.trying = false;
}

CircuitState CircuitBreakers::state(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = circuits_.find(name);
  return found == circuits_.end() ? CircuitState::closed : found->second.state;
}

void CircuitBreakers::open(Circuit& circuit, std::int64_t now) const {
  circuit.state = CircuitState::open;
  circuit.opened_nanos = now;
  circuit.trying = false;
  circuit.failures.clear();
}

void CircuitBreakers::forget_old(std::int64_t now) {
  std::erase_if(circuits_, [&](const auto& entry) {
    const Circuit& circuit = entry.second;
    return circuit.state == CircuitState::closed &&
           (circuit.failures.empty() || circuit.failures.back() <= now - nanos_of(settings_.window_s));
  });
}

}  // namespace meshflow::runtime
