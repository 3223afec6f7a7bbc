#include "server/run_costs.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"

namespace meshflow::server {
namespace {

// Pieces hold spans by when they came: what ended in the last minutes is in the newest of them.
constexpr std::size_t kNewestPieces = 2;

template <typename T>
T value_or(const store::Value& value, T otherwise) {
  const auto* const held = std::get_if<T>(&value);
  return held == nullptr ? std::move(otherwise) : *held;
}

}  // namespace

Result<std::vector<RunCost>> recent_run_costs(store::Snapshot& snapshot, std::uint64_t now_unix_nanos) {
  const auto pieces = snapshot.pieces();
  std::multimap<std::int64_t, RunCost, std::greater<>> latest;  // by end
  for (const store::Piece& piece : pieces.last(std::min(pieces.size(), kNewestPieces))) {
    const std::string sql = fmt::format(
        "SELECT CAST(start AS HUGEINT) + duration AS ended, meshflow_run_id, meshflow_workflow_name, meshflow_cost_usd "
        "FROM {} WHERE name = ? AND meshflow_run_id IS NOT NULL AND meshflow_cost_usd IS NOT NULL AND "
        "CAST(start AS HUGEINT) + duration >= ? ORDER BY ended DESC LIMIT {}",
        piece.source, kRunCostsMax);
    const auto from = static_cast<std::int64_t>(now_unix_nanos - std::min(now_unix_nanos, kRunCostNanos));
    const std::vector<store::Value> parameters{std::string(query::kRunSpanName), from};
    MESHFLOW_TRY(const store::Rows rows, snapshot.query(sql, parameters));
    for (const auto& row : rows.rows) {
      latest.emplace(
          value_or<std::int64_t>(row[0], 0),
          RunCost{value_or<std::string>(row[1], {}), value_or<std::string>(row[2], {}), value_or<double>(row[3], 0)});
    }
  }
  std::vector<RunCost> costs;
  for (auto& [ended, cost] : latest) {
    if (costs.size() < kRunCostsMax) costs.push_back(std::move(cost));
  }
  return costs;
}

void write_metrics(MetricsText& text, const std::vector<RunCost>& costs) {
  for (const RunCost& each : costs) {
    text.gauge("meshflow_run_cost_usd", "What a run cost that ended in the last ten minutes, in US dollars.",
               {{"run_id", each.run_id}, {"workflow", each.workflow}}, each.cost_usd);
  }
}

}  // namespace meshflow::server
