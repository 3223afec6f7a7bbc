// What a run, an agent or a model call used. Integers all the way, so that sums are exact.
#pragma once

#include <cstdint>

namespace meshflow {

// `input` includes those read from a cache and those written to it.
struct Tokens {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t cached = 0;         // of input, read from the provider's cache
  std::int64_t cache_written = 0;  // of input, written to the provider's cache

  [[nodiscard]] std::int64_t total() const noexcept { return input + output; }
  Tokens& operator+=(const Tokens& other) noexcept {
    input += other.input;
    output += other.output;
    cached += other.cached;
    cache_written += other.cache_written;
    return *this;
  }
  friend bool operator==(const Tokens&, const Tokens&) = default;
};

// Carbon in nanograms of CO2 equivalent: the middle estimate and its bounds.
struct Carbon {
  std::int64_t nanograms = 0;
  std::int64_t low_nanograms = 0;
  std::int64_t high_nanograms = 0;

  Carbon& operator+=(const Carbon& other) noexcept {
    nanograms += other.nanograms;
    low_nanograms += other.low_nanograms;
    high_nanograms += other.high_nanograms;
    return *this;
  }
  friend bool operator==(const Carbon&, const Carbon&) = default;
};

struct Usage {
  Tokens tokens = {};
  std::int64_t cost_nano_usd = 0;
  Carbon carbon = {};
  std::int64_t model_calls = 0;

  [[nodiscard]] double cost_usd() const noexcept { return static_cast<double>(cost_nano_usd) / 1e9; }
  [[nodiscard]] double carbon_g() const noexcept { return static_cast<double>(carbon.nanograms) / 1e9; }
  Usage& operator+=(const Usage& other) noexcept {
    tokens += other.tokens;
    cost_nano_usd += other.cost_nano_usd;
    carbon += other.carbon;
    model_calls += other.model_calls;
    return *this;
  }
  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace meshflow
