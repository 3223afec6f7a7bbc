#include "telemetry/sampler.hpp"

#include <algorithm>
#include <cmath>

namespace meshflow::telemetry {
namespace {

constexpr std::uint64_t kRandomValues = std::uint64_t{1} << 56;

double ratio_of(const SamplerOptions& options) noexcept {
  using Kind = SamplerOptions::Kind;
  switch (options.kind) {
    case Kind::always_on:
    case Kind::parentbased_always_on: return 1.0;
    case Kind::always_off:
    case Kind::parentbased_always_off: return 0.0;
    case Kind::traceidratio:
    case Kind::parentbased_traceidratio: break;
  }
  return std::isnan(options.ratio) ? 1.0 : std::clamp(options.ratio, 0.0, 1.0);
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) noexcept
    : follows_parent_(options.kind >= SamplerOptions::Kind::parentbased_always_on),
      rejection_threshold_(
          static_cast<std::uint64_t>(std::llround((1.0 - ratio_of(options)) * static_cast<double>(kRandomValues)))) {}

bool Sampler::is_in_ratio(const TraceId& trace_id) const noexcept {
  std::uint64_t random = 0;
  for (std::size_t i = 9; i < trace_id.bytes.size(); ++i) random = random << 8 | trace_id.bytes[i];
  return random >= rejection_threshold_;
}

}  // namespace meshflow::telemetry
