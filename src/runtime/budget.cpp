#include "runtime/budget.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::runtime {
namespace {

std::int64_t nanos_of(double seconds) { return static_cast<std::int64_t>(std::llround(seconds * 1e9)); }

// Nano-units with all nine decimals that matter: "0.25".
std::string decimal(std::int64_t billionths) { return fmt::format("{}", static_cast<double>(billionths) / 1e9); }

Error exceeded(std::string message, std::string_view field) {
  return Error{ErrorCode::budget_exceeded, std::move(message), std::nullopt, fmt::format("raise {}", field)};
}

std::string with_reserved(std::int64_t reserved, const std::string& amount) {
  return reserved > 0 ? fmt::format(" and {} reserved by calls under way", amount) : std::string{};
}

}  // namespace

BudgetLimits limits_of(const ResolvedPolicy& policy) {
  return BudgetLimits{.nano_usd = policy.budget_nano_usd,
                      .tokens = policy.fields.budget_tokens,
                      .carbon_nanograms = policy.carbon_budget_nanograms,
                      .steps = policy.fields.max_steps,
                      .running_nanos = nanos_of(policy.fields.timeout_s)};
}

BudgetMeter::BudgetMeter(BudgetLimits limits, const PriceTable& prices, const CarbonModel& carbon,
                         std::string_view region, std::string_view provider, BudgetTotals earlier)
    : limits_(limits), prices_(&prices), carbon_(&carbon), region_(region), provider_(provider), totals_(earlier) {}

Result<BudgetMeter::Claim> BudgetMeter::claim_of(std::string_view model, const ModelPrice& price,
                                                 std::int64_t input_tokens, std::int64_t output_tokens) const {
  const Tokens worst{.input = input_tokens, .output = output_tokens};
  ModelPrice dearest = price;
  dearest.input = std::max(price.input, price.cached_write);  // the provider may choose to write all of it to its cache
  MESHFLOW_TRY(const auto cost, runtime::cost_nano_usd(dearest, worst));
  Claim claim{.nano_usd = cost, .tokens = worst.total()};
  if (limits_.carbon_nanograms > 0) {
    claim.carbon_nanograms = carbon_->estimate({model, worst, region_, provider_}).carbon.nanograms;
  }
  return claim;
}

std::optional<Error> BudgetMeter::refusal_of(const Claim& claim) const {
  const Usage& spent = totals_.spent;
  if (spent.cost_nano_usd + reserved_.nano_usd + claim.nano_usd > limits_.nano_usd) {
    return exceeded(fmt::format("the budget of {} USD does not pay for a next model call: {} USD are spent{}",
                                decimal(limits_.nano_usd), decimal(spent.cost_nano_usd),
                                with_reserved(reserved_.nano_usd, decimal(reserved_.nano_usd) + " USD")),
                    "budget_usd");
  }
  if (spent.tokens.total() + reserved_.tokens + claim.tokens > limits_.tokens) {
    return exceeded(
        fmt::format("the budget of {} tokens is not enough for a next model call: {} are used{}", limits_.tokens,
                    spent.tokens.total(), with_reserved(reserved_.tokens, fmt::format("{}", reserved_.tokens))),
        "budget_tokens");
  }
  if (limits_.carbon_nanograms > 0 &&
      spent.carbon.nanograms + reserved_.carbon_nanograms + claim.carbon_nanograms > limits_.carbon_nanograms) {
    return exceeded(fmt::format("the carbon budget of {} g is not enough for a next model call: {} g are emitted{}",
                                decimal(limits_.carbon_nanograms), decimal(spent.carbon.nanograms),
                                with_reserved(reserved_.carbon_nanograms, decimal(reserved_.carbon_nanograms) + " g")),
                    "carbon_budget_g");
  }
  return std::nullopt;
}

Result<Reservation> BudgetMeter::reserve(std::string_view model, std::int64_t estimated_input_tokens,
                                         std::optional<std::int64_t> max_tokens) {
  const ModelPrice* price = prices_->find(model);
  if (price == nullptr) return tl::unexpected(prices_->price(model, {}).error());
  const std::int64_t input = std::clamp<std::int64_t>(estimated_input_tokens, 0, kCallTokensMax);
  const std::int64_t wanted =
      std::clamp<std::int64_t>(max_tokens.value_or(price->output_tokens_reserved), 1, kCallTokensMax);

  MESHFLOW_TRY(auto granted_claim, claim_of(model, *price, input, wanted));
  std::int64_t granted = wanted;
  if (refusal_of(granted_claim)) {
    MESHFLOW_TRY(granted_claim, claim_of(model, *price, input, 1));
    if (auto refusal = refusal_of(granted_claim)) return tl::unexpected(std::move(*refusal));
    // Claims grow with the tokens: the last count that fits lies between `granted` and `refused`.
    granted = 1;
    for (std::int64_t refused = wanted; refused - granted > 1;) {
      const std::int64_t middle = granted + (refused - granted) / 2;
      MESHFLOW_TRY(const auto claim, claim_of(model, *price, input, middle));
      const bool fits = !refusal_of(claim);
      (fits ? granted : refused) = middle;
      if (fits) granted_claim = claim;
    }
  }
  const Reservation reservation{.id = next_id_++, .max_tokens = granted, .clamped = granted < wanted};
  reserved_.nano_usd += granted_claim.nano_usd;
  reserved_.tokens += granted_claim.tokens;
  reserved_.carbon_nanograms += granted_claim.carbon_nanograms;
  open_.emplace(reservation.id, granted_claim);
  return reservation;
}

void BudgetMeter::settle(const Reservation& reservation, const Usage& usage) {
  release(reservation);
  totals_.spent += usage;
}

void BudgetMeter::release(const Reservation& reservation) {
  const auto found = open_.find(reservation.id);
  if (found == open_.end()) return;
  reserved_.nano_usd -= found->second.nano_usd;
  reserved_.tokens -= found->second.tokens;
  reserved_.carbon_nanograms -= found->second.carbon_nanograms;
  open_.erase(found);
}

Result<void> BudgetMeter::begin_step() {
  MESHFLOW_CHECK(check_steps());
  ++totals_.steps;
  return {};
}

Result<void> BudgetMeter::check_steps() const {
  if (totals_.steps < limits_.steps) return {};
  return tl::unexpected(
      exceeded(fmt::format("the run has taken {} steps; the limit is {}", totals_.steps, limits_.steps), "max_steps"));
}

Result<void> BudgetMeter::check_spent() const {
  const Usage& spent = totals_.spent;
  // A limit of 0 forbids paid calls, not steps that use none.
  if (spent.cost_nano_usd > 0 && spent.cost_nano_usd >= limits_.nano_usd) {
    return tl::unexpected(exceeded(fmt::format("the budget of {} USD is used up: {} USD are spent",
                                               decimal(limits_.nano_usd), decimal(spent.cost_nano_usd)),
                                   "budget_usd"));
  }
  if (spent.tokens.total() > 0 && spent.tokens.total() >= limits_.tokens) {
    return tl::unexpected(
        exceeded(fmt::format("the budget of {} tokens is used up: {} are used", limits_.tokens, spent.tokens.total()),
                 "budget_tokens"));
  }
  if (limits_.carbon_nanograms > 0 && spent.carbon.nanograms >= limits_.carbon_nanograms) {
    return tl::unexpected(exceeded(fmt::format("the carbon budget of {} g is used up: {} g are emitted",
                                               decimal(limits_.carbon_nanograms), decimal(spent.carbon.nanograms)),
                                   "carbon_budget_g"));
  }
  return {};
}

Result<void> BudgetMeter::check_running_time(std::int64_t running_nanos) const {
  if (running_nanos < limits_.running_nanos) return {};
  return tl::unexpected(exceeded(fmt::format("the run has been running for {} s; the limit is {} s",
                                             decimal(running_nanos), decimal(limits_.running_nanos)),
                                 "timeout_s"));
}

}  // namespace meshflow::runtime
