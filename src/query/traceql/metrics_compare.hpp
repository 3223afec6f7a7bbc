// compare(): how often each attribute has each value, on the spans that a filter selects and on the others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "otlp/model.hpp"
#include "query/traceql/collect.hpp"
#include "query/traceql/series.hpp"

namespace meshflow::query::traceql {

// Counts spans, one by one. Arguments and intervals must outlive it.
class ValueCounts {
 public:
  ValueCounts(const CompareArguments& arguments, const Intervals& intervals, const Fields& fields);

  // A span, its row, and what it belongs to. What starts outside the intervals does not count.
  void add(const Row& row, const otlp::Span& span, const otlp::Resource& resource,
           const otlp::InstrumentationScope& scope);
  // selection and baseline, each value of each attribute with its count, at most `top` values of one, the most frequent
  // first; __meta_error for attributes that have more; selection_total and baseline_total.
  [[nodiscard]] SeriesSet series() const;

 private:
  struct Counts {
    Cell value;
    std::vector<double> points;
    double total = 0;
  };
  struct Attribute {
    std::map<std::string, Counts> values;
    std::vector<double> totals;
  };
  using Side = std::map<std::string, Attribute>;  // by the attribute's name: "span.role"

  void count(Side& side, const std::string& name, const Cell& value, std::size_t point) const;
  void count_all(Side& side, std::string_view scope, const otlp::KeyValueList& attributes, std::size_t point) const;
  void add_values(const char* meta, const Side& side, SeriesSet& set) const;
  void add_totals(const char* meta, const Side& side, SeriesSet& set) const;

  const CompareArguments& arguments_;
  const Intervals& intervals_;
  const Evaluator selection_;
  Side selected_;
  Side baseline_;
};

}  // namespace meshflow::query::traceql
