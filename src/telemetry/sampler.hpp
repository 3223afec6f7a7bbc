// Whether a trace is recorded: OpenTelemetry specification, trace SDK, "Built-in samplers".
#pragma once

#include <cstdint>

#include "meshflow/telemetry/context.hpp"
#include "telemetry/provider.hpp"

namespace meshflow::telemetry {

// A value; thread-safe.
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options) noexcept;
  // `parent` is invalid for the first span of a trace.
  [[nodiscard]] bool should_sample(const TraceId& trace_id, const Context& parent) const noexcept {
    if (follows_parent_ && parent.is_valid()) return parent.is_sampled();
    return is_in_ratio(trace_id);
  }

 private:
  // Consistent across services: compares the 56 random bits of W3C Trace Context level 2 ("random trace-id") with a
  // rejection threshold (OpenTelemetry specification, "TraceState: probability sampling").
  [[nodiscard]] bool is_in_ratio(const TraceId& trace_id) const noexcept;

  bool follows_parent_;
  std::uint64_t rejection_threshold_;  // 0 samples all, 2^56 none
};

}  // namespace meshflow::telemetry
