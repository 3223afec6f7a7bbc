// The oracle's metrics: every span that a pipeline finds goes into the list of its series and interval; then each list
// becomes a number.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "query/traceql_oracle.hpp"

namespace meshflow::query::traceql::test {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Series {
  std::vector<std::pair<std::string, OracleValue>> labels;
  std::vector<double> values;  // one for each interval; NaN: none
};
using SeriesList = std::vector<Series>;

class Intervals {
 public:
  explicit Intervals(const MetricsRange& range) : range_(range) {
    if (range.step == 0) return;
    range_.start -= range_.start % range.step;
    range_.end += (range.step - range_.end % range.step) % range.step;
  }
  [[nodiscard]] std::size_t count() const { return range_.step == 0 ? 1 : (range_.end - range_.start) / range_.step; }
  // (start, start + step], (start + step, …]; nothing outside.
  [[nodiscard]] std::optional<std::size_t> of(std::uint64_t time) const {
    if (range_.step == 0) {
      if (time < range_.start || time > range_.end) return std::nullopt;
      return 0;
    }
    if (time <= range_.start || time > range_.end) return std::nullopt;
    return (time - range_.start - 1) / range_.step;
  }
  [[nodiscard]] std::uint64_t end_of(std::size_t interval) const {
    return range_.step == 0 ? range_.end : range_.start + (interval + 1) * range_.step;
  }
  [[nodiscard]] double seconds() const {
    return static_cast<double>(range_.step == 0 ? range_.end - range_.start : range_.step) / 1e9;
  }

 private:
  MetricsRange range_;
};

// Of what several events or links have, the first.
OracleValue first_of(OracleValue value) {
  const auto* several = std::get_if<OracleSeveral>(&value.of);
  if (several == nullptr) return value;
  return several->each.empty() ? OracleValue{} : OracleValue(several->each.front());
}

// A number for metrics: durations in seconds.
std::optional<double> metric_number(const OracleValue& value) {
  if (const auto* duration = std::get_if<Duration>(&value.of)) return static_cast<double>(duration->nanos) / 1e9;
  if (!value.is_number() || std::isnan(value.number())) return std::nullopt;
  return value.number();
}

// The power of two that is the value's bucket; nothing below 2, and for what is neither integer nor duration.
std::optional<double> bucket_of(const OracleValue& value) {
  const auto* duration = std::get_if<Duration>(&value.of);
  const auto* integer = std::get_if<std::int64_t>(&value.of);
  if (duration == nullptr && integer == nullptr) return std::nullopt;
  const std::int64_t number = duration != nullptr ? duration->nanos : *integer;
  if (number < 2) return std::nullopt;
  double bucket = 2;
  while (bucket < static_cast<double>(number)) bucket *= 2;
  return duration != nullptr ? bucket / 1e9 : bucket;
}

double quantile_of(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (rank - static_cast<double>(below));
}

// What a span puts into its interval's list.
struct Observed {
  std::vector<double> numbers;  // of the argument
  double spans = 0;
};

struct Group {
  std::vector<std::pair<std::string, OracleValue>> labels;
  std::vector<Observed> intervals;
};

bool is_whole(MetricsFunction function) { return function >= MetricsFunction::count; }
bool counts(MetricsFunction function) {
  return function == MetricsFunction::rate || function == MetricsFunction::count_over_time ||
         function == MetricsFunction::count || function == MetricsFunction::histogram_over_time;
}

constexpr const char* kFunctions[] = {"rate",
                                      "count_over_time",
                                      "min_over_time",
                                      "max_over_time",
                                      "avg_over_time",
                                      "sum_over_time",
                                      "quantile_over_time",
                                      "histogram_over_time",
                                      "compare",
                                      "count",
                                      "min",
                                      "max",
                                      "avg",
                                      "sum",
                                      "quantile"};

double number_of(MetricsFunction function, const Observed& observed, double seconds) {
  if (function == MetricsFunction::rate) return observed.spans / seconds;
  if (counts(function)) return observed.spans;
  if (observed.numbers.empty()) return kNone;
  switch (function) {
    case MetricsFunction::min_over_time:
    case MetricsFunction::min: return *std::min_element(observed.numbers.begin(), observed.numbers.end());
    case MetricsFunction::max_over_time:
    case MetricsFunction::max: return *std::max_element(observed.numbers.begin(), observed.numbers.end());
    default: break;
  }
  long double sum = 0;
  for (const double each : observed.numbers) sum += each;
  const bool is_mean = function == MetricsFunction::avg_over_time || function == MetricsFunction::avg;
  return static_cast<double>(is_mean ? sum / static_cast<long double>(observed.numbers.size()) : sum);
}

class FirstStage {
 public:
  FirstStage(const MetricsQuery& query, const otlp::TracesData& data, const MetricsRange& range)
      : query_(query), data_(data), intervals_(is_whole(query.stage.function) ? whole(range) : range) {}

  SeriesList series() {
    if (query_.stage.by.empty() && query_.stage.function != MetricsFunction::histogram_over_time &&
        query_.stage.function != MetricsFunction::compare) {
      group_of({});
    }
    for (const OracleTrace& trace : oracle_traces(data_)) {
      std::vector<Field> selected;
      for (const OracleSpanset& spanset : oracle_spansets(trace, query_.pipeline, selected)) {
        for (const int span : spanset.spans) observe(trace, span);
      }
    }
    SeriesList out;
    for (const auto& [key, group] : groups_) finish(group, out);
    if (query_.stage.function == MetricsFunction::compare) limit_values(out);
    return out;
  }

 private:
  static MetricsRange whole(MetricsRange range) {
    range.step = 0;
    return range;
  }

  Group& group_of(std::vector<std::pair<std::string, OracleValue>> labels) {
    std::string key;
    for (const auto& [name, value] : labels) key += name + "=" + oracle_text(value) + "\n";
    Group& group = groups_[key];
    if (group.intervals.empty()) {
      group.labels = std::move(labels);
      group.intervals.resize(intervals_.count());
    }
    return group;
  }

  void observe(const OracleTrace& trace, int span) {
    const otlp::Span& of = *trace.spans[static_cast<std::size_t>(span)].span;
    const auto interval = intervals_.of(of.start_time_unix_nano);
    if (!interval) return;
    if (query_.stage.function == MetricsFunction::compare) return compare(trace, span, *interval);
    std::vector<std::pair<std::string, OracleValue>> labels;
    for (const Field& field : query_.stage.by) {
      OracleValue value = oracle_field(trace, span, field);
      if (!value.is_missing()) labels.emplace_back(oracle_name(field), std::move(value));
    }
    if (labels.empty() && !query_.stage.by.empty() && query_.stage.quantiles.empty()) {
      labels.emplace_back(oracle_name(query_.stage.by.front()), OracleValue{});
    }
    OracleValue argument;
    if (query_.stage.argument) argument = first_of(oracle_evaluate(trace, span, *query_.stage.argument));
    if (query_.stage.function == MetricsFunction::histogram_over_time) {
      const auto bucket = bucket_of(argument);
      if (!bucket) return;
      const bool is_grouped = !labels.empty() && !labels.front().second.is_missing();
      if (!is_grouped) labels.clear();
      labels.emplace_back("__bucket", OracleValue{*bucket});
    }
    Observed& observed = group_of(std::move(labels)).intervals[*interval];
    observed.spans += 1;
    if (const auto number = metric_number(argument)) observed.numbers.push_back(*number);
  }

  void finish(const Group& group, SeriesList& out) const {
    const MetricsFunction function = query_.stage.function;
    if (!query_.stage.quantiles.empty()) {
      for (const double q : query_.stage.quantiles) {
        Series series{group.labels, {}};
        series.labels.emplace_back("p", OracleValue{q});
        for (const Observed& each : group.intervals) {
          series.values.push_back(each.numbers.empty() ? kNone : quantile_of(each.numbers, q));
        }
        out.push_back(std::move(series));
      }
      return;
    }
    Series series{group.labels, {}};
    if (series.labels.empty() && !is_whole(function))
      series.labels.emplace_back("__name__", OracleValue{std::string(kFunctions[static_cast<int>(function)])});
    for (const Observed& each : group.intervals) {
      series.values.push_back(function == MetricsFunction::compare ? each.spans
                                                                   : number_of(function, each, intervals_.seconds()));
    }
    out.push_back(std::move(series));
  }

  // ---- compare() ----

  void compare(const OracleTrace& trace, int span, std::size_t interval) {
    const CompareArguments& arguments = *query_.stage.compare;
    const OracleSpan& of = trace.spans[static_cast<std::size_t>(span)];
    const auto start = static_cast<std::int64_t>(of.span->start_time_unix_nano);
    const bool is_timed = arguments.start > 0 && arguments.end > 0;
    const bool is_selected = (!is_timed || (start > arguments.start && start <= arguments.end)) &&
                             oracle_evaluate(trace, span, arguments.selection.condition).is_true();
    const std::string type = is_selected ? "selection" : "baseline";
    const auto add = [&](const std::string& name, const OracleValue& value) {
      if (value.is_missing() || std::holds_alternative<Duration>(value.of)) return;
      group_of({{"__meta_type", {type}}, {name, value}}).intervals[interval].spans += 1;
      group_of({{"__meta_type", {type + "_total"}}, {name, {}}}).intervals[interval].spans += 1;
    };
    for (const Intrinsic each : {Intrinsic::name, Intrinsic::status, Intrinsic::status_message, Intrinsic::kind,
                                 Intrinsic::root_name, Intrinsic::root_service}) {
      const Field field{each};
      add(oracle_name(field), oracle_field(trace, span, field));
    }
    for (const auto& [scope, list] :
         {std::pair{Scope::span, &of.span->attributes}, std::pair{Scope::resource, &of.resource->attributes},
          std::pair{Scope::instrumentation, &of.scope->attributes}}) {
      for (const otlp::KeyValue& each : *list) {
        const Field field{Attribute{scope, each.key}};
        add(oracle_name(field), oracle_field(trace, span, field));
      }
    }
  }

  // At most `top` values of each attribute on each side; an attribute with more is named.
  void limit_values(SeriesList& series) const {
    const auto top = static_cast<std::size_t>(query_.stage.compare->top);
    std::map<std::string, std::vector<Series>> by_attribute;
    for (Series& each : series) {
      by_attribute[oracle_text(each.labels[0].second) + each.labels[1].first].push_back(std::move(each));
    }
    SeriesList out;
    std::map<std::string, bool> are_too_many;
    for (auto& [key, list] : by_attribute) {
      std::stable_sort(list.begin(), list.end(), [](const Series& a, const Series& b) { return total(a) > total(b); });
      if (list.size() > top) {
        are_too_many[list.front().labels[1].first] = true;
        list.resize(top);
      }
      std::move(list.begin(), list.end(), std::back_inserter(out));
    }
    for (const auto& [name, is_so] : are_too_many) {
      out.push_back({{{"__meta_error", {std::string("__too_many_values__")}}, {name, {}}},
                     std::vector<double>(intervals_.count(), kNone)});
    }
    series = std::move(out);
  }
  static double total(const Series& series) {
    double sum = 0;
    for (const double each : series.values) sum += each;
    return sum;
  }

  const MetricsQuery& query_;
  const otlp::TracesData& data_;
  const Intervals intervals_;
  std::map<std::string, Group> groups_;
};

// ---- what comes after
// --------------------------------------------------------------------------------------------------

double calculate(ArithmeticOperator op, double a, double b) {
  switch (op) {
    case ArithmeticOperator::add: return a + b;
    case ArithmeticOperator::subtract: return a - b;
    case ArithmeticOperator::multiply: return a * b;
    default: return b == 0 ? kNone : a / b;
  }
}

bool holds(ComparisonOperator op, double a, double b) {
  switch (op) {
    case ComparisonOperator::equal: return a == b;
    case ComparisonOperator::not_equal: return a != b;
    case ComparisonOperator::less: return a < b;
    case ComparisonOperator::less_equal: return a <= b;
    case ComparisonOperator::greater: return a > b;
    default: return a >= b;
  }
}

std::string key_of(const Series& series) {
  std::string key;
  for (const auto& [name, value] : series.labels) {
    if (name != "__name__") key += name + "=" + oracle_text(value) + "\n";
  }
  return key;
}

// The labels as people read them, values first: of equal numbers the series whose labels come first stays.
std::vector<std::pair<std::string, std::string>> order_of(const Series& series) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, of_label] : series.labels) {
    const OracleValue value = first_of(of_label);
    const auto* text = std::get_if<std::string>(&value.of);
    const auto* real = std::get_if<double>(&value.of);
    out.emplace_back(text != nullptr ? *text : real != nullptr ? fmt::format("{}", *real) : oracle_text(value), name);
  }
  return out;
}

void keep_top(SeriesList& series, const TopK& top) {
  const auto k = static_cast<std::size_t>(top.k);
  if (series.size() <= k) return;
  for (std::size_t at = 0; at < series.front().values.size(); ++at) {
    std::vector<Series*> order;
    for (Series& each : series) {
      if (!std::isnan(each.values[at])) order.push_back(&each);
    }
    std::sort(order.begin(), order.end(), [&](const Series* a, const Series* b) {
      if (a->values[at] != b->values[at]) return (a->values[at] > b->values[at]) != top.is_bottom;
      return order_of(*a) < order_of(*b);
    });
    for (std::size_t i = k; i < order.size(); ++i) order[i]->values[at] = kNone;
  }
}

void keep_where(SeriesList& series, const MetricsFilter& filter) {
  const double value = *metric_number(oracle_value(filter.value.value));
  for (Series& each : series) {
    for (double& number : each.values) {
      if (!std::isnan(number) && !holds(filter.op, number, value)) number = kNone;
    }
  }
}

void drop_empty(SeriesList& series) {
  std::erase_if(series, [](const Series& each) {
    const bool is_error = !each.labels.empty() && each.labels.front().first == "__meta_error";
    return !is_error && std::all_of(each.values.begin(), each.values.end(), [](double v) { return std::isnan(v); });
  });
}

std::vector<std::pair<std::string, OracleValue>> merged_labels(ArithmeticOperator op, const Series& a,
                                                               const Series& b) {
  constexpr const char* kSigns[] = {" + ", " - ", " * ", " / "};
  const auto name_of = [](const Series& series) -> std::optional<std::string> {
    if (series.labels.empty() || series.labels.front().first != "__name__") return std::nullopt;
    return std::get<std::string>(series.labels.front().second.of);
  };
  const auto x = name_of(a);
  const auto y = name_of(b);
  if (x && y) return {{"__name__", {"(" + *x + kSigns[static_cast<int>(op)] + *y + ")"}}};
  if (key_of(a).empty() && key_of(b).empty()) return {};
  return key_of(a).empty() ? b.labels : a.labels;
}

class Calculation {
 public:
  Calculation(const otlp::TracesData& data, const MetricsRange& range) : data_(data), range_(range) {}

  SeriesList of(const Metrics& metrics) {
    SeriesList out;
    if (const auto* query = std::get_if<MetricsQuery>(&metrics.of)) {
      is_whole_ = is_whole_ || is_whole(query->stage.function);
      out = FirstStage(*query, data_, range_).series();
    } else {
      out = of(std::get<MetricsOperation>(metrics.of));
    }
    drop_empty(out);
    for (const SecondStage& stage : metrics.then) {
      if (const auto* top = std::get_if<TopK>(&stage)) {
        keep_top(out, *top);
      } else {
        keep_where(out, std::get<MetricsFilter>(stage));
      }
      drop_empty(out);
    }
    return out;
  }
  [[nodiscard]] bool is_whole_result() const { return is_whole_; }

 private:
  SeriesList of(const MetricsOperation& operation) {
    const auto* left = std::get_if<Literal>(&operation.left);
    const auto* right = std::get_if<Literal>(&operation.right);
    if (left != nullptr || right != nullptr) {
      SeriesList series = of(*std::get<Box<Metrics>>(left != nullptr ? operation.right : operation.left));
      const double number = oracle_value((left != nullptr ? left : right)->value).number();
      for (Series& each : series) {
        for (double& value : each.values) {
          value = left != nullptr ? calculate(operation.op, number, value) : calculate(operation.op, value, number);
        }
      }
      return series;
    }
    return joined(operation.op, of(*std::get<Box<Metrics>>(operation.left)),
                  of(*std::get<Box<Metrics>>(operation.right)));
  }

  static const Series* match(const SeriesList& list, const std::string& key) {
    const Series* unlabelled = nullptr;
    for (const Series& each : list) {
      if (key_of(each) == key) return &each;
      if (key_of(each).empty()) unlabelled = &each;
    }
    return unlabelled;
  }

  static SeriesList joined(ArithmeticOperator op, const SeriesList& left, const SeriesList& right) {
    const bool is_right_plain =
        std::any_of(right.begin(), right.end(), [](const Series& each) { return key_of(each).empty(); });
    SeriesList out;
    for (const Series& each : is_right_plain ? left : right) {
      const Series* const a = match(left, key_of(each));
      const Series* const b = match(right, key_of(each));
      if (a == nullptr || b == nullptr) continue;
      Series& made = out.emplace_back(Series{merged_labels(op, *a, *b), {}});
      for (std::size_t i = 0; i < std::min(a->values.size(), b->values.size()); ++i) {
        made.values.push_back(calculate(op, a->values[i], b->values[i]));
      }
    }
    return out;
  }

  const otlp::TracesData& data_;
  const MetricsRange range_;
  bool is_whole_ = false;
};

}  // namespace

Answer oracle_metrics(const Metrics& metrics, const otlp::TracesData& data, const MetricsRange& range) try {
  Calculation calculation(data, range);
  const SeriesList series = calculation.of(metrics);
  const Intervals intervals(calculation.is_whole_result() ? MetricsRange{range.start, range.end, 0} : range);
  AllSeries out;
  for (const Series& each : series) {
    AnswerSeries& made = out.emplace_back();
    for (const auto& [name, value] : each.labels) made.labels.emplace_back(name, oracle_text(value));
    for (std::size_t i = 0; i < each.values.size(); ++i) {
      if (!std::isnan(each.values[i])) made.samples.push_back({intervals.end_of(i), each.values[i]});
    }
  }
  sort(out);
  return out;
} catch (const Grouped&) {
  return Refusal{"a structural operator beside groups"};
}

}  // namespace meshflow::query::traceql::test
