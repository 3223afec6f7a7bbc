// Trace and span ids (OpenTelemetry specification, trace API, "SpanContext").
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meshflow::telemetry {

// 16 bytes; all zero is invalid. A value.
struct TraceId {
  std::array<std::uint8_t, 16> bytes{};

  // Random, never zero. Thread-safe; unique across threads and fork.
  [[nodiscard]] static TraceId generate() noexcept;
  // From 32 hex digits in either case; nothing for anything else, all zero included.
  [[nodiscard]] static std::optional<TraceId> parse(std::string_view hex) noexcept;
  [[nodiscard]] bool is_valid() const noexcept {
    const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
    return (words[0] | words[1]) != 0;
  }
  // 32 lower-case hex digits.
  [[nodiscard]] std::string hex() const;

  friend bool operator==(const TraceId&, const TraceId&) = default;
};

// 8 bytes; all zero is invalid. A value.
struct SpanId {
  std::array<std::uint8_t, 8> bytes{};

  [[nodiscard]] static SpanId generate() noexcept;
  // From 16 hex digits in either case; nothing for anything else, all zero included.
  [[nodiscard]] static std::optional<SpanId> parse(std::string_view hex) noexcept;
  [[nodiscard]] bool is_valid() const noexcept { return std::bit_cast<std::uint64_t>(bytes) != 0; }
  // 16 lower-case hex digits.
  [[nodiscard]] std::string hex() const;

  friend bool operator==(const SpanId&, const SpanId&) = default;
};

}  // namespace meshflow::telemetry
