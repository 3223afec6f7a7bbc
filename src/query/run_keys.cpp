#include "query/run_keys.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/trace_rows.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

// Traces whose facts are held in memory at once.
constexpr std::size_t kTracesAtOnce = 16'384;
// Traces that are read whole together.
constexpr std::size_t kWholeAtOnce = 2'048;

RunKey key_of(const std::string& text) { return text.empty() ? RunKey() : RunKey(text); }
RunKey key_of(const std::optional<std::int64_t>& number) { return number ? RunKey(*number) : RunKey(); }
RunKey key_of(std::uint64_t number) { return static_cast<std::int64_t>(std::min<std::uint64_t>(number, INT64_MAX)); }

// A column that is a count over all spans, as SQL; empty for the others.
std::string_view aggregate_of(RunColumn column) {
  switch (column) {
    case RunColumn::duration: return "max(start + greatest(duration, 0)) - min(start)";
    case RunColumn::spans: return "count(*)";
    case RunColumn::errors: return "count(*) FILTER (status = 2)";
    case RunColumn::blocked: return "count(*) FILTER (meshflow_verdict = 'blocked')";
    case RunColumn::pending: return "count(*) FILTER (meshflow_gate_result = 'pending')";
    default: return {};
  }
}

bool is_amount(RunColumn column) {
  return column == RunColumn::cost || column == RunColumn::tokens || column == RunColumn::carbon;
}

store::TimeRange hull_of(std::span<const IndexedTrace> traces) {
  store::TimeRange hull{UINT64_MAX, 0};
  for (const IndexedTrace& each : traces) hull = {std::min(hull.from, each.first), std::max(hull.to, each.last)};
  return hull;
}

// "SELECT columns FROM source WHERE start BETWEEN … AND condition UNION ALL …"; empty where no piece overlaps.
std::string select(const store::Snapshot& snapshot, std::string_view columns, store::TimeRange range,
                   std::string_view condition) {
  std::string sql;
  for (const store::Piece& piece : snapshot.pieces_in(range)) {
    sql += fmt::format("{}SELECT {} FROM {} WHERE start BETWEEN {}::UBIGINT AND {}::UBIGINT AND {}",
                       sql.empty() ? "" : " UNION ALL ", columns, piece.source, range.from, range.to, condition);
  }
  return sql;
}

Result<RunKeys> counted(store::Snapshot& snapshot, std::span<const IndexedTrace> traces, std::string_view aggregate,
                        const store::QueryLimits& limits) {
  RunKeys keys;
  keys.reserve(traces.size());
  for (const IndexedTrace& each : traces) keys.emplace(each.trace_id, RunKey());
  const std::string spans = select(
      snapshot, "trace_id, start, duration, status, meshflow_verdict, meshflow_gate_result", hull_of(traces), "true");
  if (spans.empty()) return keys;
  const std::string sql = fmt::format("SELECT trace_id, ({})::BIGINT FROM ({}) GROUP BY trace_id", aggregate, spans);
  MESHFLOW_CHECK(snapshot.read(sql, {}, limits, [&keys](const store::Batch& batch) -> Result<bool> {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const auto key = keys.find(batch.id(0, row));
      if (key != keys.end()) key->second = batch.at<std::int64_t>(1, row);
    }
    return true;
  }));
  return keys;
}

// Reads the traces' rows whole.
Result<void> read_whole(store::Snapshot& snapshot, const std::vector<otlp::TraceId>& traces, RunColumn column,
                        const store::QueryLimits& limits, RunKeys& keys) {
  for (std::size_t at = 0; at < traces.size(); at += kWholeAtOnce) {
    const std::span<const otlp::TraceId> some(traces.data() + at, std::min(kWholeAtOnce, traces.size() - at));
    MESHFLOW_TRY(const auto rows, read_trace_rows(snapshot, some, limits));
    for (const TraceRow& row : rows) keys[store::number_of(row.trace_id)] = key_of(row, column);
  }
  return {};
}

// Of those that have one, agents and runs in which amounts may lie that the root does not sum up.
Result<std::vector<otlp::TraceId>> with_agents(store::Snapshot& snapshot, std::vector<otlp::TraceId> traces,
                                               store::TimeRange range, const store::QueryLimits& limits) {
  if (traces.empty()) return traces;
  const std::string spans = select(snapshot, "trace_id", range, "name IN ('meshflow.agent', 'meshflow.run')");
  std::unordered_map<store::U128, bool, store::HashU128> has;
  for (const otlp::TraceId& each : traces) has.emplace(store::number_of(each), false);
  MESHFLOW_CHECK(snapshot.read("SELECT DISTINCT trace_id FROM (" + spans + ")", {}, limits,
                               [&has](const store::Batch& batch) -> Result<bool> {
                                 for (std::size_t row = 0; row < batch.rows(); ++row) {
                                   const auto found = has.find(batch.id(0, row));
                                   if (found != has.end()) found->second = true;
                                 }
                                 return true;
                               }));
  std::erase_if(traces, [&has](const otlp::TraceId& each) { return !has.at(store::number_of(each)); });
  return traces;
}

// What roots say, of traces that lie close together in time.
Result<void> add_roots(store::Snapshot& snapshot, std::span<const IndexedTrace> traces, RunColumn column,
                       FactsReader::Rest rest, ServiceNames& services, const store::QueryLimits& limits,
                       RunKeys& keys) {
  const store::TimeRange range = hull_of(traces);
  std::unordered_map<store::U128, TraceFigures, store::HashU128> figures;
  figures.reserve(traces.size());
  for (const IndexedTrace& each : traces) figures.emplace(each.trace_id, TraceFigures());
  FactsReader reader;
  const std::string condition = fmt::format("(parent_id = 0 OR name = '{}')", kRunSpanName);
  const std::string sql = select(snapshot, FactsReader::select_list(rest), range, condition);
  MESHFLOW_CHECK(snapshot.read(sql, {}, limits, [&](const store::Batch& batch) -> Result<bool> {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const auto found = figures.find(FactsReader::trace_of(batch, row));
      if (found == figures.end()) continue;
      MESHFLOW_TRY(const SpanFacts facts, reader.read(batch, row));
      services.learn(facts.resource, FactsReader::service_of(batch, row));
      found->second.add(facts);
    }
    return true;
  }));
  std::vector<otlp::TraceId> unknown;
  std::vector<otlp::TraceId> without_amounts;
  for (const auto& [id, of_trace] : figures) {
    const otlp::TraceId trace_id = store::trace_id_of(id);
    if (!of_trace.has_root() || (column == RunColumn::run_id && of_trace.row().run_id.empty())) {
      unknown.push_back(trace_id);
    } else if (is_amount(column) && !of_trace.has_sums_of_root()) {
      without_amounts.push_back(trace_id);
      keys.emplace(id, RunKey());
    } else {
      MESHFLOW_TRY(const TraceRow row, row_of(snapshot, trace_id, of_trace, services, limits));
      keys.emplace(id, key_of(row, column));
    }
  }
  MESHFLOW_TRY(const auto to_be_read, with_agents(snapshot, std::move(without_amounts), range, limits));
  unknown.insert(unknown.end(), to_be_read.begin(), to_be_read.end());
  return read_whole(snapshot, unknown, column, limits, keys);
}

}  // namespace

RunKey key_of(const TraceRow& row, RunColumn column) {
  switch (column) {
    case RunColumn::start: return key_of(row.start_unix_nanos);
    case RunColumn::trace_id: return hex_of(row.trace_id);
    case RunColumn::run_id: return key_of(row.run_id);
    case RunColumn::root: return key_of(row.root_name);
    case RunColumn::service: return key_of(row.service);
    case RunColumn::workflow: return key_of(row.workflow);
    case RunColumn::version: return key_of(row.version);
    case RunColumn::variant: return key_of(row.variant);
    case RunColumn::status: return key_of(row.status);
    case RunColumn::duration: return key_of(duration_of(row));
    case RunColumn::spans: return key_of(row.spans);
    case RunColumn::errors: return key_of(row.error_spans);
    case RunColumn::blocked: return key_of(row.blocked);
    case RunColumn::pending: return key_of(row.pending);
    case RunColumn::cost: return key_of(row.cost_nano_usd);
    case RunColumn::tokens: return key_of(row.tokens);
    case RunColumn::carbon: return key_of(row.carbon_nanograms);
  }
  return {};
}

Result<RunKeys> keys_of(store::Snapshot& snapshot, std::span<const IndexedTrace> traces, RunColumn column,
                        const store::QueryLimits& limits) {
  if (const std::string_view aggregate = aggregate_of(column); !aggregate.empty()) {
    return counted(snapshot, traces, aggregate, limits);
  }
  RunKeys keys;
  keys.reserve(traces.size());
  if (column == RunColumn::start || column == RunColumn::trace_id) {
    for (const IndexedTrace& each : traces) {
      keys.emplace(each.trace_id,
                   column == RunColumn::start ? key_of(each.first) : RunKey(hex_of(store::trace_id_of(each.trace_id))));
    }
    return keys;
  }
  std::vector<IndexedTrace> sorted(traces.begin(), traces.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const IndexedTrace& a, const IndexedTrace& b) { return a.first < b.first; });
  MESHFLOW_TRY(const auto rest, FactsReader::needed_rest(snapshot, limits));
  ServiceNames services(snapshot);
  for (std::size_t at = 0; at < sorted.size(); at += kTracesAtOnce) {
    const std::span<const IndexedTrace> some(sorted.data() + at, std::min(kTracesAtOnce, sorted.size() - at));
    MESHFLOW_CHECK(add_roots(snapshot, some, column, rest, services, limits, keys));
  }
  return keys;
}

}  // namespace meshflow::query
