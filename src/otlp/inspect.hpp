// What decode_traces would say of a request, without making its value: whoever keeps the bytes as they came must know
// first that they are good.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/decode_limits.hpp"

namespace meshflow::otlp {

// A span's identity, as numbers whose hex digits are the ids'.
struct SpanKey {
  std::uint64_t trace_high = 0;
  std::uint64_t trace_low = 0;
  std::uint64_t span = 0;  // 0: the span is rejected
  friend bool operator==(const SpanKey&, const SpanKey&) = default;
};

struct Inspected {
  std::vector<SpanKey> keys;  // of every span, in the order in which they stand in the request
  DecodeStats stats;

  [[nodiscard]] std::uint64_t accepted_spans() const noexcept { return keys.size() - stats.rejected_spans; }
};

// The same failures, limits and counts as decode_traces. Pure and safe to call concurrently.
[[nodiscard]] Result<Inspected> inspect_traces(std::string_view bytes, const DecodeLimits& limits = {});

}  // namespace meshflow::otlp
