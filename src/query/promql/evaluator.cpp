#include "query/promql/evaluator.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/try.hpp"
#include "query/promql/functions.hpp"

namespace meshflow::query::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// What Prometheus writes when a series has ended.
bool is_stale(double value) { return std::bit_cast<std::uint64_t>(value) == 0x7FF0000000000002; }

double calculate(Operator op, double a, double b) {
  switch (op) {
    case Operator::add: return a + b;
    case Operator::subtract: return a - b;
    case Operator::multiply: return a * b;
    case Operator::divide: return a / b;
    case Operator::modulo: return std::fmod(a, b);
    case Operator::power: return std::pow(a, b);
    default: return kNaN;
  }
}
bool compare(Operator op, double a, double b) {
  switch (op) {
    case Operator::equal: return a == b;
    case Operator::not_equal: return a != b;
    case Operator::less: return a < b;
    case Operator::less_equal: return a <= b;
    case Operator::greater: return a > b;
    case Operator::greater_equal: return a >= b;
    default: return false;
  }
}

Labels without_name(Labels labels) {
  labels.erase("__name__");
  return labels;
}
// Those of the list, or all but those of it and the name.
Labels grouped(const Labels& labels, const std::optional<LabelList>& list) {
  Labels kept;
  if (!list) return kept;
  for (const auto& [name, value] : labels) {
    const bool is_listed = std::binary_search(list->labels.begin(), list->labels.end(), name);
    if (list->is_inclusive ? is_listed : !is_listed && name != "__name__") kept.emplace(name, value);
  }
  return kept;
}
// What two series must have in common to match.
Labels signature(const Labels& labels, const std::optional<LabelList>& list) {
  return list ? grouped(labels, list) : without_name(labels);
}

std::string labels_text(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ", ", name, value);
  return "{" + out + "}";
}

class Evaluator {
 public:
  Evaluator(SeriesSource& source, std::int64_t time_ms) : source_(source), time_ms_(time_ms) {}

  // Of scalar type.
  Result<double> number(const Expr& expr);
  // Of vector type.
  Result<Vector> vector(const Expr& expr);

 private:
  static tl::unexpected<Error> wrong(const Expr& expr, std::string message, std::string hint = {}) {
    return tl::unexpected(Error{ErrorCode::invalid_input, std::move(message),
                                SourcePosition{{}, expr.place.line, expr.place.column}, std::move(hint)});
  }

  Result<std::vector<Series>> select(const Expr& selector, std::int64_t from_ms, std::int64_t to_ms);
  Result<Vector> instant(const Expr& selector);
  Result<Vector> binary(const Expr& expr);
  Result<Vector> with_number(const Expr& expr);
  Result<Vector> matched(const Expr& expr, const Vector& left, const Vector& right);
  static Vector combined(const Expr& expr, const Vector& left, const Vector& right);
  Result<Vector> aggregate(const Expr& expr);
  Result<Vector> ranked(const Expr& expr, Vector of, double count);
  Result<Vector> call(const Expr& expr);
  Result<Vector> over_time(const Expr& expr);
  static Vector absent(const Expr& of);
  static Result<Vector> unique(const Expr& expr, Vector made);

  SeriesSource& source_;
  const std::int64_t time_ms_;
  std::optional<std::int64_t> window_ms_;  // of the innermost window
};

Result<std::vector<Series>> Evaluator::select(const Expr& selector, std::int64_t from_ms, std::int64_t to_ms) {
  const SeriesRequest request{selector, from_ms, to_ms};
  MESHFLOW_TRY(auto found, source_.select(request));
  std::vector<Series> kept;
  for (Series& series : found) {
    if (!fits(selector, series.labels)) continue;
    std::erase_if(series.samples, [&](const Sample& each) { return each.time_ms < from_ms || each.time_ms > to_ms; });
    if (!series.samples.empty()) kept.push_back(std::move(series));
  }
  if (kept.size() > kVectorMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("{} has more than {} series", selector.name, kVectorMax));
  }
  return kept;
}

Result<Vector> Evaluator::instant(const Expr& selector) {
  const std::int64_t to = time_ms_ - selector.offset_ms;
  MESHFLOW_TRY(auto series, select(selector, to - window_ms_.value_or(source_.lookback_ms(selector)), to));
  Vector made;
  for (Series& each : series) {
    const Sample& last = each.samples.back();
    if (is_stale(last.value) || last.time_ms < to - window_ms_.value_or(each.lookback_ms)) continue;
    made.push_back({std::move(each.labels), last.value});
  }
  return made;
}

Result<double> Evaluator::number(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::number: return expr.number;
    case ExprKind::negate: {
      MESHFLOW_TRY(const double value, number(expr.children[0]));
      return -value;
    }
    case ExprKind::binary: {
      MESHFLOW_TRY(const double left, number(expr.children[0]));
      MESHFLOW_TRY(const double right, number(expr.children[1]));
      if (is_comparison(expr.op)) return compare(expr.op, left, right) ? 1.0 : 0.0;
      return calculate(expr.op, left, right);
    }
    default: break;
  }
  if (expr.name == "time") return static_cast<double>(time_ms_) / 1000;
  MESHFLOW_TRY(const Vector of, vector(expr.children[0]));  // scalar()
  return of.size() == 1 ? of.front().value : kNaN;
}

Result<Vector> Evaluator::vector(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::selector: return instant(expr);
    case ExprKind::window: {
      const auto outer = std::exchange(window_ms_, expr.range_ms);
      auto made = vector(expr.children[0]);
      window_ms_ = outer;
      return made;
    }
    case ExprKind::negate: {
      MESHFLOW_TRY(Vector made, vector(expr.children[0]));
      for (VectorSample& each : made) each = {without_name(std::move(each.labels)), -each.value};
      return unique(expr, std::move(made));
    }
    case ExprKind::binary: return binary(expr);
    case ExprKind::aggregate: return aggregate(expr);
    case ExprKind::call: return call(expr);
    default: return wrong(expr, "this is no vector");
  }
}

Result<Vector> Evaluator::unique(const Expr& expr, Vector made) {
  std::set<Labels> seen;
  for (const VectorSample& each : made) {
    if (!seen.insert(each.labels).second) {
      return wrong(expr, fmt::format("two series have the labels {}", labels_text(each.labels)),
                   "without their names they are the same; aggregate them");
    }
  }
  return made;
}

Result<Vector> Evaluator::binary(const Expr& expr) {
  const bool are_vectors = expr.children[0].type == ValueType::vector && expr.children[1].type == ValueType::vector;
  if (!are_vectors) return with_number(expr);
  MESHFLOW_TRY(const Vector left, vector(expr.children[0]));
  MESHFLOW_TRY(const Vector right, vector(expr.children[1]));
  if (is_set_operation(expr.op)) return combined(expr, left, right);
  return matched(expr, left, right);
}

// A vector and a number, in either order.
Result<Vector> Evaluator::with_number(const Expr& expr) {
  const bool is_number_left = expr.children[0].type == ValueType::scalar;
  MESHFLOW_TRY(const double number, this->number(expr.children[is_number_left ? 0 : 1]));
  MESHFLOW_TRY(Vector of, vector(expr.children[is_number_left ? 1 : 0]));
  Vector made;
  for (VectorSample& each : of) {
    const double left = is_number_left ? number : each.value;
    const double right = is_number_left ? each.value : number;
    if (!is_comparison(expr.op)) {
      made.push_back({without_name(std::move(each.labels)), calculate(expr.op, left, right)});
    } else if (expr.returns_bool) {
      made.push_back({without_name(std::move(each.labels)), compare(expr.op, left, right) ? 1.0 : 0.0});
    } else if (compare(expr.op, left, right)) {
      made.push_back(std::move(each));
    }
  }
  return unique(expr, std::move(made));
}

Result<Vector> Evaluator::matched(const Expr& expr, const Vector& left, const Vector& right) {
  if (left.empty() || right.empty()) return Vector{};  // nothing matches: not even what would be wrong
  std::map<Labels, const VectorSample*> partners;
  for (const VectorSample& each : right) {
    if (partners.emplace(signature(each.labels, expr.labels), &each).second) continue;
    return wrong(expr,
                 fmt::format("several series on the right match {}", labels_text(signature(each.labels, expr.labels))),
                 "series are matched one to one; aggregate them, or name more labels");
  }
  std::set<Labels> taken;
  Vector made;
  for (const VectorSample& each : left) {
    Labels key = signature(each.labels, expr.labels);
    const auto partner = partners.find(key);
    if (partner == partners.end()) continue;
    const double other = partner->second->value;
    const bool is_true = is_comparison(expr.op) && compare(expr.op, each.value, other);
    const bool is_kept = !is_comparison(expr.op) || expr.returns_bool || is_true;
    if (!is_kept) continue;
    if (!taken.insert(key).second) {
      return wrong(expr, fmt::format("several series on the left match {}", labels_text(key)),
                   "series are matched one to one; aggregate them, or name more labels");
    }
    Labels labels = each.labels;
    if (expr.labels) {
      labels = key;
      // Without the labels that were ignored, the name stays where it is a filter.
      const auto name = each.labels.find("__name__");
      if (!expr.labels->is_inclusive && name != each.labels.end()) labels.insert(*name);
    }
    if (!is_comparison(expr.op) || expr.returns_bool) labels.erase("__name__");
    made.push_back({std::move(labels), !is_comparison(expr.op) ? calculate(expr.op, each.value, other)
                                       : expr.returns_bool     ? (is_true ? 1.0 : 0.0)
                                                               : each.value});
  }
  return made;
}

// and, or, unless.
Vector Evaluator::combined(const Expr& expr, const Vector& left, const Vector& right) {
  std::set<Labels> keys;
  for (const VectorSample& each : expr.op == Operator::logical_or ? left : right) {
    keys.insert(signature(each.labels, expr.labels));
  }
  Vector made;
  if (expr.op == Operator::logical_or) made = left;
  const bool wants_match = expr.op == Operator::logical_and;
  for (const VectorSample& each : expr.op == Operator::logical_or ? right : left) {
    if (keys.contains(signature(each.labels, expr.labels)) == wants_match) made.push_back(each);
  }
  return made;
}

// ---- aggregations ---------------------------------------------------------------------------------------------------

double aggregated(std::string_view name, const std::vector<double>& values, double parameter) {
  if (name == "count") return static_cast<double>(values.size());
  if (name == "quantile") return quantile_of(parameter, values);
  double result = values.front();
  for (std::size_t i = 1; i < values.size(); ++i) {
    const double value = values[i];
    if (name == "max") {
      if (result < value || std::isnan(result)) result = value;
    } else if (name == "min") {
      if (result > value || std::isnan(result)) result = value;
    } else {
      result += value;
    }
  }
  return name == "avg" ? result / static_cast<double>(values.size()) : result;
}

Result<Vector> Evaluator::aggregate(const Expr& expr) {
  double parameter = 0;
  if (expr.children.size() == 2) {
    MESHFLOW_TRY(parameter, number(expr.children[0]));
  }
  MESHFLOW_TRY(Vector of, vector(expr.children.back()));
  if (expr.name == "topk" || expr.name == "bottomk") return ranked(expr, std::move(of), parameter);
  std::map<Labels, std::vector<double>> groups;
  for (const VectorSample& each : of) groups[grouped(each.labels, expr.labels)].push_back(each.value);
  Vector made;
  for (const auto& [labels, values] : groups) made.push_back({labels, aggregated(expr.name, values, parameter)});
  return made;
}

Result<Vector> Evaluator::ranked(const Expr& expr, Vector of, double count) {
  if (std::isnan(count)) return wrong(expr, fmt::format("{} of NaN series", expr.name));
  if (count < 1) return Vector{};
  const bool is_top = expr.name == "topk";
  std::map<Labels, Vector> groups;
  for (VectorSample& each : of) groups[grouped(each.labels, expr.labels)].push_back(std::move(each));
  Vector made;
  for (auto& [key, group] : groups) {
    // NaN comes last in both orders.
    std::stable_sort(group.begin(), group.end(), [is_top](const VectorSample& a, const VectorSample& b) {
      if (std::isnan(a.value) || std::isnan(b.value)) return !std::isnan(a.value) && std::isnan(b.value);
      return is_top ? a.value > b.value : a.value < b.value;
    });
    if (count < static_cast<double>(group.size())) group.resize(static_cast<std::size_t>(count));
    std::move(group.begin(), group.end(), std::back_inserter(made));
  }
  return made;
}

// ---- functions ------------------------------------------------------------------------------------------------------

Result<Vector> Evaluator::over_time(const Expr& expr) {
  double parameter = 0;
  if (expr.children.size() == 2) {
    MESHFLOW_TRY(parameter, number(expr.children[0]));
  }
  const Expr& selector = expr.children.back();
  const std::int64_t to = time_ms_ - selector.offset_ms;
  const std::int64_t from = to - selector.range_ms;
  MESHFLOW_TRY(auto series, select(selector, from, to));
  Vector made;
  for (Series& each : series) {
    std::erase_if(each.samples, [](const Sample& sample) { return is_stale(sample.value); });
    if (each.samples.empty()) continue;
    const auto value = over_range(expr.name, {each.samples, from, to}, parameter);
    if (!value) continue;
    if (expr.name != "last_over_time") each.labels.erase("__name__");
    made.push_back({std::move(each.labels), *value});
  }
  return unique(expr, std::move(made));
}

// One sample with the labels that the selector says are equal to something, once each.
Vector Evaluator::absent(const Expr& of) {
  Labels labels;
  std::set<std::string> unclear;
  if (of.kind == ExprKind::selector) {
    for (const Matcher& each : of.matchers) {
      if (each.kind == MatchKind::equal && !labels.contains(each.label) && !unclear.contains(each.label)) {
        if (!each.value.empty()) labels.emplace(each.label, each.value);
      } else {
        labels.erase(each.label);
        unclear.insert(each.label);
      }
    }
  }
  return {{std::move(labels), 1}};
}

Result<Vector> Evaluator::call(const Expr& expr) {
  if (expr.children.empty()) return wrong(expr, "this is no vector");
  if (expr.children.back().type == ValueType::matrix) return over_time(expr);
  if (expr.name == "vector") {
    MESHFLOW_TRY(const double value, number(expr.children[0]));
    return Vector{{{}, value}};
  }
  if (expr.name == "histogram_quantile") {
    MESHFLOW_TRY(const double quantile, number(expr.children[0]));
    MESHFLOW_TRY(const Vector buckets, vector(expr.children[1]));
    return histogram_quantile(quantile, buckets);
  }
  MESHFLOW_TRY(Vector made, vector(expr.children[0]));
  if (expr.name == "absent") return made.empty() ? absent(expr.children[0]) : Vector{};
  double parameter = 1;
  if (expr.children.size() == 2) {
    MESHFLOW_TRY(parameter, number(expr.children[1]));
  }
  for (VectorSample& each : made) {
    each = {without_name(std::move(each.labels)), of_number(expr.name, each.value, parameter)};
  }
  return unique(expr, std::move(made));
}

}  // namespace

bool fits(const Expr& selector, const Labels& labels) {
  const auto value_of = [&labels](const std::string& label) {
    const auto found = labels.find(label);
    return found == labels.end() ? std::string() : found->second;
  };
  if (!selector.name.empty() && value_of("__name__") != selector.name) return false;
  return std::all_of(selector.matchers.begin(), selector.matchers.end(), [&](const Matcher& each) {
    const std::string value = value_of(each.label);
    switch (each.kind) {
      case MatchKind::equal: return value == each.value;
      case MatchKind::not_equal: return value != each.value;
      case MatchKind::regex: return RE2::FullMatch(value, each.value);
      case MatchKind::not_regex: return !RE2::FullMatch(value, each.value);
    }
    return false;
  });
}

Result<Vector> evaluate(const Expr& expr, SeriesSource& source, std::int64_t time_ms) {
  Evaluator evaluator(source, time_ms);
  if (expr.type == ValueType::scalar) {
    MESHFLOW_TRY(const double value, evaluator.number(expr));
    return Vector{{{}, value}};
  }
  if (expr.type != ValueType::vector) return fail(ErrorCode::invalid_argument, "an expression that is no vector");
  return evaluator.vector(expr);
}

}  // namespace meshflow::query::promql
