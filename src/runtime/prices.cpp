#include "runtime/prices.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "runtime/nearest.hpp"
#include "runtime/prices_data.hpp"
#include "runtime/prices_decimal.hpp"
#include "runtime/yaml_text.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::array<std::string_view, 4> kClassNames = {"small", "mid", "large", "reasoning"};
constexpr std::array<std::string_view, 7> kKeys = {"input", "output", "cached_read", "cached_write", "class", "reserve", "aliases"};
constexpr int kPicodollarPlaces = 6;  // of USD per million tokens
constexpr std::int64_t kPicoPerNano = 1000;

struct Entry {
  ModelPrice price;
  std::vector<std::string> aliases;
};

// Reads one model's entry.
class EntryReader {
 public:
  EntryReader(std::string model, const std::string& file) : model_(std::move(model)), file_(&file) {}

  Result<Entry> read(const YAML::Node& node) {
    MESHFLOW_CHECK(for_each_entry(node, *file_, fmt::format("the price of {}", model_),
                                  [this](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
                                    return read_key(key, key_node, value);
                                  }));
    if (!input_ || !output_) return fail_at(node, *file_, fmt::format("the price of {} needs input and output", model_));
    entry_.price.input = *input_;
    entry_.price.output = *output_;
    entry_.price.cached_read = cached_read_.value_or(*input_);
    entry_.price.cached_write = cached_write_.value_or(*input_);
    return std::move(entry_);
  }

 private:
  Result<void> read_key(const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
    if (key == "input") return read_price(key, value, input_);
    if (key == "output") return read_price(key, value, output_);
    if (key == "cached_read") return read_price(key, value, cached_read_);
    if (key == "cached_write") return read_price(key, value, cached_write_);
    if (key == "class") return read_class(value);
    if (key == "reserve") return read_reserve(value);
    if (key == "aliases") return read_aliases(value);
    return fail_at(key_node, *file_, fmt::format("the price of {} has no \"{}\"", model_, key), name_hint(key, kKeys));
  }

  Result<void> read_price(const std::string& key, const YAML::Node& value, std::optional<std::int64_t>& price) {
    if (value.IsScalar()) price = scaled_decimal(value.Scalar(), kPicodollarPlaces);
    if (price && *price <= kPriceMaxPicodollars) return {};
    return fail_at(value, *file_, fmt::format("{} of {} is no price", key, model_),
                   "USD per million tokens, from 0 to 1000, with at most 6 decimals");
  }

  Result<void> read_class(const YAML::Node& value) {
    for (std::size_t at = 0; value.IsScalar() && at < kClassNames.size(); ++at) {
      if (value.Scalar() == kClassNames[at]) entry_.price.model_class = static_cast<ModelClass>(at);
    }
    if (entry_.price.model_class) return {};
    return fail_at(value, *file_, fmt::format("class of {} is unknown", model_), "one of small, mid, large, reasoning");
  }

  Result<void> read_reserve(const YAML::Node& value) {
    const auto tokens = value.IsScalar() ? scaled_decimal(value.Scalar(), 0) : std::nullopt;
    if (!tokens || *tokens < 1 || *tokens > kCallTokensMax) {
      return fail_at(value, *file_, fmt::format("reserve of {} must be a number of tokens, 1 or more", model_));
    }
    entry_.price.output_tokens_reserved = *tokens;
    return {};
  }

  Result<void> read_aliases(const YAML::Node& value) {
    if (!value.IsSequence()) return fail_at(value, *file_, fmt::format("aliases of {} must be a list", model_));
    for (const auto& alias : value) {
      if (!alias.IsScalar()) return fail_at(alias, *file_, fmt::format("an alias of {} must be text", model_));
      entry_.aliases.push_back(alias.Scalar());
    }
    return {};
  }

  std::string model_;
  const std::string* file_;
  Entry entry_;
  std::optional<std::int64_t> input_;
  std::optional<std::int64_t> output_;
  std::optional<std::int64_t> cached_read_;
  std::optional<std::int64_t> cached_write_;
};

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
    return fail(ErrorCode::invalid_argument,
                fmt::format("a call cannot have used {} input tokens ({} read from a cache, {} written to it) and {} output tokens",
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

Result<PriceTable> PriceTable::from_yaml(std::string_view yaml, const std::string& file, PriceTable base) {
  MESHFLOW_TRY(const auto root, load_yaml(yaml, file));
  PriceTable table = std::move(base);
  const auto read_model = [&](const std::string& model, const YAML::Node&, const YAML::Node& value) -> Result<void> {
    MESHFLOW_TRY(auto entry, EntryReader(model, file).read(value));
    for (const std::string& alias : entry.aliases) table.models_[alias] = entry.price;
    table.models_[model] = entry.price;
    return {};
  };
  MESHFLOW_CHECK(for_each_entry(
      root, file, "the price table",
      [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) -> Result<void> {
        if (key == "models") return for_each_entry(value, file, "models", read_model);
        if (key == "default") {
          MESHFLOW_TRY(auto entry, EntryReader("default", file).read(value));
          table.default_ = entry.price;
          return {};
        }
        if (key == "version" && value.IsScalar()) {
          table.version_ = value.Scalar();
          return {};
        }
        return fail_at(key_node, file, fmt::format("a price table has no \"{}\"", key), "version, models, default");
      }));
  return table;
}

Result<PriceTable> PriceTable::from_file(const std::string& path, PriceTable base) {
  MESHFLOW_TRY(const auto text, system_files().read_all(path, kYamlBytesMax));
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
