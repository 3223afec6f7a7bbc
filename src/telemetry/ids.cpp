#include "meshflow/telemetry/ids.hpp"

#include <cstring>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace meshflow::telemetry {
namespace {

template <typename Id>
std::optional<Id> parse_id(std::string_view hex) noexcept {
  Id id;
  if (hex.size() != id.bytes.size() * 2) return std::nullopt;
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (!id.is_valid()) return std::nullopt;
  return id;
}

template <typename Id>
std::string hex_of(const Id& id) {
  std::string digits(id.bytes.size() * 2, '\0');
  write_hex(id.bytes.data(), id.bytes.size(), digits.data());
  return digits;
}

}  // namespace

TraceId TraceId::generate() noexcept {
  TraceId id;
  do {
    const std::array<std::uint64_t, 2> words{random_u64(), random_u64()};
    std::memcpy(id.bytes.data(), words.data(), sizeof(words));
  } while (!id.is_valid());
  return id;
}

std::optional<TraceId> TraceId::parse(std::string_view hex) noexcept { return parse_id<TraceId>(hex); }

std::string TraceId::hex() const { return hex_of(*this); }

SpanId SpanId::generate() noexcept {
  SpanId id;
  do {
    const std::uint64_t word = random_u64();
    std::memcpy(id.bytes.data(), &word, sizeof(word));
  } while (!id.is_valid());
  return id;
}

std::optional<SpanId> SpanId::parse(std::string_view hex) noexcept { return parse_id<SpanId>(hex); }

std::string SpanId::hex() const { return hex_of(*this); }

}  // namespace meshflow::telemetry
