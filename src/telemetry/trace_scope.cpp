#include "telemetry/trace_scope.hpp"

#include <utility>

#include "telemetry/lane.hpp"

namespace meshflow::telemetry {

Retention::~Retention() { return_records(held_); }

Retention::Decision Retention::on_end(SpanRecord* record, bool is_local_root) {
  const std::lock_guard lock(mutex_);
  switch (verdict_.load(std::memory_order_relaxed)) {
    case Verdict::keep: return {Decision::What::release, {record}};
    case Verdict::drop: return {Decision::What::discard, {record}};
    case Verdict::open: break;
  }
  held_.push_back(record);
  if (is_local_root) {
    verdict_.store(Verdict::drop, std::memory_order_release);
    return {Decision::What::discard, std::exchange(held_, {})};
  }
  if (held_.size() >= kHeldSpansMax) {
    verdict_.store(Verdict::keep, std::memory_order_release);
    return {Decision::What::release, std::exchange(held_, {})};
  }
  return {};
}

std::vector<SpanRecord*> Retention::keep() {
  const std::lock_guard lock(mutex_);
  verdict_.store(Verdict::keep, std::memory_order_release);
  return std::exchange(held_, {});
}

std::vector<SpanRecord*> Retention::drop() {
  const std::lock_guard lock(mutex_);
  if (verdict_.load(std::memory_order_relaxed) == Verdict::keep) return {};
  verdict_.store(Verdict::drop, std::memory_order_release);
  return std::exchange(held_, {});
}

}  // namespace meshflow::telemetry
