#include "server/live_spans.hpp"

#include <algorithm>
#include <utility>

namespace meshflow::server {
namespace {

// Arrivals that are remembered, of the last seconds.
constexpr std::size_t kArrivalsMax = 1 << 14;

template <std::size_t kSize>
std::uint64_t number_at(const std::array<std::uint8_t, kSize>& id, std::size_t from) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = from; i < from + 8; ++i) number = number << 8 | id[i];
  return number;
}

std::size_t bytes_of(const telemetry::SpanStart& span) {
  constexpr std::size_t kAround = 320;  // the structures that hold it
  std::size_t bytes = kAround;
  for (const std::string* text :
       {&span.name, &span.service, &span.run_id, &span.node_id, &span.agent_id, &span.role, &span.operation}) {
    bytes += text->size();
  }
  return bytes;
}

}  // namespace

otlp::SpanKey key_of(const otlp::TraceId& trace_id, const otlp::SpanId& span_id) noexcept {
  return {number_at(trace_id, 0), number_at(trace_id, 8), number_at(span_id, 0)};
}

std::vector<otlp::SpanKey> LiveSpans::begin(std::vector<telemetry::SpanStart> starts) {
  std::vector<otlp::SpanKey> begun;
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.monotonic_nanos();
  for (telemetry::SpanStart& start : starts) {
    ++begun_;
    const otlp::SpanKey key = key_of(start.trace_id, start.span_id);
    if (has_arrived_.contains(key) || open_.contains(key)) continue;
    const std::size_t bytes = bytes_of(start);
    bytes_ += bytes;
    by_trace_[{key.trace_high, key.trace_low}].push_back(key);
    by_age_.emplace(next_order_, Age{key, now});
    open_.emplace(key, Open{std::move(start), bytes, next_order_++});
    begun.push_back(key);
  }
  keep_to_limits(now);
  return begun;
}

void LiveSpans::arrived(std::span<const otlp::SpanKey> keys) {
  const std::lock_guard lock(mutex_);
  if (begun_ == 0) return;  // nobody tells of beginnings
  for (const otlp::SpanKey& key : keys) {
    if (key.span == 0) continue;
    if (!open_.empty()) forget(key);
    remember_arrival(key);
  }
}

void LiveSpans::remember_arrival(const otlp::SpanKey& key) {
  if (!has_arrived_.insert(key).second) return;
  arrivals_.push_back(key);
  if (arrivals_.size() <= kArrivalsMax) return;
  has_arrived_.erase(arrivals_.front());
  arrivals_.pop_front();
}

void LiveSpans::forget(const otlp::SpanKey& key) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  bytes_ -= found->second.bytes;
  by_age_.erase(found->second.order);
  const auto trace = by_trace_.find({key.trace_high, key.trace_low});
  std::erase(trace->second, key);
  if (trace->second.empty()) by_trace_.erase(trace);
  open_.erase(found);
}

void LiveSpans::keep_to_limits(std::int64_t now) {
  const std::int64_t oldest = now - std::chrono::nanoseconds(limits_.age_max).count();
  while (!by_age_.empty()) {
    const Age& age = by_age_.begin()->second;
    if (open_.size() <= limits_.spans_max && bytes_ <= limits_.bytes_max && age.told_nanos > oldest) break;
    ++forgotten_;
    forget(otlp::SpanKey(age.key));
  }
}

LiveSpans::Found LiveSpans::of(const otlp::TraceId& trace_id, std::size_t count_max) const {
  Found found;
  {
    const std::lock_guard lock(mutex_);
    const auto trace = by_trace_.find({number_at(trace_id, 0), number_at(trace_id, 8)});
    if (trace == by_trace_.end()) return found;
    for (const otlp::SpanKey& key : trace->second) found.spans.push_back(open_.at(key).span);
  }
  found.total = found.spans.size();
  std::sort(found.spans.begin(), found.spans.end(),
            [](const auto& a, const auto& b) { return a.start_unix_nanos < b.start_unix_nanos; });
  if (found.spans.size() > count_max) found.spans.resize(count_max);
  return found;
}

LiveSpans::Stats LiveSpans::stats() const {
  const std::lock_guard lock(mutex_);
  return {open_.size(), bytes_, begun_, forgotten_};
}

}  // namespace meshflow::server
