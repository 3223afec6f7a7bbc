// Has a span with this key been stored? A Bloom filter split into blocks of one cache line half (Putze, Sanders,
// Singler 2007; the form that Parquet's specification gives): no is certain, yes has to be looked up. Private to the
// room.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "otlp/inspect.hpp"

namespace meshflow::store {

// One thread at a time.
class SpanFilter {
 public:
  // About one false yes in ten thousand while no more than `keys` are in it: 26 bits a key.
  explicit SpanFilter(std::size_t keys)
      : blocks_(std::bit_ceil(keys * kBitsPerKey / kBlockBits + 1)), mask_(blocks_.size() - 1) {}

  [[nodiscard]] static std::uint64_t hash_of(const otlp::SpanKey& key) noexcept {
    // Ids are random in good traces and anything in bad ones: mixed as in splitmix64 (Steele, Lea, Flood 2014).
    std::uint64_t hash = key.span * 0x9E3779B97F4A7C15 ^ key.trace_low * 0xBF58476D1CE4E5B9 ^ key.trace_high;
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
    return hash ^ (hash >> 31);
  }

  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&blocks_[hash >> 32 & mask_]); }
  [[nodiscard]] bool may_contain(std::uint64_t hash) const noexcept {
    const Block& block = blocks_[hash >> 32 & mask_];
    const auto low = static_cast<std::uint32_t>(hash);
    std::uint32_t missing = 0;
    for (std::size_t i = 0; i < block.size(); ++i) missing |= ~block[i] & bit_of(low, i);
    return missing == 0;
  }
  void insert(std::uint64_t hash) noexcept {
    Block& block = blocks_[hash >> 32 & mask_];
    const auto low = static_cast<std::uint32_t>(hash);
    for (std::size_t i = 0; i < block.size(); ++i) block[i] |= bit_of(low, i);
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return blocks_.size() * sizeof(Block); }

 private:
  static constexpr std::size_t kBitsPerKey = 26;
  using Block = std::array<std::uint32_t, 8>;
  static constexpr std::size_t kBlockBits = sizeof(Block) * 8;
  static constexpr std::array<std::uint32_t, 8> kSalts{0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                                       0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};
  static std::uint32_t bit_of(std::uint32_t hash, std::size_t i) noexcept {
    return std::uint32_t{1} << ((hash * kSalts[i]) >> 27);
  }

  std::vector<Block> blocks_;  // a power of two
  std::uint64_t mask_;
};

}  // namespace meshflow::store
