// Which alerts there are, and what becomes of them: the state machine of Prometheus' alerting rules, without a clock, a
// thread or a store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/promql/evaluator.hpp"
#include "server/alert_rules.hpp"

namespace meshflow::server {

// Alerts of one rule; an expression that gives more is an error of that rule.
inline constexpr std::size_t kAlertsOfRuleMax = 1'000;
// How long a resolved alert is kept, and told again to those who ask.
inline constexpr std::int64_t kResolvedKeptMs = 15 * 60'000;
// A firing alert is told again to an Alertmanager after so long.
inline constexpr std::int64_t kResendMs = 60'000;

// One thread at a time. A value but for its size.
class AlertBook {
 public:
  // The rule's expression gave `found` at `now`. A series that was not there becomes pending, or firing where the rule
  // waits for nothing; one that is still there fires once it has been for so long; one that is gone is forgotten, or
  // resolved where it fired. False: nothing changed but values. Errors: two series with the same labels, too many.
  [[nodiscard]] Result<bool> update(const AlertGroup& group, const AlertRule& rule, const query::promql::Vector& found,
                                    std::int64_t now_ms);

  // Those to be told now: that fire and were not told, that have been resolved since they were told, and that fire and
  // were told kResendMs ago. They count as told. Forgets what was resolved long ago.
  [[nodiscard]] std::vector<Alert> take_due(std::int64_t now_ms);

  // All, by group and rule.
  [[nodiscard]] std::vector<Alert> alerts() const;
  [[nodiscard]] std::vector<Alert> alerts_of(std::string_view group, std::string_view rule) const;

  // Kept across restarts. What was told after `delivered_ms` may not have arrived: it is written as not told. Reading
  // replaces everything; rules that are not in `groups` any more are left out. invalid_input for what is no such text.
  [[nodiscard]] std::string to_json(std::int64_t delivered_ms) const;
  [[nodiscard]] Result<void> read_json(std::string_view text, const std::vector<AlertGroup>& groups);

 private:
  using RuleKey = std::pair<std::string, std::string>;  // group, rule
  std::map<RuleKey, std::map<AlertLabels, Alert>> alerts_;
};

}  // namespace meshflow::server
