// What the runs that ended lately cost: the gauge of which the lesson's alert counts the series.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "server/self_metrics.hpp"
#include "store/snapshot.hpp"

namespace meshflow::server {

struct RunCost {
  std::string run_id;
  std::string workflow;
  double cost_usd = 0;
  friend bool operator==(const RunCost&, const RunCost&) = default;
};

// A series for each run: for so long after its end, and for the newest of so many.
inline constexpr std::uint64_t kRunCostNanos = std::uint64_t{600} * 1'000'000'000;
inline constexpr std::size_t kRunCostsMax = 1'000;

// The runs that ended from `now` − kRunCostNanos on, latest end first. Looks at what arrived lately.
[[nodiscard]] Result<std::vector<RunCost>> recent_run_costs(store::Snapshot& snapshot, std::uint64_t now_unix_nanos);

// meshflow_run_cost_usd{run_id,workflow}.
void write_metrics(MetricsText& text, const std::vector<RunCost>& costs);

}  // namespace meshflow::server
