// Files of alert rules, in Prometheus' form.
#pragma once

#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "server/alert_rules.hpp"

namespace meshflow::cli {

inline constexpr std::size_t kAlertRulesMax = 1'000;

// {groups: [{name, interval, rules: [{alert, expr, for, labels, annotations}]}]}, or one rule by itself, which becomes
// a group of its name. Errors name file, line and column: no YAML, an unknown key, an expression that cannot be read, a
// metric that there is not, two rules of one name in a group, a template that means nothing.
[[nodiscard]] Result<std::vector<server::AlertGroup>> read_alert_rules(const std::string& path);

}  // namespace meshflow::cli
