#include "store/snapshot.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "store/snapshot_implementation.hpp"
#include "store/span_decoder.hpp"
#include "store/span_reader.hpp"
#include "store/trace_number.hpp"

namespace meshflow::store {
namespace {

// Traces whose spans lie so close to one another are read with one query.
constexpr std::uint64_t kClusterNanos = 10'000'000'000;
constexpr std::size_t kClusterTracesMax = 256;

std::uint64_t u64(const Value& value) {
  const auto* number = std::get_if<std::uint64_t>(&value);
  return number == nullptr ? 0 : *number;
}

void widen(std::optional<TimeRange>& range, std::uint64_t from, std::uint64_t to) {
  if (!range) {
    range = TimeRange{from, to};
  } else {
    range->from = std::min(range->from, from);
    range->to = std::max(range->to, to);
  }
}

// Calls `visit(chunk, row)` for the recent rows that `wants(chunk, row)`.
template <typename Wants, typename Visit>
void for_each_recent(const RecentView& view, Wants wants, Visit visit) {
  for (const auto& part : view.parts) {
    // The chunk that is being filled moves no row that was whole when the view was made.
    for (std::size_t row = 0; row < part.rows; ++row) {
      if (wants(*part.chunk, row)) visit(*part.chunk, row);
    }
  }
}

}  // namespace

Snapshot::Implementation::Implementation(Tables& tables, RecentViews& views, Tables::View view,
                                         std::shared_ptr<const RecentView> recent)
    : tables_(tables), views_(views), connection_(std::move(view.connection)), recent_(std::move(recent)) {
  for (const PieceRecord& piece : view.pieces) {
    if (piece.rows == 0) continue;
    pieces_.push_back({fmt::format("spans_{}", piece.id), fmt::format("traces_{}", piece.id), piece.start_min,
                       piece.start_max, piece.rows});
    ids_.push_back(piece.id);
  }
  if (recent_->rows > 0) {
    view_id_ = views_.add(recent_);
    pieces_.push_back({fmt::format("recent({})", view_id_), {}, recent_->start_min, recent_->start_max, recent_->rows});
  }
}

Snapshot::Implementation::~Implementation() {
  if (view_id_ != 0) views_.remove(view_id_);
  tables_.give_back(std::move(connection_));
}

Result<Rows> Snapshot::Implementation::query(std::string_view sql, std::span<const Value> parameters,
                                             const QueryLimits& limits) {
  auto rows = connection_->query(sql, parameters, limits);
  return rows;
}

Result<std::optional<TimeRange>> Snapshot::Implementation::time_range_of(const U128& trace) {
  MESHFLOW_TRY(const auto ranges, time_ranges_of({trace}));
  return ranges.empty() ? std::optional<TimeRange>() : ranges.begin()->second;
}

// One question per piece for all of them: planning it costs more than looking them up.
Result<std::map<U128, std::optional<TimeRange>>> Snapshot::Implementation::time_ranges_of(std::vector<U128> traces) {
  std::sort(traces.begin(), traces.end());
  traces.erase(std::unique(traces.begin(), traces.end()), traces.end());
  std::map<U128, std::optional<TimeRange>> ranges;
  if (traces.empty()) return ranges;
  if (!ids_.empty()) {
    std::string marks;
    for (std::size_t i = 0; i < traces.size(); ++i) marks += i == 0 ? "?" : ", ?";
    std::string sql;
    std::vector<Value> parameters;
    for (const std::uint64_t id : ids_) {
      sql += fmt::format("{}SELECT trace_id, first, last FROM traces_{} WHERE trace_id IN ({})",
                         sql.empty() ? "" : " UNION ALL ", id, marks);
      parameters.insert(parameters.end(), traces.begin(), traces.end());
    }
    MESHFLOW_TRY(const Rows rows, query(sql, parameters, {}));
    for (const auto& row : rows.rows) widen(ranges[std::get<U128>(row[0])], u64(row[1]), u64(row[2]));
  }
  const auto id_of = [](const SpanChunk& chunk, std::size_t row) {
    const auto& id = chunk.values<duckdb_uhugeint>(Column::trace_id)[row];
    return U128{id.upper, id.lower};
  };
  for_each_recent(
      *recent_,
      [&traces, &id_of](const SpanChunk& chunk, std::size_t row) {
        return std::binary_search(traces.begin(), traces.end(), id_of(chunk, row));
      },
      [&ranges, &id_of](const SpanChunk& chunk, std::size_t row) {
        const std::uint64_t start = chunk.values<std::uint64_t>(Column::start)[row];
        widen(ranges[id_of(chunk, row)], start, start);
      });
  return ranges;
}

Result<std::vector<Snapshot::Candidate>> Snapshot::Implementation::traces_of_run(std::string_view run_id) {
  std::map<U128, std::optional<TimeRange>> found;
  if (!ids_.empty()) {
    std::string sql;
    std::vector<Value> parameters;
    for (const std::uint64_t id : ids_) {
      sql += fmt::format("{}SELECT trace_id, first, last FROM traces_{} WHERE run = ?",
                         sql.empty() ? "" : " UNION ALL ", id);
      parameters.emplace_back(SpanDecoder::run_key(run_id));
    }
    MESHFLOW_TRY(const Rows rows, query(sql, parameters, {}));
    for (const auto& row : rows.rows) widen(found[std::get<U128>(row[0])], u64(row[1]), u64(row[2]));
  }
  static const std::size_t run_column = kFieldColumns + *find_attribute_column("meshflow.run_id");
  for (const auto& part : recent_->parts) {
    const std::unique_lock lock =
        part.chunk->is_sealed() ? std::unique_lock<std::mutex>() : std::unique_lock(part.chunk->mutex);
    for (std::size_t row = 0; row < part.rows; ++row) {
      if (part.chunk->text(run_column, row) != run_id) continue;
      const auto& id = part.chunk->values<duckdb_uhugeint>(Column::trace_id)[row];
      const std::uint64_t start = part.chunk->values<std::uint64_t>(Column::start)[row];
      widen(found[{id.upper, id.lower}], start, start);
    }
  }
  std::vector<Candidate> candidates;
  for (const auto& [id, range] : found) candidates.push_back({trace_id_of(id), *range});
  return candidates;
}

// Adds the messages of `keys` that are not in `messages` yet, from all pieces.
Result<void> Snapshot::Implementation::read_dictionary(const char* table, std::unordered_set<std::uint64_t> keys,
                                                       std::unordered_map<std::uint64_t, std::string>& messages) {
  const bool is_resources = std::string_view(table) == "resources";
  for (const auto& part : recent_->parts) {
    const std::unique_lock lock =
        part.chunk->is_sealed() ? std::unique_lock<std::mutex>() : std::unique_lock(part.chunk->mutex);
    for (const auto& [key, message] : is_resources ? part.chunk->resources() : part.chunk->scopes()) {
      if (keys.erase(key) > 0) messages.emplace(key, message);
    }
  }
  for (auto id = ids_.rbegin(); id != ids_.rend() && !keys.empty(); ++id) {
    std::string marks;
    std::vector<Value> parameters;
    for (const std::uint64_t key : keys) {
      marks += marks.empty() ? "?" : ", ?";
      parameters.emplace_back(key);
    }
    MESHFLOW_TRY(
        const Rows rows,
        query(fmt::format("SELECT key, value FROM {}_{} WHERE key IN ({})", table, *id, marks), parameters, {}));
    for (const auto& row : rows.rows) {
      if (keys.erase(u64(row[0])) > 0) messages.emplace(u64(row[0]), std::get<std::string>(row[1]));
    }
  }
  return {};
}

namespace {

// Spans as they were read, by trace, to be put together.
using SpansByTrace = std::map<U128, std::vector<SpanRow>>;

Result<StoredTrace> assemble(const otlp::TraceId& id, std::vector<SpanRow>& spans,
                             const std::unordered_map<std::uint64_t, std::string>& resources,
                             const std::unordered_map<std::uint64_t, std::string>& scopes) {
  StoredTrace trace;
  trace.trace_id = id;
  std::stable_sort(spans.begin(), spans.end(), [](const SpanRow& a, const SpanRow& b) {
    return std::pair(a.span.start_time_unix_nano, a.span.span_id) <
           std::pair(b.span.start_time_unix_nano, b.span.span_id);
  });
  std::unordered_map<std::uint64_t, std::size_t> resource_at;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> scope_at;
  const auto message_of = [](const auto& messages, std::uint64_t key) {
    const auto found = messages.find(key);
    return found == messages.end() ? std::string_view() : std::string_view(found->second);
  };
  for (SpanRow& row : spans) {
    const auto [resource, is_new_resource] = resource_at.try_emplace(row.resource, trace.data.resource_spans.size());
    if (is_new_resource) {
      MESHFLOW_TRY(auto read, read_resource(message_of(resources, row.resource)));
      trace.data.resource_spans.push_back(std::move(read));
    }
    auto& scope_spans = trace.data.resource_spans[resource->second].scope_spans;
    const auto [scope, is_new_scope] = scope_at.try_emplace({row.resource, row.scope}, scope_spans.size());
    if (is_new_scope) {
      MESHFLOW_TRY(auto read, read_scope(message_of(scopes, row.scope)));
      scope_spans.push_back(std::move(read));
    }
    scope_spans[scope->second].spans.push_back(std::move(row.span));
  }
  return trace;
}

// Traces that are read together: close in time, so that few row groups are looked at.
struct Cluster {
  TimeRange range;
  std::vector<U128> traces;
};

std::vector<Cluster> clusters_of(std::vector<std::pair<TimeRange, U128>> wanted) {
  std::sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.from, a.second) < std::pair(b.first.from, b.second);
  });
  std::vector<Cluster> clusters;
  for (const auto& [range, trace] : wanted) {
    const bool joins =
        !clusters.empty() && clusters.back().traces.size() < kClusterTracesMax &&
        range.from <= clusters.back().range.to + std::min(kClusterNanos, UINT64_MAX - clusters.back().range.to);
    if (joins) {
      clusters.back().range.to = std::max(clusters.back().range.to, range.to);
      clusters.back().traces.push_back(trace);
    } else {
      clusters.push_back({range, {trace}});
    }
  }
  return clusters;
}

}  // namespace

Result<std::vector<StoredTrace>> Snapshot::Implementation::traces(std::span<const otlp::TraceId> trace_ids,
                                                                  const QueryLimits& limits) {
  std::vector<U128> numbers;
  numbers.reserve(trace_ids.size());
  for (const otlp::TraceId& id : trace_ids) numbers.push_back(number_of(id));
  MESHFLOW_TRY(const auto ranges, time_ranges_of(std::move(numbers)));
  std::vector<std::pair<TimeRange, U128>> wanted;
  for (const auto& [trace, range] : ranges) wanted.emplace_back(*range, trace);
  SpansByTrace spans;
  std::unordered_set<std::uint64_t> resource_keys;
  std::unordered_set<std::uint64_t> scope_keys;
  std::size_t count = 0;
  const auto take = [&](duckdb_data_chunk chunk) -> Result<bool> {
    const ChunkReader reader(chunk);
    count += reader.rows();
    if (count > limits.rows_max) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("the traces have more than {} spans (limit rows_max)", limits.rows_max));
    }
    for (std::size_t row = 0; row < reader.rows(); ++row) {
      MESHFLOW_TRY(SpanRow read, read_span(reader, row));
      resource_keys.insert(read.resource);
      scope_keys.insert(read.scope);
      spans[number_of(read.span.trace_id)].push_back(std::move(read));
    }
    return true;
  };
  for (const Cluster& cluster : clusters_of(std::move(wanted))) {
    std::string marks;
    for (std::size_t i = 0; i < cluster.traces.size(); ++i) marks += i == 0 ? "?" : ", ?";
    std::string sql;
    std::vector<Value> parameters;
    for (const Piece& piece : pieces_) {
      if (piece.start_max < cluster.range.from || piece.start_min > cluster.range.to) continue;
      sql += fmt::format("{}SELECT {} FROM {} WHERE start BETWEEN ? AND ? AND trace_id IN ({})",
                         sql.empty() ? "" : " UNION ALL ", select_list(), piece.source, marks);
      parameters.emplace_back(cluster.range.from);
      parameters.emplace_back(cluster.range.to);
      for (const U128& trace : cluster.traces) parameters.emplace_back(trace);
    }
    if (!sql.empty()) MESHFLOW_CHECK(connection_->for_each_chunk(sql, parameters, limits, take));
  }
  std::unordered_map<std::uint64_t, std::string> resources;
  std::unordered_map<std::uint64_t, std::string> scopes;
  MESHFLOW_CHECK(read_dictionary("resources", std::move(resource_keys), resources));
  MESHFLOW_CHECK(read_dictionary("scopes", std::move(scope_keys), scopes));
  std::vector<StoredTrace> found;
  for (const otlp::TraceId& id : trace_ids) {
    const auto rows = spans.find(number_of(id));
    if (rows == spans.end()) continue;
    MESHFLOW_TRY(auto trace, assemble(id, rows->second, resources, scopes));
    found.push_back(std::move(trace));
    spans.erase(rows);  // asked for twice, given once
  }
  return found;
}

Result<std::map<std::uint64_t, std::string>> Snapshot::Implementation::dictionary(const char* table, TimeRange range) {
  const bool is_resources = std::string_view(table) == "resources";
  std::map<std::uint64_t, std::string> messages;
  for (const auto& part : recent_->parts) {
    const std::unique_lock lock =
        part.chunk->is_sealed() ? std::unique_lock<std::mutex>() : std::unique_lock(part.chunk->mutex);
    for (const auto& [key, message] : is_resources ? part.chunk->resources() : part.chunk->scopes()) {
      messages.emplace(key, message);
    }
  }
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (pieces_[i].start_max < range.from || pieces_[i].start_min > range.to) continue;
    MESHFLOW_TRY(const Rows rows, query(fmt::format("SELECT key, value FROM {}_{}", table, ids_[i]), {}, {}));
    for (const auto& row : rows.rows) messages.emplace(u64(row[0]), std::get<std::string>(row[1]));
  }
  return messages;
}

Result<std::vector<StoredResource>> Snapshot::Implementation::resources(TimeRange range) {
  MESHFLOW_TRY(const auto messages, dictionary("resources", range));
  std::vector<StoredResource> found;
  for (const auto& [key, message] : messages) {
    MESHFLOW_TRY(auto read, read_resource(message));
    found.push_back({key, std::move(read.resource)});
  }
  return found;
}

Result<std::vector<StoredScope>> Snapshot::Implementation::scopes(TimeRange range) {
  MESHFLOW_TRY(const auto messages, dictionary("scopes", range));
  std::vector<StoredScope> found;
  for (const auto& [key, message] : messages) {
    MESHFLOW_TRY(auto read, read_scope(message));
    found.push_back({key, std::move(read.scope)});
  }
  return found;
}

Result<void> Snapshot::Implementation::read(std::string_view sql, std::span<const Value> parameters,
                                            const QueryLimits& limits, const TakeBatch& take) {
  return connection_->for_each_chunk(sql, parameters, limits, [&take](duckdb_data_chunk chunk) -> Result<bool> {
    std::vector<Batch::Column> columns(duckdb_data_chunk_get_column_count(chunk));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
      columns[i] = {duckdb_vector_get_data(vector), duckdb_vector_get_validity(vector)};
    }
    return take(Batch(duckdb_data_chunk_get_size(chunk), std::move(columns)));
  });
}

Result<std::uint64_t> Snapshot::Implementation::columns_in_rest(const Piece& piece, const QueryLimits& limits) {
  const auto place =
      std::find_if(pieces_.begin(), pieces_.end(), [&piece](const Piece& each) { return each.source == piece.source; });
  const auto index = static_cast<std::size_t>(place - pieces_.begin());
  if (index >= ids_.size()) return UINT64_MAX;
  Tables::RestKeys known = tables_.rest_keys(ids_[index]);
  if (known.rows >= piece.rows) return known.columns;
  // Rows are only ever added, and counted from 0.
  const std::string sql =
      fmt::format("SELECT bit_or(rest_columns(rest)) FROM {} WHERE rowid >= {}", piece.source, known.rows);
  MESHFLOW_TRY(const Rows rows, query(sql, {}, limits));
  if (!rows.rows.empty()) known.columns |= u64(rows.rows.front().front());
  known.rows = piece.rows;
  tables_.keep_rest_keys(ids_[index], known);
  return known.columns;
}

// ---- the public face --------------------------------------------------------------------------------------------

Snapshot::Snapshot(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Snapshot::~Snapshot() = default;
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;

std::span<const Piece> Snapshot::pieces() const noexcept { return implementation_->pieces(); }

std::vector<Piece> Snapshot::pieces_in(TimeRange range) const {
  std::vector<Piece> found;
  for (const Piece& piece : pieces()) {
    if (piece.start_max >= range.from && piece.start_min <= range.to) found.push_back(piece);
  }
  return found;
}

Result<Rows> Snapshot::query(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits) {
  return implementation_->query(sql, parameters, limits);
}

Result<TextRows> Snapshot::select(std::string_view sql, const QueryLimits& limits) {
  return implementation_->select(sql, limits);
}

Result<void> Snapshot::read(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits,
                            const TakeBatch& take) {
  return implementation_->read(sql, parameters, limits, take);
}

Result<std::vector<StoredResource>> Snapshot::resources(TimeRange range) { return implementation_->resources(range); }
Result<std::vector<StoredScope>> Snapshot::scopes(TimeRange range) { return implementation_->scopes(range); }

Result<std::uint64_t> Snapshot::columns_in_rest(const Piece& piece, const QueryLimits& limits) {
  return implementation_->columns_in_rest(piece, limits);
}

Result<std::optional<TimeRange>> Snapshot::time_range_of(const otlp::TraceId& trace_id) {
  return implementation_->time_range_of(number_of(trace_id));
}

Result<std::vector<Snapshot::Candidate>> Snapshot::traces_of_run(std::string_view run_id) {
  return implementation_->traces_of_run(run_id);
}

Result<std::vector<StoredTrace>> Snapshot::traces(std::span<const otlp::TraceId> trace_ids, const QueryLimits& limits) {
  return implementation_->traces(trace_ids, limits);
}

}  // namespace meshflow::store
