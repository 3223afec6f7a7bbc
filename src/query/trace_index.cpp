#include "query/trace_index.hpp"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/try.hpp"
#include "store/functions.hpp"

namespace meshflow::query {
namespace {

using store::TimeRange;
using store::Value;

// Of traces that have spans before and after the range, those that have one in it.
Result<std::unordered_set<store::U128, store::HashU128>> those_within(store::Snapshot& snapshot, TimeRange range,
                                                                      const std::vector<store::U128>& traces,
                                                                      const store::QueryLimits& limits) {
  std::unordered_set<store::U128, store::HashU128> within;
  if (traces.empty()) return within;
  const std::string ids = store::ids_literal(traces);
  for (const store::Piece& piece : snapshot.pieces_in(range)) {
    const std::string sql =
        fmt::format("SELECT DISTINCT trace_id FROM {} WHERE start BETWEEN ? AND ? AND {}(trace_id, {})", piece.source,
                    store::kIsOneOf, ids);
    const std::vector<Value> parameters{range.from, range.to};
    MESHFLOW_CHECK(snapshot.read(sql, parameters, limits, [&within](const store::Batch& batch) -> Result<bool> {
      for (std::size_t row = 0; row < batch.rows(); ++row) within.insert(batch.id(0, row));
      return true;
    }));
  }
  return within;
}

bool is_everything(const store::Snapshot& snapshot, TimeRange range) {
  return std::all_of(snapshot.pieces().begin(), snapshot.pieces().end(), [range](const store::Piece& piece) {
    return piece.start_min >= range.from && piece.start_max <= range.to;
  });
}

}  // namespace

std::string trace_index_sql(const store::Snapshot& snapshot) {
  std::string sql;
  for (const store::Piece& piece : snapshot.pieces()) {
    if (!sql.empty()) sql += " UNION ALL ";
    sql += piece.traces.empty() ? fmt::format("SELECT trace_id, start AS first, start AS last FROM {}", piece.source)
                                : fmt::format("SELECT trace_id, first, last FROM {}", piece.traces);
  }
  return sql;
}

Result<std::vector<IndexedTrace>> all_traces(store::Snapshot& snapshot, TimeRange range,
                                             const store::QueryLimits& limits) {
  std::vector<IndexedTrace> found;
  const std::string index = trace_index_sql(snapshot);
  if (index.empty() || range.from > range.to) return found;
  std::string sql = fmt::format("SELECT trace_id, min(first), max(last), true FROM ({}) GROUP BY trace_id", index);
  std::vector<Value> parameters;
  if (!is_everything(snapshot, range)) {
    // Certain where the index names a start in the range; where it names one before and one after, spans must tell.
    sql = fmt::format(
        "SELECT trace_id, min(first), max(last), bool_or(first BETWEEN ? AND ? OR last BETWEEN ? AND ?) FROM ({0}) "
        "WHERE trace_id IN (SELECT trace_id FROM ({0}) WHERE last >= ? AND first <= ?) GROUP BY trace_id",
        index);
    parameters = {range.from, range.to, range.from, range.to, range.from, range.to};
  }
  std::vector<IndexedTrace> uncertain;
  MESHFLOW_CHECK(snapshot.read(sql, parameters, limits, [&](const store::Batch& batch) -> Result<bool> {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      (batch.at<bool>(3, row) ? found : uncertain)
          .push_back({batch.id(0, row), batch.at<std::uint64_t>(1, row), batch.at<std::uint64_t>(2, row)});
    }
    return true;
  }));
  std::vector<store::U128> ids;
  for (const IndexedTrace& each : uncertain) ids.push_back(each.trace_id);
  MESHFLOW_TRY(const auto within, those_within(snapshot, range, ids, limits));
  for (const IndexedTrace& each : uncertain) {
    if (within.contains(each.trace_id)) found.push_back(each);
  }
  return found;
}

}  // namespace meshflow::query
