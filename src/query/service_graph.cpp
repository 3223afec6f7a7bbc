#include "query/service_graph.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/row_value.hpp"

namespace meshflow::query {
namespace {

constexpr std::string_view kOnlyServers = "kind = 2 AND parent_id <> 0";
constexpr std::string_view kOnlyClients = "kind = 3";

// Rows of one source.
struct Rows {
  std::string source;
  std::string condition;
  store::TimeRange range;  // of their starts
};

std::string spans_sql(const std::vector<Rows>& of, std::string_view kind, std::string_view id, store::TimeRange range) {
  std::string sql;
  for (const Rows& rows : of) {
    if (rows.range.to < range.from || rows.range.from > range.to) continue;
    sql += fmt::format(
        "{}SELECT trace_id, {} AS id, start, coalesce(service, '') AS service, duration, status FROM {} WHERE {} AND "
        "{} "
        "AND start BETWEEN {}::UBIGINT AND {}::UBIGINT",
        sql.empty() ? "" : " UNION ALL ", id, rows.source, kind, rows.condition, range.from, range.to);
  }
  return sql;
}

store::TimeRange range_of(const std::vector<Rows>& of) {
  store::TimeRange range{UINT64_MAX, 0};
  for (const Rows& rows : of) {
    range = {std::min(range.from, rows.range.from), std::max(range.to, rows.range.to)};
  }
  return range;
}

std::string bucket_sql(std::string_view duration) {
  std::string sql = "CASE";
  const auto& bounds = service_graph_bounds();
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    sql += fmt::format(" WHEN {} <= {:.0f} THEN {}", duration, bounds[i] * 1e9, i);
  }
  return sql + fmt::format(" ELSE {} END", bounds.size());
}

void add_to(MetricCell& cell, std::size_t bucket, double count, double sum_nanos) {
  cell.counts.resize(service_graph_bounds().size() + 1);
  cell.counts[std::min(bucket, cell.counts.size() - 1)] += static_cast<std::uint64_t>(count);
  cell.sum += sum_nanos / 1e9;
}
void merge(MetricCell& to, const MetricCell& from) {
  to.counts.resize(std::max(to.counts.size(), from.counts.size()));
  for (std::size_t i = 0; i < from.counts.size(); ++i) to.counts[i] += from.counts[i];
  to.sum += from.sum;
}
void merge(ServiceEdges& to, const ServiceEdges& from) {
  const LabelValues other(2, std::string(kOverflowLabel));
  for (const auto& [names, edge] : from) {
    const bool has_room = to.contains(names) || to.size() - (to.contains(other) ? 1 : 0) < kMetricSeriesMax;
    ServiceEdge& into = to[has_room ? names : other];
    into.calls += edge.calls;
    into.failed += edge.failed;
    merge(into.client_seconds, edge.client_seconds);
    merge(into.server_seconds, edge.server_seconds);
  }
}

// The calls whose server's span is among `servers` and whose client's span is among `clients`.
Result<void> count(store::Snapshot& snapshot, const std::vector<Rows>& servers, const std::vector<Rows>& clients,
                   ServiceEdges& into) {
  // One of both is small: its range bounds what is read of the other.
  const store::TimeRange of_servers = range_of(servers);
  const store::TimeRange of_clients = range_of(clients);
  if (of_servers.from > of_servers.to || of_clients.from > of_clients.to) return {};
  const auto plus = [](std::uint64_t time) {
    return time > UINT64_MAX - kCallLeadNanos ? UINT64_MAX : time + kCallLeadNanos;
  };
  const auto minus = [](std::uint64_t time) { return time - std::min(time, kCallLeadNanos); };
  const store::TimeRange server_range{std::max(of_servers.from, minus(of_clients.from)),
                                      std::min(of_servers.to, plus(of_clients.to))};
  const store::TimeRange client_range{std::max(of_clients.from, minus(of_servers.from)),
                                      std::min(of_clients.to, plus(of_servers.to))};
  const std::string server_rows = spans_sql(servers, kOnlyServers, "parent_id", server_range);
  const std::string client_rows = spans_sql(clients, kOnlyClients, "span_id", client_range);
  if (server_rows.empty() || client_rows.empty()) return {};
  const std::string sql = fmt::format(
      "SELECT c.service AS client, s.service AS server, {} AS client_bucket, {} AS server_bucket, count(*), count(*) "
      "FILTER (c.status = 2 OR s.status = 2), sum(c.duration), sum(s.duration) FROM ({}) s JOIN ({}) c ON s.trace_id = "
      "c.trace_id AND s.id = c.id GROUP BY ALL",
      bucket_sql("c.duration"), bucket_sql("s.duration"), server_rows, client_rows);
  MESHFLOW_TRY(const store::Rows found, snapshot.query(sql));
  ServiceEdges counted;
  for (const auto& row : found.rows) {
    ServiceEdge& edge = counted[{text_of(row[0]), text_of(row[1])}];
    edge.calls += static_cast<std::uint64_t>(real_of(row[4]));
    edge.failed += static_cast<std::uint64_t>(real_of(row[5]));
    add_to(edge.client_seconds, static_cast<std::size_t>(real_of(row[2])), real_of(row[4]), real_of(row[6]));
    add_to(edge.server_seconds, static_cast<std::size_t>(real_of(row[3])), real_of(row[4]), real_of(row[7]));
  }
  merge(into, counted);
  return {};
}

}  // namespace

const std::vector<double>& service_graph_bounds() {
  static const std::vector<double> bounds{0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8};
  return bounds;
}

Result<void> ServiceGraph::refresh(store::Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  std::vector<Rows> known;    // in tables, looked at before
  std::vector<Rows> fresh;    // in tables, new
  std::vector<Rows> memory;
  std::unordered_map<std::string, std::uint64_t> seen;
  for (const store::Piece& piece : snapshot.pieces()) {
    const store::TimeRange range{piece.start_min, piece.start_max};
    if (piece.traces.empty()) {
      memory.push_back({piece.source, "true", range});
      continue;
    }
    const auto before = seen_.find(piece.source);
    const std::uint64_t rows = before == seen_.end() ? 0 : before->second;
    if (rows > 0) known.push_back({piece.source, fmt::format("rowid < {}", rows), range});
    if (rows < piece.rows) {
      fresh.push_back({piece.source, fmt::format("rowid >= {} AND rowid < {}", rows, piece.rows), range});
    }
    seen.emplace(piece.source, piece.rows);
  }
  std::vector<Rows> tables = known;
  tables.insert(tables.end(), fresh.begin(), fresh.end());
  std::vector<Rows> all = tables;
  all.insert(all.end(), memory.begin(), memory.end());
  ServiceEdges stored;
  ServiceEdges recent;
  MESHFLOW_CHECK(count(snapshot, fresh, tables, stored));
  MESHFLOW_CHECK(count(snapshot, known, fresh, stored));
  MESHFLOW_CHECK(count(snapshot, memory, all, recent));
  MESHFLOW_CHECK(count(snapshot, tables, memory, recent));
  merge(stored_, stored);
  recent_ = std::move(recent);
  seen_ = std::move(seen);
  return {};
}

ServiceEdges ServiceGraph::edges() const {
  const std::lock_guard lock(mutex_);
  ServiceEdges all = stored_;
  merge(all, recent_);
  return all;
}

}  // namespace meshflow::query
