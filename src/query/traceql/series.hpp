// Series of numbers over time, and what a query's second stage makes of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "otlp/model.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/cell.hpp"

namespace meshflow::query::traceql {

struct Label {
  std::string name;
  Cell value;  // nil where a span has none
  friend bool operator==(const Label&, const Label&) = default;
};

// A span that a point of a series stands for.
struct Exemplar {
  otlp::TraceId trace_id{};
  otlp::SpanId span_id{};
  std::uint64_t time = 0;  // the span's start, nanoseconds
  double value = 0;        // NaN where the function counts
};

struct Series {
  std::vector<Label> labels = {};
  std::vector<double> values = {};  // one for each point in time; NaN: none
  std::vector<Exemplar> exemplars = {};
};

// The name of a series that no by() tells apart: rate, count_over_time, …
inline constexpr const char* kNameLabel = "__name__";

struct SeriesSet {
  std::vector<Series> series;
  // One value for the whole range, which stands for every point of what it is calculated with.
  bool is_whole = false;
};

// Without the values that do not compare so, and without the series that then have none. Durations are seconds.
[[nodiscard]] SeriesSet filtered(SeriesSet set, const MetricsFilter& filter);
// At each point in time the k series with the most, or the least; of equal ones those whose labels come first.
[[nodiscard]] SeriesSet top(SeriesSet set, const TopK& topk);
// Series with the same labels meet, one without labels meets every one; x / 0 is no value.
[[nodiscard]] SeriesSet calculated(ArithmeticOperator op, const SeriesSet& left, const SeriesSet& right);
[[nodiscard]] SeriesSet calculated(ArithmeticOperator op, SeriesSet set, double number, bool number_is_left);
// Without series that have no value, ordered by their labels.
[[nodiscard]] SeriesSet finished(SeriesSet set);

}  // namespace meshflow::query::traceql
