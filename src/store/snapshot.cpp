#include "store/snapshot.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "store/functions.hpp"
#include "store/inline_values.hpp"
#include "store/snapshot_implementation.hpp"
#include "store/span_decoder.hpp"
#include "store/span_reader.hpp"
#include "store/trace_number.hpp"

namespace meshflow::store {
namespace {

// Traces whose spans lie so close to one another are read with one query.
constexpr std::uint64_t kClusterNanos = 10'000'000'000;
constexpr std::size_t kClusterTracesMax = 256;
// Parts of one statement: side by side they use all cores, and planning a very long one takes longer than that saves.
constexpr std::size_t kSelectsAtOnce = 8;

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

// True of the spans and of the index's rows of these traces. DuckDB's scan takes both forms in; it would not take IN.
std::string is_trace_in(const std::vector<U128>& traces) {
  if (traces.size() == 1) return fmt::format("trace_id = '{}'::UHUGEINT", decimal(traces.front()));
  return fmt::format("{}(trace_id, {})", kIsOneOf, ids_literal(traces));
}

// Each once, in order.
std::vector<U128> numbers_of(std::span<const otlp::TraceId> trace_ids) {
  std::vector<U128> numbers;
  numbers.reserve(trace_ids.size());
  for (const otlp::TraceId& id : trace_ids) numbers.push_back(number_of(id));
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

Batch batch_of(duckdb_data_chunk chunk) {
  std::vector<Batch::Column> columns(duckdb_data_chunk_get_column_count(chunk));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
    columns[i] = {duckdb_vector_get_data(vector), duckdb_vector_get_validity(vector)};
  }
  return {duckdb_data_chunk_get_size(chunk), std::move(columns)};
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
    created_.push_back(piece.created);
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
  MESHFLOW_CHECK(find_places({trace}));
  std::optional<TimeRange> range;
  for (const Place& place : places_[trace]) widen(range, place.range.from, place.range.to);
  return range;
}

Result<void> Snapshot::Implementation::find_places(std::vector<U128> traces) {
  std::erase_if(traces, [this](const U128& trace) { return places_.contains(trace); });
  std::sort(traces.begin(), traces.end());
  traces.erase(std::unique(traces.begin(), traces.end()), traces.end());
  if (traces.empty()) return {};
  for (const U128& trace : traces) places_.try_emplace(trace);
  auto found = find_places_in_tables(traces);
  if (!found) {
    for (const U128& trace : traces) places_.erase(trace);
    return found;
  }
  find_places_in_memory(traces);
  return {};
}

// One question for all of them: planning it costs more than looking them up.
Result<void> Snapshot::Implementation::find_places_in_tables(const std::vector<U128>& sorted) {
  const std::string condition = is_trace_in(sorted);
  std::string sql;
  for (std::size_t piece = 0; piece < ids_.size(); ++piece) {
    sql += fmt::format("{}SELECT {}::UBIGINT, trace_id, first, last FROM traces_{} WHERE {}",
                       sql.empty() ? "" : " UNION ALL ", piece, ids_[piece], condition);
  }
  if (sql.empty()) return {};
  MESHFLOW_TRY(const Rows rows, query(sql, {}, {}));
  for (const auto& row : rows.rows) {
    places_[std::get<U128>(row[1])].push_back({u64(row[0]), {u64(row[2]), u64(row[3])}});
  }
  return {};
}

void Snapshot::Implementation::find_places_in_memory(const std::vector<U128>& sorted) {
  const auto id_of = [](const SpanChunk& chunk, std::size_t row) {
    const auto& id = chunk.values<duckdb_uhugeint>(Column::trace_id)[row];
    return U128{id.upper, id.lower};
  };
  std::map<U128, std::optional<TimeRange>> ranges;
  for_each_recent(
      *recent_,
      [&sorted, &id_of](const SpanChunk& chunk, std::size_t row) {
        return std::binary_search(sorted.begin(), sorted.end(), id_of(chunk, row));
      },
      [&ranges, &id_of](const SpanChunk& chunk, std::size_t row) {
        const std::uint64_t start = chunk.values<std::uint64_t>(Column::start)[row];
        widen(ranges[id_of(chunk, row)], start, start);
      });
  for (const auto& [trace, range] : ranges) places_[trace].push_back({ids_.size(), *range});
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

Result<Snapshot::Implementation::Messages> Snapshot::Implementation::read_dictionary(
    const char* table, std::unordered_set<std::uint64_t> keys) {
  Messages messages;
  const bool is_resources = std::string_view(table) == "resources";
  for (const auto& part : recent_->parts) {
    if (keys.empty()) break;
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
  return messages;
}

Result<Snapshot::Implementation::Contexts<otlp::ResourceSpans>> Snapshot::Implementation::resources_of(
    const std::unordered_set<std::uint64_t>& keys) {
  Contexts<otlp::ResourceSpans> found;
  std::unordered_set<std::uint64_t> missing;
  for (const std::uint64_t key : keys) {
    if (auto kept = tables_.contexts().resource(key)) {
      found.emplace(key, std::move(kept));
    } else {
      missing.insert(key);
    }
  }
  MESHFLOW_TRY(const Messages messages, read_dictionary("resources", std::move(missing)));
  for (const auto& [key, message] : messages) {
    MESHFLOW_TRY(auto read, read_resource(message));
    const auto kept = std::make_shared<const otlp::ResourceSpans>(std::move(read));
    tables_.contexts().keep(key, kept, message.size());
    found.emplace(key, kept);
  }
  return found;
}

Result<Snapshot::Implementation::Contexts<otlp::ScopeSpans>> Snapshot::Implementation::scopes_of(
    const std::unordered_set<std::uint64_t>& keys) {
  Contexts<otlp::ScopeSpans> found;
  std::unordered_set<std::uint64_t> missing;
  for (const std::uint64_t key : keys) {
    if (auto kept = tables_.contexts().scope(key)) {
      found.emplace(key, std::move(kept));
    } else {
      missing.insert(key);
    }
  }
  MESHFLOW_TRY(const Messages messages, read_dictionary("scopes", std::move(missing)));
  for (const auto& [key, message] : messages) {
    MESHFLOW_TRY(auto read, read_scope(message));
    const auto kept = std::make_shared<const otlp::ScopeSpans>(std::move(read));
    tables_.contexts().keep(key, kept, message.size());
    found.emplace(key, kept);
  }
  return found;
}

namespace {

// Spans as they were read, by trace, to be put together.
using SpansByTrace = std::map<U128, std::vector<SpanRow>>;

template <typename Resources, typename Scopes>
StoredTrace assemble(const otlp::TraceId& id, std::vector<SpanRow>& spans, const Resources& resources,
                     const Scopes& scopes) {
  StoredTrace trace;
  trace.trace_id = id;
  std::stable_sort(spans.begin(), spans.end(), [](const SpanRow& a, const SpanRow& b) {
    return std::pair(a.span.start_time_unix_nano, a.span.span_id) <
           std::pair(b.span.start_time_unix_nano, b.span.span_id);
  });
  std::unordered_map<std::uint64_t, std::size_t> resource_at;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> scope_at;
  for (SpanRow& row : spans) {
    const auto [resource, is_new_resource] = resource_at.try_emplace(row.resource, trace.data.resource_spans.size());
    if (is_new_resource) {
      const auto known = resources.find(row.resource);
      trace.data.resource_spans.push_back(known == resources.end() ? otlp::ResourceSpans{} : *known->second);
    }
    auto& scope_spans = trace.data.resource_spans[resource->second].scope_spans;
    const auto [scope, is_new_scope] = scope_at.try_emplace({row.resource, row.scope}, scope_spans.size());
    if (is_new_scope) {
      const auto known = scopes.find(row.scope);
      scope_spans.push_back(known == scopes.end() ? otlp::ScopeSpans{} : *known->second);
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

std::vector<std::string> Snapshot::Implementation::selects_of(const std::vector<U128>& traces,
                                                              const Wanted& wanted) const {
  std::map<std::size_t, std::vector<std::pair<TimeRange, U128>>> by_piece;
  for (const U128& trace : traces) {
    const auto known = places_.find(trace);
    if (known == places_.end()) continue;
    // Once in a piece: parts that overlap would give spans twice.
    std::map<std::size_t, std::optional<TimeRange>> ranges;
    for (const Place& place : known->second) widen(ranges[place.piece], place.range.from, place.range.to);
    for (const auto& [piece, range] : ranges) by_piece[piece].emplace_back(*range, trace);
  }
  std::vector<std::string> selects;
  for (auto& [piece, of_piece] : by_piece) {
    for (const Cluster& cluster : clusters_of(std::move(of_piece))) {
      selects.push_back(fmt::format("SELECT {} FROM {} WHERE start BETWEEN {}::UBIGINT AND {}::UBIGINT AND {}{}{}",
                                    wanted.columns, pieces_[piece].source, cluster.range.from, cluster.range.to,
                                    is_trace_in(cluster.traces), wanted.only.empty() ? "" : " AND ", wanted.only));
    }
  }
  return selects;
}

Result<void> Snapshot::Implementation::for_each_chunk_of(std::vector<U128> traces, const Wanted& wanted,
                                                         const QueryLimits& limits, const Connection::Take& take) {
  MESHFLOW_CHECK(find_places(traces));
  const std::vector<std::string> selects = selects_of(traces, wanted);
  bool goes_on = true;
  const auto take_some = [&](duckdb_data_chunk chunk) -> Result<bool> {
    MESHFLOW_TRY(goes_on, take(chunk));
    return goes_on;
  };
  for (std::size_t at = 0; at < selects.size() && goes_on; at += kSelectsAtOnce) {
    std::string sql;
    for (std::size_t i = at; i < std::min(at + kSelectsAtOnce, selects.size()); ++i) {
      sql += (i == at ? "" : " UNION ALL ") + selects[i];
    }
    MESHFLOW_CHECK(connection_->for_each_chunk(sql, {}, limits, take_some));
  }
  return {};
}

Result<void> Snapshot::Implementation::read_spans(std::span<const otlp::TraceId> trace_ids, std::string_view columns,
                                                  const QueryLimits& limits, const TakeBatch& take) {
  return for_each_chunk_of(numbers_of(trace_ids), {columns}, limits,
                           [&take](duckdb_data_chunk chunk) { return take(batch_of(chunk)); });
}

Result<std::vector<StoredTrace>> Snapshot::Implementation::traces(std::span<const otlp::TraceId> trace_ids,
                                                                  std::string_view only, const QueryLimits& limits) {
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
  MESHFLOW_CHECK(for_each_chunk_of(numbers_of(trace_ids), {select_list(), only}, limits, take));
  MESHFLOW_TRY(const auto resources, resources_of(resource_keys));
  MESHFLOW_TRY(const auto scopes, scopes_of(scope_keys));
  std::vector<StoredTrace> found;
  for (const otlp::TraceId& id : trace_ids) {
    const auto rows = spans.find(number_of(id));
    if (rows == spans.end()) continue;
    found.push_back(assemble(id, rows->second, resources, scopes));
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

Result<ContextCache::Resources> Snapshot::Implementation::resources_of_piece(std::size_t piece) {
  if (auto kept = tables_.contexts().resources_of(created_[piece], pieces_[piece].rows)) return kept;
  MESHFLOW_TRY(const Rows rows, query(fmt::format("SELECT key, value FROM resources_{}", ids_[piece]), {}, {}));
  std::vector<StoredResource> all;
  std::size_t bytes = 0;
  for (const auto& row : rows.rows) {
    const auto& message = std::get<std::string>(row[1]);
    MESHFLOW_TRY(auto read, read_resource(message));
    all.push_back({u64(row[0]), std::move(read.resource)});
    bytes += message.size();
  }
  auto resources = std::make_shared<const std::vector<StoredResource>>(std::move(all));
  tables_.contexts().keep_all_of(created_[piece], pieces_[piece].rows, resources, bytes);
  return resources;
}

Result<std::vector<StoredResource>> Snapshot::Implementation::resources(TimeRange range) {
  std::map<std::uint64_t, otlp::Resource> by_key;
  for (const auto& part : recent_->parts) {
    const std::unique_lock lock =
        part.chunk->is_sealed() ? std::unique_lock<std::mutex>() : std::unique_lock(part.chunk->mutex);
    for (const auto& [key, message] : part.chunk->resources()) {
      if (by_key.contains(key)) continue;
      MESHFLOW_TRY(auto read, read_resource(message));
      by_key.emplace(key, std::move(read.resource));
    }
  }
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (pieces_[i].start_max < range.from || pieces_[i].start_min > range.to) continue;
    MESHFLOW_TRY(const auto of_piece, resources_of_piece(i));
    for (const StoredResource& each : *of_piece) by_key.try_emplace(each.key, each.resource);
  }
  std::vector<StoredResource> found;
  found.reserve(by_key.size());
  for (auto& [key, resource] : by_key) found.push_back({key, std::move(resource)});
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
  return connection_->for_each_chunk(sql, parameters, limits,
                                     [&take](duckdb_data_chunk chunk) { return take(batch_of(chunk)); });
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
  return implementation_->traces(trace_ids, {}, limits);
}

Result<std::optional<StoredTrace>> Snapshot::span(const otlp::TraceId& trace_id, const otlp::SpanId& span_id,
                                                  const QueryLimits& limits) {
  const std::string only = fmt::format("span_id = {}::UBIGINT", number_of(span_id));
  MESHFLOW_TRY(auto found, implementation_->traces(std::span(&trace_id, 1), only, limits));
  return found.empty() ? std::optional<StoredTrace>() : std::optional(std::move(found.front()));
}

Result<void> Snapshot::read_spans(std::span<const otlp::TraceId> trace_ids, std::string_view columns,
                                  const QueryLimits& limits, const TakeBatch& take) {
  return implementation_->read_spans(trace_ids, columns, limits, take);
}

}  // namespace meshflow::store
