// Random but reproducible traces for property tests.
#pragma once

#include <cstdint>
#include <random>

#include "otlp/model.hpp"

namespace meshflow::otlp::test {

// The same seed gives the same traces, everywhere. Covers every field and every type of value, empty ones, extreme
// numbers and text of all planes; never NaN, which equals nothing.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] TracesData traces();
  [[nodiscard]] Span span();
  [[nodiscard]] Resource resource();
  [[nodiscard]] InstrumentationScope scope();

  // In [0, below).
  [[nodiscard]] std::uint64_t number(std::uint64_t below) { return random_() % below; }

 private:
  [[nodiscard]] bool chance(int percent) { return number(100) < static_cast<std::uint64_t>(percent); }
  [[nodiscard]] std::uint64_t any_u64();
  [[nodiscard]] std::uint32_t any_u32() { return static_cast<std::uint32_t>(any_u64()); }
  [[nodiscard]] double any_double();
  [[nodiscard]] std::string text();
  [[nodiscard]] std::string bytes(std::size_t size_max);
  [[nodiscard]] AnyValue value(int depth);
  [[nodiscard]] KeyValueList attributes(int depth = 0);
  [[nodiscard]] Event event();
  [[nodiscard]] Link link();
  template <typename Id>
  [[nodiscard]] Id id();

  std::mt19937_64 random_;
};

}  // namespace meshflow::otlp::test
