// A trace id as the number whose 32 hex digits are the id, and back; a span id as that of its 16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "otlp/model.hpp"
#include "store/value.hpp"

namespace meshflow::store {

[[nodiscard]] inline U128 number_of(const otlp::TraceId& trace_id) noexcept {
  U128 number;
  for (std::size_t i = 0; i < 8; ++i) {
    number.high = number.high << 8 | trace_id[i];
    number.low = number.low << 8 | trace_id[8 + i];
  }
  return number;
}

[[nodiscard]] inline otlp::TraceId trace_id_of(const U128& number) noexcept {
  otlp::TraceId trace_id{};
  for (std::size_t i = 0; i < 8; ++i) {
    trace_id[i] = static_cast<std::uint8_t>(number.high >> (56 - 8 * i));
    trace_id[8 + i] = static_cast<std::uint8_t>(number.low >> (56 - 8 * i));
  }
  return trace_id;
}

// Span ids likewise: as the columns span_id and parent_id have them.
[[nodiscard]] inline std::uint64_t number_of(const otlp::SpanId& span_id) noexcept {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : span_id) number = number << 8 | byte;
  return number;
}

[[nodiscard]] inline otlp::SpanId span_id_of(std::uint64_t number) noexcept {
  otlp::SpanId span_id{};
  for (std::size_t i = 0; i < 8; ++i) span_id[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return span_id;
}

}  // namespace meshflow::store
