// What model calls cost: a versioned table of data, in exact integers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/usage.hpp"

namespace meshflow::runtime {

// By active parameters: small up to 9 billion, mid 9 to 32, large above; reasoning: a model that thinks before it
// answers.
enum class ModelClass { small, mid, large, reasoning };
[[nodiscard]] std::string_view name_of(ModelClass model_class) noexcept;

// Tokens that one call may claim to have used. With kPriceMaxPicodollars it keeps every product within 64 bits.
inline constexpr std::int64_t kCallTokensMax = 1'000'000'000;
inline constexpr std::int64_t kPriceMaxPicodollars = 1'000'000'000;  // a token; 1,000 USD a million

// Energy of 1,000 output tokens, in milliwatt-hours: low, middle, high.
using EnergyBand = std::array<std::int64_t, 3>;
inline constexpr std::int64_t kEnergyMaxMilliwattHours = 1'000'000;

// Prices in picodollars a token: 1 USD per million tokens is 1,000,000.
struct ModelPrice {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t cached_read = 0;
  std::int64_t cached_write = 0;
  std::optional<ModelClass> model_class = std::nullopt;  // not stated: carbon takes the large class, and says so
  std::optional<EnergyBand> energy = std::nullopt;       // published for the model itself: in place of its class's
  std::int64_t output_tokens_reserved = 4096;  // what a call that names no max_tokens reserves, and may use
};

struct Priced {
  std::int64_t cost_nano_usd = 0;
  std::string_view source;  // "table", or "default" where only the table's default entry knew a price; lives forever
};

// The price of one call, rounded half up to whole nano-dollars once. An Error for an impossible usage (negative, more
// cached than input, more than kCallTokensMax).
[[nodiscard]] Result<std::int64_t> cost_nano_usd(const ModelPrice& price, const Tokens& tokens);

// A value; safe to read concurrently. Model names match exactly: a name that is not there, nor an alias of one, is
// unknown.
class PriceTable {
 public:
  // Without any model.
  PriceTable() = default;
  // The table that this version of MeshFlow ships.
  [[nodiscard]] static const PriceTable& shipped();
  // From YAML (docs/cost-and-carbon.md); errors carry file, line and column. Entries are added to `base`, or replace
  // those of the same name there.
  [[nodiscard]] static Result<PriceTable> from_yaml(std::string_view text, const std::string& file,
                                                    PriceTable base = {});
  [[nodiscard]] static Result<PriceTable> from_file(const std::string& path, PriceTable base = {});

  // An unknown model is priced by the `default` entry where there is one, else an Error (not_found) that names it.
  [[nodiscard]] Result<Priced> price(std::string_view model, const Tokens& tokens) const;
  // The model's entry, or the default entry, or null. Lives as long as the table.
  [[nodiscard]] const ModelPrice* find(std::string_view model) const noexcept;
  [[nodiscard]] const std::string& version() const noexcept { return version_; }

 private:
  [[nodiscard]] const ModelPrice* find_exactly(std::string_view model) const noexcept;

  std::string version_;
  std::map<std::string, ModelPrice, std::less<>> models_;  // aliases have entries of their own
  std::optional<ModelPrice> default_;
};

}  // namespace meshflow::runtime
