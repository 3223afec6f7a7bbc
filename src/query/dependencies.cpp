#include "query/dependencies.hpp"

#include <map>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/resources.hpp"

namespace meshflow::query {
namespace {

// A parent that runs longer than this is not found.
constexpr std::uint64_t kParentLeadNanos = 24ULL * 3'600 * 1'000'000'000;

// "SELECT … FROM a UNION ALL SELECT … FROM b"; `range` fills the parameters of each.
std::string from_all(const std::vector<store::Piece>& pieces, std::string_view columns, store::TimeRange range,
                     std::vector<store::Value>& parameters) {
  std::string sql;
  for (const store::Piece& piece : pieces) {
    if (!sql.empty()) sql += " UNION ALL ";
    sql += fmt::format("SELECT {} FROM {} WHERE start BETWEEN ? AND ?", columns, piece.source);
    parameters.insert(parameters.end(), {range.from, range.to});
  }
  return sql;
}

}  // namespace

Result<std::vector<Dependency>> find_dependencies(store::Snapshot& snapshot, store::TimeRange range,
                                                  const store::QueryLimits& limits) {
  const store::TimeRange wide{range.from > kParentLeadNanos ? range.from - kParentLeadNanos : 0, range.to};
  const std::vector<store::Piece> children = snapshot.pieces_in(range);
  const std::vector<store::Piece> parents = snapshot.pieces_in(wide);
  if (children.empty()) return std::vector<Dependency>{};
  MESHFLOW_TRY(const auto resources, snapshot.resources(wide));
  std::map<std::uint64_t, std::string> services;
  for (const store::StoredResource& each : resources) services[each.key] = service_name_of(each.resource);
  if (services.size() < 2) return std::vector<Dependency>{};

  std::vector<store::Value> parameters;
  const std::string child_rows = from_all(children, "trace_id, parent_id, resource", range, parameters);
  const std::string parent_rows = from_all(parents, "trace_id, span_id, resource", wide, parameters);
  const std::string sql = fmt::format(
      "SELECT p.resource, c.resource, count(*) FROM ({}) c JOIN ({}) p ON p.trace_id = c.trace_id AND p.span_id = "
      "c.parent_id AND p.resource <> c.resource GROUP BY p.resource, c.resource",
      child_rows, parent_rows);
  MESHFLOW_TRY(const store::Rows rows, snapshot.query(sql, parameters, limits));
  std::map<std::pair<std::string, std::string>, std::uint64_t> calls;
  for (const auto& row : rows.rows) {
    const auto* const parent = std::get_if<std::uint64_t>(row.data());
    const auto* const child = std::get_if<std::uint64_t>(&row[1]);
    const auto* const count = std::get_if<std::int64_t>(&row[2]);
    if (parent == nullptr || child == nullptr || count == nullptr) continue;
    const std::string& from = services[*parent];
    const std::string& to = services[*child];
    if (from != to) calls[{from, to}] += static_cast<std::uint64_t>(*count);
  }
  std::vector<Dependency> dependencies;
  for (const auto& [names, count] : calls) dependencies.push_back({names.first, names.second, count});
  return dependencies;
}

}  // namespace meshflow::query
