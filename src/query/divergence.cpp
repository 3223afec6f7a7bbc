#include "query/divergence.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace meshflow::query {

double divergence(const std::vector<Share>& shares) {
  double selection = 0;
  double baseline = 0;
  double categories = 0;
  for (const Share& each : shares) {
    selection += static_cast<double>(each.selection);
    baseline += static_cast<double>(each.baseline);
    categories += each.selection + each.baseline > 0 ? 1 : 0;
  }
  if (selection == 0 || baseline == 0) return 0;
  double bits = 0;
  for (const Share& each : shares) {
    const double p = static_cast<double>(each.selection) / selection;
    const double q = static_cast<double>(each.baseline) / baseline;
    const double middle = (p + q) / 2;
    if (p > 0) bits += p / 2 * std::log2(p / middle);
    if (q > 0) bits += q / 2 * std::log2(q / middle);
  }
  const double by_chance = (categories - 1) / (8 * std::numbers::ln2) * (1 / selection + 1 / baseline);
  return std::clamp(bits - by_chance, 0.0, 1.0);
}

std::vector<Bin> bins_of(const std::vector<double>& selection, const std::vector<double>& baseline) {
  std::vector<double> all = selection;
  all.insert(all.end(), baseline.begin(), baseline.end());
  std::sort(all.begin(), all.end());
  std::vector<Bin> bins;
  if (all.empty()) return bins;
  std::vector<double> edges{all.front()};
  for (std::size_t i = 1; i < kBinsMax; ++i) {
    const double edge = all[i * all.size() / kBinsMax];
    if (edge > edges.back()) edges.push_back(edge);
  }
  for (std::size_t i = 0; i < edges.size(); ++i) {
    bins.push_back({edges[i], i + 1 < edges.size() ? edges[i + 1] : all.back(), {}});
  }
  const auto bin_of = [&](double number) {
    const auto above = std::upper_bound(edges.begin(), edges.end(), number);
    return static_cast<std::size_t>(above - edges.begin()) - 1;
  };
  for (const double each : selection) ++bins[bin_of(each)].share.selection;
  for (const double each : baseline) ++bins[bin_of(each)].share.baseline;
  return bins;
}

}  // namespace meshflow::query
