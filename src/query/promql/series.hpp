// Samples over time, and where an expression gets them from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/promql/ast.hpp"

namespace meshflow::query::promql {

// The metric's name is the label __name__. A label without a value is not there.
using Labels = std::map<std::string, std::string>;

struct Sample {
  std::int64_t time_ms = 0;  // since 1970
  double value = 0;
  friend bool operator==(const Sample&, const Sample&) = default;
};

// How long the last sample of a series counts where nothing else is said: as in Prometheus.
inline constexpr std::int64_t kLookbackMs = 300'000;

struct Series {
  Labels labels;
  std::vector<Sample> samples = {};  // by time
  std::int64_t lookback_ms = kLookbackMs;
};

// What an expression asks of its source: the series of one selector, with their samples in [from, to].
struct SeriesRequest {
  const Expr& selector;
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
};

class SeriesSource {
 public:
  virtual ~SeriesSource() = default;
  // The longest lookback_ms of any series of the selector: how far before a moment samples are asked for.
  [[nodiscard]] virtual std::int64_t lookback_ms(const Expr& selector) const = 0;
  // Series of that name, or more: those that do not fit the selector's matchers, and samples outside, are left out by
  // who asks.
  [[nodiscard]] virtual Result<std::vector<Series>> select(const SeriesRequest& request) = 0;
};

// Whether the series has the selector's name and fits its matchers. Regular expressions are RE2, fully anchored.
[[nodiscard]] bool fits(const Expr& selector, const Labels& labels);

}  // namespace meshflow::query::promql
