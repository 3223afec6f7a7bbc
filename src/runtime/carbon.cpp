#include "runtime/carbon.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/prices_data.hpp"
#include "runtime/prices_decimal.hpp"
#include "runtime/yaml.hpp"

namespace meshflow::runtime {
namespace {

// 128 bits: thousandths of tokens times five factors. Every compiler that builds this has them.
__extension__ using Wide = unsigned __int128;

constexpr int kMilliPlaces = 3;
constexpr int kHostPlaces = 2;
constexpr std::int64_t kGridMax = 10'000;
constexpr std::int64_t kFactorMax = 1'000'000;
constexpr std::int64_t kCallMicrowattHoursMax = 1'000'000'000;  // a kilowatt-hour: no call comes near
// T_out and its two companions, in thousandths of an output token.
constexpr std::int64_t kPerOutputToken = 1000;
constexpr std::int64_t kPerInputToken = 50;  // 0.05, uncached and beyond the typical prompt
constexpr std::int64_t kPerCachedToken = 1;  // 0.001

constexpr std::array<std::string_view, 7> kKeys = {"version", "classes", "host", "pue", "providers", "grid", "models"};

using yaml::Value;
using Bands = std::map<std::string, Band, std::less<>>;

// [low, middle, high], each with at most `places` decimals.
Result<Band> band_of(const Value& value, std::string_view what, int places) {
  Band band{};
  bool good = value.items.size() == band.size();
  for (std::size_t at = 0; good && at < band.size(); ++at) {
    const auto number = scaled_decimal(value.items[at].scalar, places);
    good = number && *number <= kFactorMax;
    band[at] = number.value_or(0);
  }
  if (good && std::is_sorted(band.begin(), band.end())) return band;
  return yaml::fail_at(value, fmt::format("{} must be [low, middle, high]", what),
                       fmt::format("three decimals, none below the one before, with at most {} places", places));
}

Result<const Value*> section_of(const Value& root, std::string_view key) {
  if (const Value* section = root.find(key)) return section;
  return yaml::fail_at(root, fmt::format("the carbon factors have no {}", key));
}

Result<Band> band_in(const Value& root, std::string_view key, int places) {
  MESHFLOW_TRY(const Value* section, section_of(root, key));
  return band_of(*section, key, places);
}

Result<Bands> bands_in(const Value& root, std::string_view key) {
  MESHFLOW_TRY(const Value* section, section_of(root, key));
  Bands bands;
  for (const auto& [name, value] : section->entries) {
    MESHFLOW_TRY(bands[name.scalar], band_of(value, name.scalar, kMilliPlaces));
  }
  return bands;
}

Result<std::map<std::string, std::int64_t, std::less<>>> grid_in(const Value& root) {
  MESHFLOW_TRY(const Value* section, section_of(root, "grid"));
  std::map<std::string, std::int64_t, std::less<>> grid;
  for (const auto& [region, value] : section->entries) {
    const auto grams = scaled_decimal(value.scalar, 0);
    if (!grams || *grams > kGridMax) {
      return yaml::fail_at(value,
                           fmt::format("grid of {} must be whole grams per kWh, at most {}", region.scalar, kGridMax));
    }
    grid[region.scalar] = *grams;
  }
  if (!grid.contains("world")) return yaml::fail_at(*section, "grid has no world");
  return grid;
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

// The same from energy that was measured at the server: 10⁻⁶ Wh · 10⁻³ · g/kWh · 10⁹ is 10⁻³.
std::int64_t measured_nanograms(std::int64_t microwatt_hours, std::int64_t pue_thousandths,
                                std::int64_t grid_grams_per_kwh) {
  const std::int64_t energy = std::clamp<std::int64_t>(microwatt_hours, 0, kCallMicrowattHoursMax);
  constexpr Wide kDivisor = 1000;
  const Wide product =
      static_cast<Wide>(energy) * static_cast<Wide>(pue_thousandths) * static_cast<Wide>(grid_grams_per_kwh);
  return static_cast<std::int64_t>((product + kDivisor / 2) / kDivisor);
}

std::int64_t counted(std::int64_t tokens) { return std::clamp<std::int64_t>(tokens, 0, kCallTokensMax); }

std::int64_t weighted_thousandths(const Tokens& tokens) {
  const std::int64_t cached = std::min(counted(tokens.cached), counted(tokens.input));
  const std::int64_t uncached = counted(tokens.input) - cached;
  return counted(tokens.output) * kPerOutputToken +
         std::max<std::int64_t>(0, uncached - kTypicalInputTokens) * kPerInputToken + cached * kPerCachedToken;
}

}  // namespace

CarbonModel CarbonModel::shipped(PriceTable prices) {
  static const CarbonModel factors = from_yaml(data::carbon_yaml(), "carbon.yaml", {}).value();
  CarbonModel model = factors;
  model.prices_ = std::move(prices);
  return model;
}

Result<CarbonModel> CarbonModel::from_yaml(std::string_view text, const std::string& file, PriceTable prices) {
  MESHFLOW_TRY(const auto root, yaml::parse(text, file));
  MESHFLOW_CHECK(yaml::check_keys(root, "a set of carbon factors", kKeys));
  CarbonModel model;
  model.prices_ = std::move(prices);
  MESHFLOW_TRY(const Value* version, section_of(root, "version"));
  model.factor_set_ = version->scalar;
  MESHFLOW_TRY(model.host_hundredths_, band_in(root, "host", kHostPlaces));
  MESHFLOW_TRY(model.pue_thousandths_, band_in(root, "pue", kMilliPlaces));
  MESHFLOW_TRY(model.provider_pue_thousandths_, bands_in(root, "providers"));
  MESHFLOW_TRY(model.model_milliwatt_hours_, bands_in(root, "models"));
  MESHFLOW_TRY(model.grid_grams_per_kwh_, grid_in(root));
  MESHFLOW_TRY(const auto classes, bands_in(root, "classes"));
  for (std::size_t at = 0; at < model.class_milliwatt_hours_.size(); ++at) {
    const auto found = classes.find(name_of(static_cast<ModelClass>(at)));
    if (found == classes.end()) {
      return yaml::fail_at(root, fmt::format("classes has no {}", name_of(static_cast<ModelClass>(at))));
    }
    model.class_milliwatt_hours_[at] = found->second;
  }
  return model;
}

CarbonEstimate CarbonModel::estimate(const CarbonFacts& call) const {
  CarbonEstimate estimate;
  estimate.factor_set = factor_set_;
  const ModelPrice* price = prices_.find(call.model);
  estimate.class_assumed = price == nullptr || !price->model_class;
  if (!estimate.class_assumed) estimate.model_class = *price->model_class;

  Band energy = class_milliwatt_hours_[static_cast<std::size_t>(estimate.model_class)];
  const auto published = model_milliwatt_hours_.find(call.model);
  const bool is_published = published != model_milliwatt_hours_.end();
  if (is_published || (price != nullptr && price->energy)) {
    energy = price != nullptr && price->energy ? *price->energy : published->second;
    estimate.tier = 2;
    estimate.class_assumed = false;
  }
  const auto owner = provider_pue_thousandths_.find(call.provider);
  const Band& pue = owner == provider_pue_thousandths_.end() ? pue_thousandths_ : owner->second;
  auto grid = grid_grams_per_kwh_.find(call.region);
  if (grid == grid_grams_per_kwh_.end()) grid = grid_grams_per_kwh_.find("world");
  if (grid == grid_grams_per_kwh_.end()) return estimate;

  const std::int64_t weighted = weighted_thousandths(call.tokens);
  Band result{};
  for (std::size_t at = 0; at < result.size(); ++at) {
    result[at] = call.measured_microwatt_hours
                     ? measured_nanograms(*call.measured_microwatt_hours, pue[at], grid->second)
                     : nanograms(weighted, energy[at], host_hundredths_[at], pue[at], grid->second);
  }
  if (call.measured_microwatt_hours) {
    estimate.tier = 3;
    estimate.class_assumed = false;
  }
  estimate.carbon = Carbon{.nanograms = result[1], .low_nanograms = result[0], .high_nanograms = result[2]};
  return estimate;
}

std::vector<std::string_view> CarbonModel::regions() const {
  std::vector<std::string_view> names;
  names.reserve(grid_grams_per_kwh_.size());
  for (const auto& [region, grams] : grid_grams_per_kwh_) names.push_back(region);
  return names;
}

}  // namespace meshflow::runtime
