#include "runtime/carbon.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/prices_data.hpp"
#include "runtime/prices_decimal.hpp"
#include "runtime/yaml_text.hpp"

namespace meshflow::runtime {
namespace {

// 128 bits: thousandths of tokens times five factors. Every compiler that builds this has them.
__extension__ using Wide = unsigned __int128;

constexpr int kMilliPlaces = 3;
constexpr int kHostPlaces = 2;
constexpr std::int64_t kGridMax = 10'000;
// T_out and its two companions, in thousandths of an output token.
constexpr std::int64_t kPerOutputToken = 1000;
constexpr std::int64_t kPerInputToken = 50;  // 0.05, uncached and beyond the typical prompt
constexpr std::int64_t kPerCachedToken = 1;  // 0.001

// [low, middle, high], each with at most `places` decimals.
Result<Band> read_band(const YAML::Node& node, const std::string& file, std::string_view what, int places) {
  Band band{};
  bool good = node.IsSequence() && node.size() == band.size();
  for (std::size_t at = 0; good && at < band.size(); ++at) {
    const auto value = node[at].IsScalar() ? scaled_decimal(node[at].Scalar(), places) : std::nullopt;
    good = value.has_value() && *value <= 1'000'000;
    band[at] = value.value_or(0);
  }
  if (good && std::is_sorted(band.begin(), band.end())) return band;
  return fail_at(node, file, fmt::format("{} must be [low, middle, high]", what),
                 fmt::format("three rising decimals with at most {} places", places));
}

using Bands = std::map<std::string, Band, std::less<>>;

Result<Bands> read_bands(const YAML::Node& node, const std::string& file, std::string_view what) {
  Bands bands;
  MESHFLOW_CHECK(for_each_entry(node, file, what,
                                [&](const std::string& key, const YAML::Node&, const YAML::Node& value) -> Result<void> {
                                  MESHFLOW_TRY(bands[key], read_band(value, file, key, kMilliPlaces));
                                  return {};
                                }));
  return bands;
}

// Nanograms: tokens/1000 · Wh per 1,000 tokens · host · PUE gives Wh; /1000 · g per kWh · 10⁹ the rest. With the units
// of the factors (10⁻³ tokens, 10⁻³ Wh, 10⁻², 10⁻³) the whole power of ten is 10⁻⁸.
std::int64_t nanograms(std::int64_t token_thousandths, std::int64_t milliwatt_hours, std::int64_t host_hundredths,
                       std::int64_t pue_thousandths, std::int64_t grid_grams_per_kwh) {
  constexpr Wide kDivisor = 100'000'000;
  constexpr Wide kNanogramsMax = std::int64_t{1} << 53;  // nine tonnes: a call never comes near
  const Wide product = static_cast<Wide>(token_thousandths) * static_cast<Wide>(milliwatt_hours) *
                       static_cast<Wide>(host_hundredths) * static_cast<Wide>(pue_thousandths) *
                       static_cast<Wide>(grid_grams_per_kwh);
  return static_cast<std::int64_t>(std::min<Wide>((product + kDivisor / 2) / kDivisor, kNanogramsMax));
}

std::int64_t counted(std::int64_t tokens) { return std::clamp<std::int64_t>(tokens, 0, kCallTokensMax); }

std::int64_t weighted_thousandths(const Tokens& tokens) {
  const std::int64_t cached = std::min(counted(tokens.cached), counted(tokens.input));
  const std::int64_t uncached = counted(tokens.input) - cached;
  return counted(tokens.output) * kPerOutputToken + std::max<std::int64_t>(0, uncached - kTypicalInputTokens) * kPerInputToken +
         cached * kPerCachedToken;
}

}  // namespace

CarbonModel CarbonModel::shipped(PriceTable prices) {
  static const CarbonModel factors = from_yaml(data::carbon_yaml(), "carbon.yaml", {}).value();
  CarbonModel model = factors;
  model.prices_ = std::move(prices);
  return model;
}

Result<CarbonModel> CarbonModel::from_yaml(std::string_view yaml, const std::string& file, PriceTable prices) {
  MESHFLOW_TRY(const auto root, load_yaml(yaml, file));
  CarbonModel model;
  model.prices_ = std::move(prices);
  Bands classes;
  const auto read_grid = [&](const std::string& region, const YAML::Node&, const YAML::Node& value) -> Result<void> {
    const auto grams = value.IsScalar() ? scaled_decimal(value.Scalar(), 0) : std::nullopt;
    if (!grams || *grams > kGridMax) return fail_at(value, file, fmt::format("grid of {} must be whole grams per kWh", region));
    model.grid_grams_per_kwh_[region] = *grams;
    return {};
  };
  const auto read_key = [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) -> Result<void> {
    if (key == "version" && value.IsScalar()) {
      model.factor_set_ = value.Scalar();
    } else if (key == "classes") {
      MESHFLOW_TRY(classes, read_bands(value, file, key));
    } else if (key == "host") {
      MESHFLOW_TRY(model.host_hundredths_, read_band(value, file, key, kHostPlaces));
    } else if (key == "pue") {
      MESHFLOW_TRY(model.pue_thousandths_, read_band(value, file, key, kMilliPlaces));
    } else if (key == "providers") {
      MESHFLOW_TRY(model.provider_pue_thousandths_, read_bands(value, file, key));
    } else if (key == "models") {
      MESHFLOW_TRY(model.model_milliwatt_hours_, read_bands(value, file, key));
    } else if (key == "grid") {
      return for_each_entry(value, file, key, read_grid);
    } else {
      return fail_at(key_node, file, fmt::format("a set of carbon factors has no \"{}\"", key),
                     "version, classes, host, pue, providers, grid, models");
    }
    return {};
  };
  MESHFLOW_CHECK(for_each_entry(root, file, "the set of carbon factors", read_key));
  for (std::size_t at = 0; at < model.class_milliwatt_hours_.size(); ++at) {
    const auto found = classes.find(name_of(static_cast<ModelClass>(at)));
    if (found == classes.end()) {
      return fail_at(root, file, fmt::format("classes has no {}", name_of(static_cast<ModelClass>(at))));
    }
    model.class_milliwatt_hours_[at] = found->second;
  }
  if (!model.grid_grams_per_kwh_.contains("world")) return fail_at(root, file, "grid has no world");
  return model;
}

CarbonEstimate CarbonModel::estimate(std::string_view model, const Tokens& tokens, std::string_view region,
                                     std::string_view provider) const {
  CarbonEstimate estimate;
  estimate.factor_set = factor_set_;
  const ModelPrice* price = prices_.find(model);
  estimate.class_assumed = price == nullptr || !price->model_class;
  if (!estimate.class_assumed) estimate.model_class = *price->model_class;

  Band energy = class_milliwatt_hours_[static_cast<std::size_t>(estimate.model_class)];
  if (const auto published = model_milliwatt_hours_.find(model); published != model_milliwatt_hours_.end()) {
    energy = published->second;
    estimate.tier = 2;
    estimate.class_assumed = false;
  }
  const auto owner = provider_pue_thousandths_.find(provider);
  const Band& pue = owner == provider_pue_thousandths_.end() ? pue_thousandths_ : owner->second;
  auto grid = grid_grams_per_kwh_.find(region);
  if (grid == grid_grams_per_kwh_.end()) grid = grid_grams_per_kwh_.find("world");
  if (grid == grid_grams_per_kwh_.end()) return estimate;

  const std::int64_t weighted = weighted_thousandths(tokens);
  Band result{};
  for (std::size_t at = 0; at < result.size(); ++at) {
    result[at] = nanograms(weighted, energy[at], host_hundredths_[at], pue[at], grid->second);
  }
  estimate.carbon = Carbon{.nanograms = result[1], .low_nanograms = result[0], .high_nanograms = result[2]};
  return estimate;
}

std::vector<std::string_view> CarbonModel::regions() const {
  std::vector<std::string_view> names;
  for (const auto& [region, grams] : grid_grams_per_kwh_) names.push_back(region);
  return names;
}

}  // namespace meshflow::runtime
