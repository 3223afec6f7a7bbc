// Holds a run to its budgets: money, tokens, carbon, steps, running time. Reserves before a call is paid for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/policy.hpp"
#include "meshflow/runtime/usage.hpp"
#include "runtime/carbon.hpp"
#include "runtime/prices.hpp"

namespace meshflow::runtime {

struct BudgetLimits {
  std::int64_t nano_usd = 0;
  std::int64_t tokens = 0;
  std::int64_t carbon_nanograms = 0;  // 0: off
  std::int64_t steps = 0;
  std::int64_t running_nanos = 0;
};
[[nodiscard]] BudgetLimits limits_of(const ResolvedPolicy& policy);

// What a checkpoint keeps of a meter. Reservations are not part of it: a run pauses when no call is under way.
struct BudgetTotals {
  Usage spent = {};
  std::int64_t steps = 0;
};

// Leave for one model call: it may use `max_tokens` output tokens.
struct Reservation {
  std::uint64_t id = 0;
  std::int64_t max_tokens = 0;
  bool clamped = false;  // the budget pays for less than was asked for
};

// One thread at a time. The tables must outlive it.
class BudgetMeter {
 public:
  // `region` and `provider` are for the carbon estimate, and must outlive it too.
  BudgetMeter(BudgetLimits limits, const PriceTable& prices, const CarbonModel& carbon, std::string_view region = {},
              std::string_view provider = {}, BudgetTotals earlier = {});

  // Before a model call: its worst case (all of the input uncached, all of `max_tokens` used; without `max_tokens` the
  // price table's output_tokens_reserved) must fit in what is neither spent nor reserved by calls under way. Where it
  // does not, fewer output tokens are granted; where not even one fits, an Error (budget_exceeded) names the budget,
  // what is spent and the limit. An unknown model is the price table's Error.
  [[nodiscard]] Result<Reservation> reserve(std::string_view model, std::int64_t estimated_input_tokens,
                                            std::optional<std::int64_t> max_tokens = std::nullopt);
  // The call has ended and used `usage`, which counts as spent even where it is more than was reserved.
  void settle(const Reservation& reservation, const Usage& usage);
  // The call has ended without use.
  void release(const Reservation& reservation);

  // Before a node runs: counts the step, or says that max_steps are used up.
  [[nodiscard]] Result<void> begin_step();
  // An Error where money, tokens or carbon are used up (nothing left for a next call) or overdrawn.
  [[nodiscard]] Result<void> check_spent() const;
  [[nodiscard]] Result<void> check_steps() const;
  [[nodiscard]] Result<void> check_running_time(std::int64_t running_nanos) const;

  [[nodiscard]] const BudgetTotals& totals() const noexcept { return totals_; }
  [[nodiscard]] const BudgetLimits& limits() const noexcept { return limits_; }
  [[nodiscard]] std::int64_t reserved_calls() const noexcept { return static_cast<std::int64_t>(open_.size()); }

 private:
  // What a call takes from each budget at worst.
  struct Claim {
    std::int64_t nano_usd = 0;
    std::int64_t tokens = 0;
    std::int64_t carbon_nanograms = 0;
  };
  [[nodiscard]] Result<Claim> claim_of(std::string_view model, const ModelPrice& price, std::int64_t input_tokens,
                                       std::int64_t output_tokens) const;
  // The first budget that `claim` does not fit in, as an Error.
  [[nodiscard]] std::optional<Error> refusal_of(const Claim& claim) const;

  BudgetLimits limits_;
  const PriceTable* prices_;
  const CarbonModel* carbon_;
  std::string_view region_;
  std::string_view provider_;
  BudgetTotals totals_;
  Claim reserved_;
  std::map<std::uint64_t, Claim> open_;
  std::uint64_t next_id_ = 1;
};

}  // namespace meshflow::runtime
