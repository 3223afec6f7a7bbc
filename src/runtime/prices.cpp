#include "runtime/prices.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "runtime/prices_data.hpp"
#include "runtime/prices_decimal.hpp"
#include "runtime/yaml.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::array<std::string_view, 4> kClassNames = {"small", "mid", "large", "reasoning"};
constexpr std::array<std::string_view, 8> kKeys = {"input", "output",  "cached_read", "cached_write",
                                                   "class", "reserve", "aliases",     "energy_wh"};
constexpr std::array<std::string_view, 3> kTableKeys = {"version", "models", "default"};
constexpr int kPicodollarPlaces = 6;  // of USD per million tokens
constexpr std::int64_t kPicoPerNano = 1000;

using yaml::Value;

// A price; `missing` where the entry does not state it.
Result<std::int64_t> price_of(const Value& entry, std::string_view key, const std::string& what,
                              std::optional<std::int64_t> missing) {
  const Value* value = entry.find(key);
  if (value == nullptr && missing) return *missing;
  if (value == nullptr) return yaml::fail_at(entry, fmt::format("{} has no {}", what, key));
  const auto price = scaled_decimal(value->scalar, kPicodollarPlaces);
  if (price && *price <= kPriceMaxPicodollars) return *price;
  return yaml::fail_at(*value, fmt::format("{} of {} is no price", key, what),
                       "USD per million tokens, from 0 to 1000, with at most 6 decimals");
}

Result<std::optional<ModelClass>> class_of(const Value& entry, const std::string& what) {
  const Value* value = entry.find("class");
  if (value == nullptr) return std::optional<ModelClass>{};
  const auto found = std::find(kClassNames.begin(), kClassNames.end(), value->scalar);
  if (found != kClassNames.end()) return std::optional(static_cast<ModelClass>(found - kClassNames.begin()));
  return yaml::fail_at(*value, fmt::format("class of {} is unknown", what),
                       fmt::format("one of {}", fmt::join(kClassNames, ", ")));
}

Result<std::int64_t> reserve_of(const Value& entry, const std::string& what) {
  const Value* value = entry.find("reserve");
  if (value == nullptr) return ModelPrice{}.output_tokens_reserved;
  const auto tokens = scaled_decimal(value->scalar, 0);
  if (tokens && *tokens >= 1 && *tokens <= kCallTokensMax) return *tokens;
  return yaml::fail_at(*value, fmt::format("reserve of {} must be a number of tokens, 1 or more", what));
}

Result<std::optional<EnergyBand>> energy_of(const Value& entry, const std::string& what) {
  constexpr int kMilliwattHourPlaces = 3;
  const Value* value = entry.find("energy_wh");
  if (value == nullptr) return std::optional<EnergyBand>{};
  EnergyBand band{};
  bool good = value->items.size() == band.size();
  for (std::size_t at = 0; good && at < band.size(); ++at) {
    const auto number = scaled_decimal(value->items[at].scalar, kMilliwattHourPlaces);
    good = number && *number <= kEnergyMaxMilliwattHours;
    band[at] = number.value_or(0);
  }
  if (good && std::is_sorted(band.begin(), band.end())) return std::optional(band);
  return yaml::fail_at(*value, fmt::format("energy_wh of {} must be [low, middle, high]", what),
                       "Wh per 1,000 output tokens, none below the one before, with at most 3 decimals");
}

Result<ModelPrice> read_price(const Value& entry, const std::string& what) {
  MESHFLOW_CHECK(yaml::check_keys(entry, what, kKeys));
  ModelPrice price;
  MESHFLOW_TRY(price.input, price_of(entry, "input", what, std::nullopt));
  MESHFLOW_TRY(price.output, price_of(entry, "output", what, std::nullopt));
  MESHFLOW_TRY(price.cached_read, price_of(entry, "cached_read", what, price.input));
  MESHFLOW_TRY(price.cached_write, price_of(entry, "cached_write", what, price.input));
  MESHFLOW_TRY(price.model_class, class_of(entry, what));
  MESHFLOW_TRY(price.energy, energy_of(entry, what));
  MESHFLOW_TRY(price.output_tokens_reserved, reserve_of(entry, what));
  return price;
}

[[nodiscard]] bool is_possible(const Tokens& tokens) noexcept {
  return tokens.input >= 0 && tokens.output >= 0 && tokens.cached >= 0 && tokens.cache_written >= 0 &&
         tokens.input <= kCallTokensMax && tokens.output <= kCallTokensMax && tokens.cached <= tokens.input &&
         tokens.cache_written <= tokens.input - tokens.cached;
}

}  // namespace

std::string_view name_of(ModelClass model_class) noexcept { return kClassNames[static_cast<std::size_t>(model_class)]; }

std::optional<std::int64_t> scaled_decimal(std::string_view text, int places) noexcept {
  constexpr std::int64_t kMax = std::int64_t{1} << 53;
  std::int64_t value = 0;
  int after_point = -1;
  bool has_digit = false;
  for (const char letter : text) {
    if (letter == '.' && after_point < 0) {
      after_point = 0;
      continue;
    }
    if (letter < '0' || letter > '9' || after_point == places || value > kMax) return std::nullopt;
    value = value * 10 + (letter - '0');
    has_digit = true;
    if (after_point >= 0) ++after_point;
  }
  if (!has_digit) return std::nullopt;
  for (int missing = places - std::max(after_point, 0); missing > 0; --missing) {
    if (value > kMax) return std::nullopt;
    value *= 10;
  }
  return value;
}

Result<std::int64_t> cost_nano_usd(const ModelPrice& price, const Tokens& tokens) {
  if (!is_possible(tokens)) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format(
            "a call cannot have used {} input tokens ({} read from a cache, {} written to it) and {} output tokens",
            tokens.input, tokens.cached, tokens.cache_written, tokens.output),
        fmt::format("from 0 to {}, and cached ones are part of the input", kCallTokensMax));
  }
  const std::int64_t uncached = tokens.input - tokens.cached - tokens.cache_written;
  const std::int64_t picodollars = uncached * price.input + tokens.output * price.output +
                                   tokens.cached * price.cached_read + tokens.cache_written * price.cached_write;
  return (picodollars + kPicoPerNano / 2) / kPicoPerNano;
}

const PriceTable& PriceTable::shipped() {
  static const PriceTable table = from_yaml(data::prices_yaml(), "prices.yaml").value();
  return table;
}

Result<PriceTable> PriceTable::from_yaml(std::string_view text, const std::string& file, PriceTable base) {
  MESHFLOW_TRY(const auto root, yaml::parse(text, file));
  MESHFLOW_CHECK(yaml::check_keys(root, "a price table", kTableKeys));
  PriceTable table = std::move(base);
  if (const Value* version = root.find("version")) {
    MESHFLOW_TRY(table.version_, yaml::text_of(*version, "version"));
  }
  if (const Value* fallback = root.find("default")) {
    MESHFLOW_TRY(table.default_, read_price(*fallback, "default"));
  }
  const Value* models = root.find("models");
  if (models == nullptr) return table;
  if (models->kind != Value::Kind::map) return yaml::fail_at(*models, "models must be a map of names to prices");
  for (const auto& [model, entry] : models->entries) {
    MESHFLOW_TRY(const auto price, read_price(entry, model.scalar));
    if (const Value* aliases = entry.find("aliases")) {
      MESHFLOW_TRY(const auto names, yaml::texts_of(*aliases, fmt::format("aliases of {}", model.scalar)));
      for (const std::string& name : names) table.models_[name] = price;
    }
    table.models_[model.scalar] = price;
  }
  return table;
}

Result<PriceTable> PriceTable::from_file(const std::string& path, PriceTable base) {
  MESHFLOW_TRY(const auto text, system_files().read_all(path, yaml::kYamlBytesMax));
  return from_yaml(text, path, std::move(base));
}

const ModelPrice* PriceTable::find_exactly(std::string_view model) const noexcept {
  const auto found = models_.find(model);
  return found == models_.end() ? nullptr : &found->second;
}

const ModelPrice* PriceTable::find(std::string_view model) const noexcept {
  if (const auto* exact = find_exactly(model)) return exact;
  return default_ ? &*default_ : nullptr;
}

Result<Priced> PriceTable::price(std::string_view model, const Tokens& tokens) const {
  const ModelPrice* exact = find_exactly(model);
  const ModelPrice* entry = exact != nullptr ? exact : find(model);
  if (entry == nullptr) {
    return fail(ErrorCode::not_found, fmt::format("the price of model \"{}\" is not known", model),
                "add it, or a default, to a file named by the policy's prices_file");
  }
  MESHFLOW_TRY(const auto cost, cost_nano_usd(*entry, tokens));
  return Priced{cost, exact != nullptr ? "table" : "default"};
}

}  // namespace meshflow::runtime
