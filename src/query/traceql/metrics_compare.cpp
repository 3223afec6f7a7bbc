#include "query/traceql/metrics_compare.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "query/traceql/printer.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr const char* kMetaLabel = "__meta_type";
constexpr const char* kErrorLabel = "__meta_error";
constexpr const char* kTooManyValues = "__too_many_values__";
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string label_of(Scope scope, const std::string& name) { return print(Field{Attribute{scope, name, false}}); }

}  // namespace

ValueCounts::ValueCounts(const CompareArguments& arguments, const Intervals& intervals, const Fields& fields)
    : arguments_(arguments), intervals_(intervals), selection_(arguments.selection.condition, fields) {}

void ValueCounts::count(Side& side, const std::string& name, const Cell& value, std::size_t point) const {
  if (value.is_nil()) return;
  Attribute& attribute = side[name];
  if (attribute.totals.empty()) attribute.totals.assign(intervals_.points(), 0);
  Counts& counts = attribute.values[key_of(value)];
  if (counts.points.empty()) {
    counts.value = value;
    counts.points.assign(intervals_.points(), 0);
  }
  counts.points[point] += 1;
  counts.total += 1;
  attribute.totals[point] += 1;
}

void ValueCounts::count_all(Side& side, std::string_view scope, const otlp::KeyValueList& attributes,
                            std::size_t point) const {
  const Scope of = scope == "span" ? Scope::span : scope == "resource" ? Scope::resource : Scope::instrumentation;
  for (const otlp::KeyValue& each : attributes) count(side, label_of(of, each.key), cell_of(each.value), point);
}

void ValueCounts::add(const Row& row, const otlp::Span& span, const otlp::Resource& resource,
                      const otlp::InstrumentationScope& scope) {
  const auto point = intervals_.point_of(row.start);
  if (!point) return;
  const bool is_in_time =
      (arguments_.start == 0 && arguments_.end == 0) || (row.start > static_cast<std::uint64_t>(arguments_.start) &&
                                                         row.start <= static_cast<std::uint64_t>(arguments_.end));
  Side& side = is_in_time && selection_.holds(row.cells) ? selected_ : baseline_;
  count(side, "name", {span.name}, *point);
  count(side, "status", status_cell(static_cast<std::int32_t>(span.status.code)), *point);
  count(side, "kind", kind_cell(static_cast<std::int32_t>(span.kind)), *point);
  if (!span.status.message.empty()) count(side, "statusMessage", {span.status.message}, *point);
  count(side, "instrumentation:name", {scope.name}, *point);
  count(side, "instrumentation:version", {scope.version}, *point);
  count_all(side, "span", span.attributes, *point);
  count_all(side, "resource", resource.attributes, *point);
  count_all(side, "instrumentation", scope.attributes, *point);
}

void ValueCounts::add_values(const char* meta, const Side& side, SeriesSet& set) const {
  for (const auto& [name, attribute] : side) {
    std::vector<const Counts*> ranked;
    for (const auto& [key, counts] : attribute.values) ranked.push_back(&counts);
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const Counts* a, const Counts* b) { return a->total > b->total; });
    const auto top = static_cast<std::size_t>(std::max<std::int64_t>(arguments_.top, 1));
    if (ranked.size() > top) ranked.resize(top);
    for (const Counts* each : ranked) {
      set.series.push_back({{{kMetaLabel, {std::string(meta)}}, {name, each->value}}, each->points, {}});
    }
  }
}

void ValueCounts::add_totals(const char* meta, const Side& side, SeriesSet& set) const {
  for (const auto& [name, attribute] : side) {
    set.series.push_back({{{kMetaLabel, {std::string(meta)}}, {name, {}}}, attribute.totals, {}});
  }
}

SeriesSet ValueCounts::series() const {
  SeriesSet set;
  add_values("baseline", baseline_, set);
  add_values("selection", selected_, set);
  std::set<std::string> too_many;
  for (const Side* side : {&baseline_, &selected_}) {
    for (const auto& [name, attribute] : *side) {
      if (attribute.values.size() > static_cast<std::size_t>(std::max<std::int64_t>(arguments_.top, 1))) {
        too_many.insert(name);
      }
    }
  }
  for (const std::string& name : too_many) {
    set.series.push_back({{{kErrorLabel, {std::string(kTooManyValues)}}, {name, {}}},
                          std::vector<double>(intervals_.points(), kNaN),
                          {}});
  }
  add_totals("baseline_total", baseline_, set);
  add_totals("selection_total", selected_, set);
  return set;
}

}  // namespace meshflow::query::traceql
