#include "store/tables.hpp"

#include <algorithm>
#include <charconv>
#include <deque>
#include <filesystem>
#include <future>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/try.hpp"
#include "store/cell.hpp"
#include "store/functions_register.hpp"
#include "store/operations.hpp"
#include "store/row_appender.hpp"

namespace meshflow::store {
namespace {

constexpr int kFormatVersion = 2;
constexpr std::size_t kIdleConnectionsMax = 8;
constexpr std::size_t kKnownKeysMax = 200'000;
// Free room that a checkpoint may take beside what is in the log: a group of rows is written anew before it is dropped.
constexpr std::uint64_t kCheckpointRoomBytes = std::uint64_t{32} << 20;
// Checkpoints are asked for, not left to a commit, during which nobody can take a snapshot.
constexpr const char* kNoAutomaticCheckpoint = "SET checkpoint_threshold = '1TB'";

std::uint64_t u64(const Value& value) {
  const auto* number = std::get_if<std::uint64_t>(&value);
  return number == nullptr ? 0 : *number;
}

std::string text(const Value& value) {
  const auto* found = std::get_if<std::string>(&value);
  return found == nullptr ? std::string() : *found;
}

std::string create_piece_sql(std::uint64_t id) {
  std::string columns;
  for (std::size_t i = 0; i < column_count(); ++i) {
    columns += fmt::format("{}{} {}", i == 0 ? "" : ", ", column_name(i), sql_type_of(column_type(i)));
  }
  return fmt::format(
      "CREATE TABLE spans_{0}({1});"
      "CREATE TABLE traces_{0}(trace_id UHUGEINT, first UBIGINT, last UBIGINT, run UBIGINT);"
      "CREATE TABLE resources_{0}(key UBIGINT, value BLOB);"
      "CREATE TABLE scopes_{0}(key UBIGINT, value BLOB);"
      "CREATE TABLE operations_{0}(service VARCHAR, name VARCHAR, kind INTEGER);",
      id, columns);
}

class KeyHash {
 public:
  std::size_t operator()(const std::pair<std::uint64_t, std::uint64_t>& id) const noexcept {
    return id.first ^ id.second * 0x9E3779B97F4A7C15;
  }
};

}  // namespace

Result<std::unique_ptr<Tables>> Tables::open(TablesOptions options, const Clock& clock, RecentViews& views) {
  std::unique_ptr<Tables> tables(new Tables(std::move(options), clock, views));
  MESHFLOW_CHECK(tables->open_engine());
  MESHFLOW_CHECK(tables->fill_filters());
  return tables;
}

Result<void> Tables::open_engine() {
  EngineOptions options;
  options.path = options_.path;
  options.memory_bytes_max = options_.memory_bytes_max;
  options.temporary_directory = options_.temporary_directory;
  MESHFLOW_TRY(engine_, Engine::open(options));
  MESHFLOW_TRY(writer_, engine_->connect());
  MESHFLOW_CHECK(prepare());
  return read_state();
}

template <typename T>
Result<T> Tables::noted(Result<T> result) {
  if (!result && is_fatal(result.error())) is_broken_.store(true, std::memory_order_relaxed);
  return result;
}

Result<void> Tables::recover() {
  const std::unique_lock lock(published_mutex_);
  {
    const std::lock_guard idle_lock(idle_mutex_);
    if (views_out_ > 0) return fail(ErrorCode::unavailable, "the store is opened anew once its queries have ended");
    idle_.clear();
  }
  writer_.reset();
  engine_.reset();
  forget_known();
  pieces_.clear();
  positions_ = {};
  MESHFLOW_CHECK(open_engine());
  is_broken_.store(false, std::memory_order_relaxed);
  {
    const std::unique_lock filters_lock(filters_mutex_);
    MESHFLOW_CHECK(fill_filters());
  }
  if (const auto pending = std::exchange(pending_, std::nullopt)) {
    if (!pieces_.empty() && pieces_.back() == pending->piece) pending->published(pending->batch);
  }
  return {};
}

// Creates what a new file lacks, and refuses what a later version has written.
Result<void> Tables::prepare() {
  MESHFLOW_CHECK(writer_->run(kNoAutomaticCheckpoint));
  MESHFLOW_CHECK(register_functions(*writer_));
  MESHFLOW_CHECK(register_sql_functions(*writer_));
  MESHFLOW_CHECK(register_recent(*writer_, views_));
  MESHFLOW_CHECK(
      writer_->run("BEGIN;"
                   "CREATE TABLE IF NOT EXISTS meta(key VARCHAR, value VARCHAR);"
                   "CREATE TABLE IF NOT EXISTS positions(source VARCHAR, file VARCHAR, passed UBIGINT);"
                   "CREATE TABLE IF NOT EXISTS pieces(id UBIGINT, created UBIGINT, arrived UBIGINT, start_min UBIGINT, "
                   "start_max UBIGINT, row_count UBIGINT);"));
  MESHFLOW_TRY(const Rows version, writer_->query("SELECT value FROM meta WHERE key = 'format_version'"));
  if (version.rows.empty()) {
    MESHFLOW_CHECK(writer_->run(
        fmt::format("INSERT INTO meta VALUES ('format_version', '{}'), ('seed', '{}')", kFormatVersion, random_u64())));
  } else if (const std::string found = text(version.rows[0][0]); found == "1") {
    if (auto migrated = migrate_from_1(); !migrated) {
      (void)writer_->run("ROLLBACK");
      return migrated;
    }
  } else if (found != fmt::format("{}", kFormatVersion)) {
    (void)writer_->run("ROLLBACK");
    return fail(ErrorCode::unsupported,
                fmt::format("{} has format version {}; this version of MeshFlow reads {}", options_.path, found,
                            kFormatVersion),
                "use the version of MeshFlow that wrote it, or name another data directory");
  }
  return writer_->run("COMMIT");
}

// Format 2 has the column `events`. What lies in the others stays as it is.
Result<void> Tables::migrate_from_1() {
  MESHFLOW_TRY(const Rows pieces, writer_->query("SELECT id FROM pieces"));
  for (const auto& row : pieces.rows) {
    MESHFLOW_CHECK(
        writer_->run(fmt::format("ALTER TABLE spans_{} ADD COLUMN {} {} DEFAULT {}", u64(row[0]),
                                 name_of(Column::events), sql_type_of(type_of(Column::events)), kEventsUnknown)));
  }
  return writer_->run(fmt::format("UPDATE meta SET value = '{}' WHERE key = 'format_version'", kFormatVersion));
}

Result<void> Tables::read_state() {
  MESHFLOW_TRY(const Rows seed, writer_->query("SELECT value FROM meta WHERE key = 'seed'"));
  if (seed.rows.size() != 1) return fail(ErrorCode::invalid_input, fmt::format("{} has no seed", options_.path));
  const std::string digits = text(seed.rows[0][0]);
  std::from_chars(digits.data(), digits.data() + digits.size(), seed_);
  MESHFLOW_TRY(const Rows pieces, writer_->query("SELECT id, created, arrived, start_min, start_max, row_count "
                                                 "FROM pieces ORDER BY id"));
  for (const auto& row : pieces.rows) {
    pieces_.push_back({u64(row[0]), u64(row[1]), u64(row[2]), u64(row[3]), u64(row[4]), u64(row[5])});
  }
  MESHFLOW_TRY(const Rows positions, writer_->query("SELECT source, file, passed FROM positions"));
  for (const auto& row : positions.rows) {
    auto& source = text(row[0]) == "log" ? positions_.log : positions_.spool;
    source.emplace(text(row[1]), u64(row[2]));
  }
  return {};
}

// What this process knows to be in the newest piece.
void Tables::forget_known() {
  known_.clear();
  known_operations_.clear();
}

// Of one piece, on a connection of its own.
Result<std::unique_ptr<SpanFilter>> Tables::filter_of(const PieceRecord& piece) {
  auto filter = std::make_unique<SpanFilter>(options_.piece_rows_max);
  const auto take = [&filter](duckdb_data_chunk chunk) -> Result<bool> {
    const ChunkReader reader(chunk);
    for (std::size_t row = 0; row < reader.rows(); ++row) {
      const auto& trace = reader.at<duckdb_uhugeint>(0, row);
      filter->insert(SpanFilter::hash_of({trace.upper, trace.lower, reader.at<std::uint64_t>(1, row)}));
    }
    return true;
  };
  MESHFLOW_TRY(const auto connection, engine_->connect());
  MESHFLOW_CHECK(connection->for_each_chunk(fmt::format("SELECT trace_id, span_id FROM spans_{}", piece.id), {},
                                            {.time_max = std::chrono::hours(1)}, take));
  return filter;
}

// Two pieces at a time: it is what a start of a large store takes longest for.
Result<void> Tables::fill_filters() {
  std::deque<std::future<Result<std::unique_ptr<SpanFilter>>>> filling;
  std::size_t next = 0;
  while (filters_.size() < pieces_.size()) {
    for (; next < pieces_.size() && filling.size() < 2; ++next) {
      filling.push_back(std::async(std::launch::async, [this, next] { return filter_of(pieces_[next]); }));
    }
    MESHFLOW_TRY(auto filter, filling.front().get());
    filling.pop_front();
    filters_.push_back(std::move(filter));
  }
  return {};
}

Result<bool> Tables::begins_piece(std::uint64_t rows, std::uint64_t now) {
  if (pieces_.empty()) return true;
  const PieceRecord& newest = pieces_.back();
  if (newest.rows + rows > options_.piece_rows_max) return true;
  if (now - std::min(now, newest.created) > options_.piece_nanos_max) return true;
  if (options_.piece_bytes_max == UINT64_MAX) return false;
  MESHFLOW_TRY(const std::uint64_t used, used_bytes());
  return used / pieces_.size() > options_.piece_bytes_max;
}

Result<std::uint64_t> Tables::used_bytes() {
  MESHFLOW_TRY(const Rows size, writer_->query("SELECT (used_blocks * block_size)::UBIGINT FROM pragma_database_size() "
                                               "WHERE database_name = current_database()"));
  if (size.rows.size() != 1) return fail(ErrorCode::internal, "DuckDB does not tell its size");
  std::error_code error;
  const auto log = std::filesystem::file_size(options_.path + ".wal", error);
  return u64(size.rows[0][0]) + (error ? 0 : log);
}

Result<void> Tables::append(const RecentSpans::Batch& batch, const Published& published) {
  const auto now = static_cast<std::uint64_t>(clock_.wall_nanos());
  MESHFLOW_TRY(const bool is_new, noted(begins_piece(batch.rows, now)));
  PieceRecord piece = is_new ? PieceRecord{} : pieces_.back();
  if (is_new) piece = {.id = pieces_.empty() ? 1 : pieces_.back().id + 1, .created = now};
  piece.arrived = now;
  piece.rows += batch.rows;
  for (const auto& chunk : batch.chunks) {
    if (chunk->rows() == 0) continue;
    piece.start_min = std::min(piece.start_min, chunk->start_min());
    piece.start_max = std::max(piece.start_max, chunk->start_max());
  }
  if (is_new) forget_known();
  MESHFLOW_CHECK(noted(writer_->run("BEGIN")));
  auto written = noted(write(batch, piece, is_new));
  if (!written) {
    (void)writer_->run("ROLLBACK");
    forget_known();
    return written;
  }
  {
    // Before the rows leave the recent spans: a repeated span must be found here or there.
    const std::unique_lock lock(filters_mutex_);
    if (is_new) filters_.push_back(std::make_unique<SpanFilter>(options_.piece_rows_max));
    for (const auto& chunk : batch.chunks) {
      const auto* traces = chunk->values<duckdb_uhugeint>(Column::trace_id);
      const auto* spans = chunk->values<std::uint64_t>(Column::span_id);
      for (std::size_t row = 0; row < chunk->rows(); ++row) {
        filters_.back()->insert(SpanFilter::hash_of({traces[row].upper, traces[row].lower, spans[row]}));
      }
    }
  }
  return commit(batch, piece, is_new, published);
}

Result<void> Tables::commit(const RecentSpans::Batch& batch, const PieceRecord& piece, bool is_new,
                            const Published& published) {
  const std::unique_lock lock(published_mutex_);
  if (auto committed = noted(writer_->run("COMMIT")); !committed) {
    (void)writer_->run("ROLLBACK");
    forget_known();
    if (is_broken()) pending_ = Pending{piece, batch, published};
    if (is_new) {
      const std::unique_lock filters_lock(filters_mutex_);
      filters_.pop_back();
    }
    return committed;
  }
  if (is_new) {
    pieces_.push_back(piece);
  } else {
    pieces_.back() = piece;
  }
  if (batch.positions) positions_ = *batch.positions;
  published(batch);
  return {};
}

Result<void> Tables::write(const RecentSpans::Batch& batch, PieceRecord& piece, bool is_new) {
  if (is_new) MESHFLOW_CHECK(writer_->run(create_piece_sql(piece.id)));
  MESHFLOW_CHECK(write_spans(batch, piece.id));
  MESHFLOW_CHECK(write_traces(batch, piece.id));
  MESHFLOW_CHECK(write_dictionaries(batch, piece.id));
  MESHFLOW_CHECK(write_operations(batch, piece.id));
  MESHFLOW_CHECK(
      writer_->run(fmt::format("DELETE FROM pieces WHERE id = {0};"
                               "INSERT INTO pieces VALUES ({0}, {1}, {2}, {3}, {4}, {5})",
                               piece.id, piece.created, piece.arrived, piece.start_min, piece.start_max, piece.rows)));
  if (batch.positions) MESHFLOW_CHECK(write_positions(*batch.positions));
  return {};
}

// From the chunks as they lie: DuckDB's appender would copy them first.
Result<void> Tables::write_spans(const RecentSpans::Batch& batch, std::uint64_t piece) {
  auto view = std::make_shared<RecentView>();
  for (const auto& chunk : batch.chunks) {
    if (chunk->rows() > 0) view->parts.push_back({chunk, chunk->rows()});
    view->rows += chunk->rows();
  }
  const std::uint64_t id = views_.add(std::move(view));
  auto inserted = writer_->run(fmt::format("INSERT INTO spans_{} BY NAME SELECT * FROM recent({})", piece, id));
  views_.remove(id);
  return inserted;
}

// The index of traces: a row for each trace of the batch.
Result<void> Tables::write_traces(const RecentSpans::Batch& batch, std::uint64_t piece) {
  struct Entry {
    std::uint64_t first = UINT64_MAX;
    std::uint64_t last = 0;
    std::uint64_t run = 0;
  };
  static const std::size_t run_column = kFieldColumns + *find_attribute_column("meshflow.run_id");
  std::unordered_map<std::pair<std::uint64_t, std::uint64_t>, Entry, KeyHash> entries;
  // A trace in which several runs left spans has a row for each but the first.
  std::vector<std::pair<std::pair<std::uint64_t, std::uint64_t>, Entry>> more;
  for (const auto& chunk : batch.chunks) {
    const auto* traces = chunk->values<duckdb_uhugeint>(Column::trace_id);
    const auto* starts = chunk->values<std::uint64_t>(Column::start);
    std::string_view last_run_id;
    std::uint64_t last_run = 0;
    for (std::size_t row = 0; row < chunk->rows(); ++row) {
      Entry& entry = entries[{traces[row].upper, traces[row].lower}];
      entry.first = std::min(entry.first, starts[row]);
      entry.last = std::max(entry.last, starts[row]);
      const std::string_view run_id = chunk->text(run_column, row);
      if (run_id.empty()) continue;
      if (run_id != last_run_id) {
        last_run_id = run_id;
        last_run = SpanDecoder::run_key(run_id);
      }
      if (entry.run == 0) entry.run = last_run;
      if (entry.run == last_run) continue;
      const auto id = std::pair(traces[row].upper, traces[row].lower);
      if (!more.empty() && more.back().first == id && more.back().second.run == last_run) {
        more.back().second.first = std::min(more.back().second.first, starts[row]);
        more.back().second.last = std::max(more.back().second.last, starts[row]);
      } else {
        more.push_back({id, {starts[row], starts[row], last_run}});
      }
    }
  }
  MESHFLOW_TRY(auto appender, RowAppender::open(*writer_, fmt::format("traces_{}", piece)));
  const auto append = [&appender](const auto& id, const Entry& entry) {
    return appender.row(duckdb_uhugeint{id.second, id.first}, entry.first, entry.last, entry.run);
  };
  for (const auto& [id, entry] : entries) MESHFLOW_CHECK(append(id, entry));
  for (const auto& [id, entry] : more) MESHFLOW_CHECK(append(id, entry));
  return appender.close();
}

Result<void> Tables::write_dictionaries(const RecentSpans::Batch& batch, std::uint64_t piece) {
  const auto write_all = [&](const char* table, auto entries_of) -> Result<void> {
    MESHFLOW_TRY(auto appender, RowAppender::open(*writer_, fmt::format("{}_{}", table, piece)));
    for (const auto& chunk : batch.chunks) {
      for (const auto& [key, message] : entries_of(*chunk)) {
        if (!known_.insert(key).second) continue;
        MESHFLOW_CHECK(appender.row(key, RowAppender::Blob{message}));
      }
    }
    return appender.close();
  };
  if (known_.size() > kKnownKeysMax) forget_known();
  MESHFLOW_CHECK(write_all("resources", [](const SpanChunk& chunk) -> const auto& { return chunk.resources(); }));
  return write_all("scopes", [](const SpanChunk& chunk) -> const auto& { return chunk.scopes(); });
}

// What the piece's spans do, so that a start need not look at each of them.
Result<void> Tables::write_operations(const RecentSpans::Batch& batch, std::uint64_t piece) {
  MESHFLOW_TRY(auto appender, RowAppender::open(*writer_, fmt::format("operations_{}", piece)));
  for (const auto& chunk : batch.chunks) {
    const auto* kinds = chunk->values<std::int32_t>(Column::kind);
    for (std::size_t row = 0; row < chunk->rows(); ++row) {
      const std::string_view service = chunk->text(static_cast<std::size_t>(Column::service), row);
      if (known_operations_.size() >= Operations::kOperationsMax) continue;
      const std::string_view name = chunk->text(static_cast<std::size_t>(Column::name), row);
      if (!known_operations_.insert(Operations::hash_of(service, name, kinds[row])).second) continue;
      MESHFLOW_CHECK(appender.row(utf8_prefix(service, Operations::kNameBytesMax),
                                  utf8_prefix(name, Operations::kNameBytesMax), kinds[row]));
    }
  }
  return appender.close();
}

Result<void> Tables::write_positions(const SourcePositions& positions) {
  MESHFLOW_CHECK(writer_->run("DELETE FROM positions"));
  MESHFLOW_TRY(auto appender, RowAppender::open(*writer_, "positions"));
  for (const auto& [file, passed] : positions.log) {
    MESHFLOW_CHECK(appender.row(std::string_view("log"), std::string_view(file), passed));
  }
  for (const auto& [file, passed] : positions.spool) {
    MESHFLOW_CHECK(appender.row(std::string_view("spool"), std::string_view(file), passed));
  }
  return appender.close();
}

Result<PieceRecord> Tables::drop_oldest() {
  if (pieces_.empty()) return fail(ErrorCode::not_found, "the store is empty");
  const PieceRecord oldest = pieces_.front();
  MESHFLOW_CHECK(writer_->run(
      fmt::format("BEGIN;"
                  "DROP TABLE spans_{0}; DROP TABLE traces_{0}; DROP TABLE resources_{0};"
                  "DROP TABLE scopes_{0}; DROP TABLE IF EXISTS operations_{0}; DELETE FROM pieces WHERE id = {0};",
                  oldest.id)));
  {
    const std::unique_lock lock(published_mutex_);
    if (auto committed = noted(writer_->run("COMMIT")); !committed) {
      (void)writer_->run("ROLLBACK");
      return tl::unexpected(std::move(committed).error());
    }
    pieces_.erase(pieces_.begin());
    const std::unique_lock filters_lock(filters_mutex_);
    filters_.erase(filters_.begin());
  }
  if (pieces_.empty()) forget_known();
  const std::lock_guard rest_keys_lock(rest_keys_mutex_);
  rest_keys_.erase(oldest.id);
  return oldest;
}

Result<void> Tables::checkpoint() {
  // DuckDB gives a database up for good when its checkpoint meets a full disk, so none begins without room.
  std::error_code no_log;
  const auto log = std::filesystem::file_size(options_.path + ".wal", no_log);
  const std::uint64_t needed = (no_log ? 0 : log) + kCheckpointRoomBytes;
  std::error_code unknown;
  const auto space = std::filesystem::space(std::filesystem::path(options_.path).parent_path(), unknown);
  if (!unknown && space.available < needed) {
    return fail(ErrorCode::unavailable,
                fmt::format("the disk of {} has {} bytes left; DuckDB's log can't be written into it", options_.path,
                            space.available));
  }
  return noted(writer_->run("CHECKPOINT"));
}

SourcePositions Tables::positions() const {
  const std::shared_lock lock(published_mutex_);
  return positions_;
}

std::vector<PieceRecord> Tables::pieces() const {
  const std::shared_lock lock(published_mutex_);
  return pieces_;
}

Result<std::vector<otlp::SpanKey>> Tables::find(const std::vector<otlp::SpanKey>& keys) {
  std::vector<Value> spans;
  std::vector<Value> traces;
  {
    const std::shared_lock lock(filters_mutex_);
    for (const auto& key : keys) {
      if (key.span == 0) continue;
      const std::uint64_t hash = SpanFilter::hash_of(key);
      const bool may_be_here = std::any_of(filters_.begin(), filters_.end(),
                                           [hash](const auto& filter) { return filter->may_contain(hash); });
      if (!may_be_here) continue;
      spans.emplace_back(key.span);
      if (const U128 trace{key.trace_high, key.trace_low}; traces.empty() || std::get<U128>(traces.back()) != trace) {
        traces.emplace_back(trace);
      }
    }
  }
  std::vector<otlp::SpanKey> found;
  if (spans.empty()) return found;
  const auto marks = [](std::size_t count) {
    std::string text = "?";
    for (std::size_t i = 1; i < count; ++i) text += ", ?";
    return text;
  };
  MESHFLOW_TRY(View now, view([] {}));
  const auto look = [&]() -> Result<void> {
    for (const PieceRecord& piece : now.pieces) {
      MESHFLOW_TRY(
          const Rows range,
          now.connection->query(fmt::format("SELECT min(first), max(last) FROM traces_{} WHERE trace_id IN ({})",
                                            piece.id, marks(traces.size())),
                                traces));
      if (range.rows.empty() || std::holds_alternative<std::monostate>(range.rows[0][0])) continue;
      std::vector<Value> parameters{range.rows[0][0], range.rows[0][1]};
      parameters.insert(parameters.end(), spans.begin(), spans.end());
      MESHFLOW_TRY(
          const Rows rows,
          now.connection->query(fmt::format("SELECT trace_id, span_id FROM spans_{} WHERE start BETWEEN ? AND ? "
                                            "AND span_id IN ({})",
                                            piece.id, marks(spans.size())),
                                parameters));
      for (const auto& row : rows.rows) {
        const auto& trace = std::get<U128>(row[0]);
        found.push_back({trace.high, trace.low, std::get<std::uint64_t>(row[1])});
      }
    }
    return {};
  };
  auto looked = look();
  give_back(std::move(now.connection));
  if (!looked) return tl::unexpected(std::move(looked).error());
  return found;
}

Result<std::vector<Operation>> Tables::operations(std::size_t rows_max) {
  MESHFLOW_TRY(View now, view([] {}));
  std::string sources;
  for (const PieceRecord& piece : now.pieces) {
    sources +=
        fmt::format("{}SELECT service, name, kind FROM operations_{}", sources.empty() ? "" : " UNION ALL ", piece.id);
  }
  std::vector<Operation> found;
  Result<Rows> rows = Rows{};
  if (!sources.empty()) {
    rows = now.connection->query(fmt::format("SELECT DISTINCT * FROM ({}) LIMIT {}", sources, rows_max), {},
                                 {.time_max = std::chrono::minutes(10)});
  }
  give_back(std::move(now.connection));
  if (!rows) return tl::unexpected(std::move(rows).error());
  for (const auto& row : rows->rows) {
    found.push_back({text(row[0]), text(row[1]), static_cast<std::int32_t>(std::get<std::int64_t>(row[2]))});
  }
  return found;
}

Result<Tables::View> Tables::view(const std::function<void()>& look) {
  const std::shared_lock lock(published_mutex_);
  if (is_broken() || engine_ == nullptr) return fail(ErrorCode::unavailable, "the store is being opened anew");
  View view;
  {
    const std::lock_guard idle_lock(idle_mutex_);
    if (!idle_.empty()) {
      view.connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (view.connection == nullptr) {
    MESHFLOW_TRY(view.connection, engine_->connect());
  }
  // A transaction begins with its first look at the database.
  MESHFLOW_CHECK(noted(view.connection->run("BEGIN; SELECT 1 FROM meta LIMIT 0")));
  view.pieces = pieces_;
  look();
  const std::lock_guard idle_lock(idle_mutex_);
  ++views_out_;
  return view;
}

Tables::RestKeys Tables::rest_keys(std::uint64_t piece) const {
  const std::lock_guard lock(rest_keys_mutex_);
  const auto known = rest_keys_.find(piece);
  return known == rest_keys_.end() ? RestKeys{} : known->second;
}

// Two queries may have looked at once: more rows know more.
void Tables::keep_rest_keys(std::uint64_t piece, const RestKeys& keys) {
  const std::lock_guard lock(rest_keys_mutex_);
  RestKeys& known = rest_keys_[piece];
  if (keys.rows > known.rows) known = keys;
}

void Tables::give_back(std::unique_ptr<Connection> connection) {
  if (connection == nullptr) return;
  const bool is_usable = noted(connection->run("ROLLBACK")).has_value() && !is_broken();
  if (!is_usable) connection.reset();
  const std::lock_guard lock(idle_mutex_);
  --views_out_;
  if (is_usable && idle_.size() < kIdleConnectionsMax) idle_.push_back(std::move(connection));
}

}  // namespace meshflow::store
