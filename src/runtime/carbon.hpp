// What model calls emit: SCI for AI (ISO/IEC 21031), location-based operational emissions, from a versioned data file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/usage.hpp"
#include "runtime/prices.hpp"

namespace meshflow::runtime {

// The prompt that the energy figures of the classes already contain; only what a prompt has beyond it counts extra.
// ML.ENERGY measures with chat prompts of this order.
inline constexpr std::int64_t kTypicalInputTokens = 500;

// Lower bound, middle estimate, upper bound, in the unit that the field's name tells.
using Band = std::array<std::int64_t, 3>;

struct CarbonEstimate {
  Carbon carbon;
  int tier = 1;  // 1: average of the model's class; 2: published for the model; 3: measured
  ModelClass model_class = ModelClass::large;
  bool class_assumed = false;   // nothing states the model's class: the large one was taken
  std::string_view factor_set;  // version of the factors; lives as long as the CarbonModel
};

// What is known of one call.
struct CarbonFacts {
  std::string_view model;
  Tokens tokens = {};
  std::string_view region = {};    // as checked by the policy; empty: world
  std::string_view provider = {};  // gen_ai.provider.name; one whose data centres publish no figure has the average
  // What the server used for the call, where the provider measured it (ModelReply::energy_microwatt_hours).
  std::optional<std::int64_t> measured_microwatt_hours = std::nullopt;
};

// A value; safe to read concurrently.
class CarbonModel {
 public:
  // Without factors: every estimate is 0. Only for containers of it; use `shipped`.
  CarbonModel() = default;
  // The factors that this version of MeshFlow ships, with the classes of the models in `prices`.
  [[nodiscard]] static CarbonModel shipped(PriceTable prices = PriceTable::shipped());
  // From YAML (docs/cost-and-carbon.md); errors carry file, line and column.
  [[nodiscard]] static Result<CarbonModel> from_yaml(std::string_view text, const std::string& file, PriceTable prices);

  // What one call emitted, in whole nanograms (rounded half up). Tokens below 0 count as 0, above kCallTokensMax as
  // that.
  [[nodiscard]] CarbonEstimate estimate(const CarbonFacts& call) const;

  [[nodiscard]] const std::string& factor_set() const noexcept { return factor_set_; }
  [[nodiscard]] std::vector<std::string_view> regions() const;

 private:
  std::string factor_set_;
  std::array<Band, 4> class_milliwatt_hours_{};  // per 1,000 output tokens, by ModelClass
  Band host_hundredths_{};
  Band pue_thousandths_{};
  std::map<std::string, Band, std::less<>> provider_pue_thousandths_;
  std::map<std::string, Band, std::less<>> model_milliwatt_hours_;  // published for the model itself
  std::map<std::string, std::int64_t, std::less<>> grid_grams_per_kwh_;
  PriceTable prices_;
};

}  // namespace meshflow::runtime
