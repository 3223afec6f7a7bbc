// How far two sets differ in one attribute.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace meshflow::query {

// How many of each set have a value.
struct Share {
  std::uint64_t selection = 0;
  std::uint64_t baseline = 0;
  friend bool operator==(const Share&, const Share&) = default;
};

// The Jensen-Shannon divergence in bits of the two distributions over these categories (J. Lin, Divergence Measures
// Based on the Shannon Entropy, IEEE Transactions on Information Theory 37, 1991), less what it is expected to be where
// both sets are drawn from one distribution: (k - 1) / (8 ln 2) * (1 / n + 1 / m) for k categories that occur, by its
// expansion to second order. From 0, no difference beyond chance, to 1, no value in common; 0 where a set is empty.
// That keeps small sets, and attributes that differ for every span, from looking like a finding. Pure.
[[nodiscard]] double divergence(const std::vector<Share>& shares);

// A half-open interval of numbers, the last one closed.
struct Bin {
  double from = 0;
  double to = 0;
  Share share;
  friend bool operator==(const Bin&, const Bin&) = default;
};
inline constexpr std::size_t kBinsMax = 10;
// Bins that hold about as many of both sets together each, at their quantiles; equal numbers are in one bin. Pure.
[[nodiscard]] std::vector<Bin> bins_of(const std::vector<double>& selection, const std::vector<double>& baseline);

}  // namespace meshflow::query
