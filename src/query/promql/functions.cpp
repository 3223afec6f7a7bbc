#include "query/promql/functions.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace meshflow::query::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double seconds(std::int64_t milliseconds) { return static_cast<double>(milliseconds) / 1000; }

// The change over the range, from the samples in it to its ends: to an end where a sample is near it, else half the
// usual distance further. A counter never was below 0, and a value below the one before is a new start.
double change(const SampleRange& range, bool is_counter) {
  const std::span<const Sample> samples = range.samples;
  const Sample& first = samples.front();
  const Sample& last = samples.back();
  double result = last.value - first.value;
  double previous = first.value;
  if (is_counter) {
    for (const Sample& each : samples.subspan(1)) {
      if (each.value < previous) result += previous;
      previous = each.value;
    }
  }
  double to_start = seconds(first.time_ms - range.from_ms);
  const double to_end = seconds(range.to_ms - last.time_ms);
  const double sampled = seconds(last.time_ms - first.time_ms);
  const double average = sampled / static_cast<double>(samples.size() - 1);
  if (is_counter && result > 0 && first.value >= 0) to_start = std::min(to_start, sampled * (first.value / result));
  const double near = average * 1.1;
  double length = sampled;
  length += to_start < near ? to_start : average / 2;
  length += to_end < near ? to_end : average / 2;
  return result * (length / sampled);
}

std::optional<double> instant_rate(std::span<const Sample> samples) {
  const Sample& last = samples.back();
  const Sample& before = samples[samples.size() - 2];
  const double seconds_between = seconds(last.time_ms - before.time_ms);
  if (seconds_between == 0) return std::nullopt;
  return (last.value < before.value ? last.value : last.value - before.value) / seconds_between;
}

double sum_of(std::span<const Sample> samples) {
  // Kahan's sum, as Neumaier improved it.
  double sum = 0;
  double lost = 0;
  for (const Sample& each : samples) {
    const double next = sum + each.value;
    if (std::isinf(next)) {
      lost = 0;
    } else {
      lost += std::abs(sum) >= std::abs(each.value) ? (sum - next) + each.value : (each.value - next) + sum;
    }
    sum = next;
  }
  return sum + lost;
}

struct Bucket {
  double upper = 0;
  double count = 0;
};

double bucket_quantile(double quantile, std::vector<Bucket> buckets) {
  if (std::isnan(quantile)) return kNaN;
  if (quantile < 0) return -kInfinity;
  if (quantile > 1) return kInfinity;
  std::sort(buckets.begin(), buckets.end(), [](const Bucket& a, const Bucket& b) { return a.upper < b.upper; });
  if (buckets.empty() || buckets.back().upper != kInfinity) return kNaN;
  std::vector<Bucket> merged;  // those of one bound are one; a count never falls
  for (const Bucket& each : buckets) {
    if (!merged.empty() && merged.back().upper == each.upper) {
      merged.back().count += each.count;
    } else {
      merged.push_back(each);
    }
  }
  for (std::size_t i = 1; i < merged.size(); ++i) merged[i].count = std::max(merged[i].count, merged[i - 1].count);
  if (merged.size() < 2) return kNaN;
  const double observations = merged.back().count;
  if (observations == 0) return kNaN;
  double rank = quantile * observations;
  std::size_t at = 0;
  while (at < merged.size() - 1 && merged[at].count < rank) ++at;
  if (at == merged.size() - 1) return merged[merged.size() - 2].upper;
  if (at == 0 && merged[0].upper <= 0) return merged[0].upper;
  const double start = at == 0 ? 0 : merged[at - 1].upper;
  const double below = at == 0 ? 0 : merged[at - 1].count;
  rank -= below;
  return start + (merged[at].upper - start) * (rank / (merged[at].count - below));
}

std::optional<double> bound_of(const std::string& text) {
  if (text == "+Inf" || text == "Inf") return kInfinity;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool is_less(double a, double b) noexcept { return a < b || (std::isnan(a) && !std::isnan(b)); }

double quantile_of(double quantile, std::vector<double> values) {
  if (values.empty() || std::isnan(quantile)) return kNaN;
  if (quantile < 0) return -kInfinity;
  if (quantile > 1) return kInfinity;
  std::sort(values.begin(), values.end(), is_less);
  const double last = static_cast<double>(values.size()) - 1;
  const double rank = quantile * last;
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(last, lower + 1);
  const double weight = rank - std::floor(rank);
  return values[static_cast<std::size_t>(lower)] * (1 - weight) + values[static_cast<std::size_t>(upper)] * weight;
}

std::optional<double> over_range(std::string_view function, const SampleRange& range, double parameter) {
  const std::span<const Sample> samples = range.samples;
  if (function == "rate" || function == "increase" || function == "delta" || function == "irate") {
    if (samples.size() < 2) return std::nullopt;
    if (function == "irate") return instant_rate(samples);
    const double changed = change(range, function != "delta");
    return function == "rate" ? changed / seconds(range.to_ms - range.from_ms) : changed;
  }
  const auto by_value = [](const Sample& a, const Sample& b) { return is_less(a.value, b.value); };
  if (function == "last_over_time") return samples.back().value;
  if (function == "count_over_time") return static_cast<double>(samples.size());
  if (function == "present_over_time") return 1;
  if (function == "max_over_time") return std::max_element(samples.begin(), samples.end(), by_value)->value;
  if (function == "min_over_time") {
    // NaN counts only where there is nothing else.
    const auto smaller = [](const Sample& a, const Sample& b) {
      return !std::isnan(a.value) && (std::isnan(b.value) || a.value < b.value);
    };
    return std::min_element(samples.begin(), samples.end(), smaller)->value;
  }
  if (function == "sum_over_time") return sum_of(samples);
  if (function == "avg_over_time") return sum_of(samples) / static_cast<double>(samples.size());
  std::vector<double> values;
  for (const Sample& each : samples) values.push_back(each.value);
  return quantile_of(parameter, std::move(values));
}

Vector histogram_quantile(double quantile, const Vector& buckets) {
  std::map<Labels, std::vector<Bucket>> groups;
  for (const VectorSample& each : buckets) {
    Labels labels = each.labels;
    const auto le = labels.extract("le");
    if (le.empty()) continue;
    const auto bound = bound_of(le.mapped());
    if (!bound) continue;
    labels.erase("__name__");
    groups[std::move(labels)].push_back({*bound, each.value});
  }
  Vector made;
  for (auto& [labels, group] : groups) made.push_back({labels, bucket_quantile(quantile, std::move(group))});
  return made;
}

double of_number(std::string_view function, double value, double parameter) {
  if (function == "abs") return std::abs(value);
  if (function == "ceil") return std::ceil(value);
  if (function == "floor") return std::floor(value);
  // round: halves go up.
  const double inverse = 1.0 / parameter;
  return std::floor(value * inverse + 0.5) / inverse;
}

}  // namespace meshflow::query::promql
