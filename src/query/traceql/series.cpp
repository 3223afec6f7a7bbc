#include "query/traceql/series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool has_values(const Series& series) {
  return std::any_of(series.values.begin(), series.values.end(), [](double value) { return !std::isnan(value); });
}

bool holds(double value, ComparisonOperator op, double other) {
  switch (op) {
    case ComparisonOperator::equal: return value == other;
    case ComparisonOperator::not_equal: return value != other;
    case ComparisonOperator::less: return value < other;
    case ComparisonOperator::less_equal: return value <= other;
    case ComparisonOperator::greater: return value > other;
    case ComparisonOperator::greater_equal: return value >= other;
    default: return false;
  }
}

double calculate(double left, ArithmeticOperator op, double right) {
  switch (op) {
    case ArithmeticOperator::add: return left + right;
    case ArithmeticOperator::subtract: return left - right;
    case ArithmeticOperator::multiply: return left * right;
    case ArithmeticOperator::divide: return right == 0 ? kNaN : left / right;
    default: return kNaN;
  }
}

// Text that sorts as people sort labels: by value, then by name.
std::string order_of(const Series& series) {
  std::string order;
  for (const Label& label : series.labels) order += text_of(label.value) + '\0' + label.name + '\0';
  return order;
}

std::string key_of(const Series& series) {
  std::string key;
  for (const Label& label : series.labels) {
    if (label.name != kNameLabel) key += label.name + '\0' + traceql::key_of(label.value) + '\0';
  }
  return key;
}

const Label* find_label(const std::vector<Label>& labels, const std::string& name) {
  const auto found = std::find_if(labels.begin(), labels.end(), [&](const Label& each) { return each.name == name; });
  return found == labels.end() ? nullptr : &*found;
}

std::vector<Label> merged(ArithmeticOperator op, const std::vector<Label>& left, const std::vector<Label>& right) {
  std::vector<Label> labels;
  const Label* const left_name = find_label(left, kNameLabel);
  const Label* const right_name = find_label(right, kNameLabel);
  if (left_name != nullptr && right_name != nullptr) {
    labels.push_back(
        {kNameLabel,
         {"(" + text_of(left_name->value) + " " + std::string(text_of(op)) + " " + text_of(right_name->value) + ")"}});
  }
  for (const auto* side : {&left, &right}) {
    for (const Label& label : *side) {
      if (label.name != kNameLabel && find_label(labels, label.name) == nullptr) labels.push_back(label);
    }
  }
  return labels;
}

// The series for a key: its own, or the one without labels.
const Series* match(const std::map<std::string, const Series*>& set, const std::string& key) {
  if (const auto own = set.find(key); own != set.end()) return own->second;
  const auto of_all = set.find("");
  return of_all == set.end() ? nullptr : of_all->second;
}

}  // namespace

SeriesSet filtered(SeriesSet set, const MetricsFilter& filter) {
  const Cell literal = cell_of(filter.value.value);
  const bool is_duration = std::holds_alternative<Duration>(literal.value);
  const double bound = number_in(literal) / (is_duration ? 1e9 : 1);
  for (Series& series : set.series) {
    for (double& value : series.values) {
      if (std::isnan(value) || !holds(value, filter.op, bound)) value = kNaN;
    }
  }
  std::erase_if(set.series, [](const Series& series) { return !has_values(series); });
  return set;
}

SeriesSet top(SeriesSet set, const TopK& topk) {
  const auto keep = static_cast<std::size_t>(std::max<std::int64_t>(topk.k, 0));
  std::sort(set.series.begin(), set.series.end(),
            [](const Series& a, const Series& b) { return order_of(a) < order_of(b); });
  const std::size_t points = set.series.empty() ? 0 : set.series.front().values.size();
  for (std::size_t point = 0; point < points; ++point) {
    std::vector<std::size_t> ranks;
    for (std::size_t i = 0; i < set.series.size(); ++i) {
      if (!std::isnan(set.series[i].values[point])) ranks.push_back(i);
    }
    std::stable_sort(ranks.begin(), ranks.end(), [&](std::size_t a, std::size_t b) {
      const double left = set.series[a].values[point];
      const double right = set.series[b].values[point];
      return topk.is_bottom ? left < right : left > right;
    });
    for (std::size_t i = keep; i < ranks.size(); ++i) set.series[ranks[i]].values[point] = kNaN;
  }
  std::erase_if(set.series, [](const Series& series) { return !has_values(series); });
  return set;
}

SeriesSet calculated(ArithmeticOperator op, const SeriesSet& left, const SeriesSet& right) {
  std::map<std::string, const Series*> of_left;
  std::map<std::string, const Series*> of_right;
  for (const Series& each : left.series) of_left[key_of(each)] = &each;
  for (const Series& each : right.series) of_right[key_of(each)] = &each;
  const auto& keys = of_right.contains("") ? of_left : of_right;
  SeriesSet made;
  made.is_whole = left.is_whole && right.is_whole;
  for (const auto& [key, unused] : keys) {
    const Series* const a = match(of_left, key);
    const Series* const b = match(of_right, key);
    if (a == nullptr || b == nullptr) continue;
    Series& series = made.series.emplace_back();
    series.labels = merged(op, a->labels, b->labels);
    const std::size_t points = std::max(a->values.size(), b->values.size());
    for (std::size_t i = 0; i < points; ++i) {
      const double of_a = a->values[left.is_whole ? 0 : i];
      const double of_b = b->values[right.is_whole ? 0 : i];
      series.values.push_back(calculate(of_a, op, of_b));
    }
    series.exemplars = a->exemplars;
    series.exemplars.insert(series.exemplars.end(), b->exemplars.begin(), b->exemplars.end());
  }
  return made;
}

SeriesSet calculated(ArithmeticOperator op, SeriesSet set, double number, bool number_is_left) {
  const auto change = [&](double& value) {
    value = number_is_left ? calculate(number, op, value) : calculate(value, op, number);
  };
  for (Series& series : set.series) {
    for (double& value : series.values) change(value);
    for (Exemplar& exemplar : series.exemplars) change(exemplar.value);
  }
  return set;
}

SeriesSet finished(SeriesSet set) {
  std::erase_if(set.series, [](const Series& series) { return !has_values(series); });
  std::sort(set.series.begin(), set.series.end(),
            [](const Series& a, const Series& b) { return order_of(a) < order_of(b); });
  return set;
}

}  // namespace meshflow::query::traceql
