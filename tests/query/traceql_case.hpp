// Random but reproducible traces and queries over them: what engine and oracle must agree on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "otlp/model.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql_oracle.hpp"

namespace meshflow::query::traceql::test {

// A place to draw from. The same seed gives the same, everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  // In [0, below).
  [[nodiscard]] std::uint64_t below(std::uint64_t below) { return random_() % below; }
  [[nodiscard]] bool chance(unsigned percent) { return below(100) < percent; }
  template <typename T>
  [[nodiscard]] T of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

 private:
  std::mt19937_64 random_;
};

// A few small traces that have all that TraceQL can ask for: parents that are missing, rings, two roots, equal times,
// one name with values of several types, arrays, empty values, events, links, several resources and scopes. Numbers are
// such that their sums are exact.
[[nodiscard]] otlp::TracesData random_traces(Dice& dice);

// A query that check() accepts and that has a fair chance to find some of random_traces' spans and not others. Grouped
// spansets never meet a structural operator.
[[nodiscard]] traceql::Query random_query(Dice& dice);

[[nodiscard]] MetricsRange random_range(Dice& dice);

// ---- making a failing case smaller ----

struct Case {
  traceql::Query query;
  otlp::TracesData data;
  MetricsRange range;
};

// Queries that are smaller by one step.
[[nodiscard]] std::vector<traceql::Query> smaller(const traceql::Query& query);

// The smallest case that still fails, as far as one step at a time leads, with at most `tries` calls of `fails`.
[[nodiscard]] Case shrunk(Case failing, const std::function<bool(const Case&)>& fails, int tries = 400);

// Query, range, and each span in a line.
[[nodiscard]] std::string text_of(const Case& failing);

}  // namespace meshflow::query::traceql::test
