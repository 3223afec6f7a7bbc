#include "store/engine.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/try.hpp"
#include "store/cell.hpp"
#include "store/cell_text.hpp"
#include "store/inline_values.hpp"
#include "store/query_watch.hpp"

namespace meshflow::store {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

class Statement {
 public:
  explicit Statement(duckdb_prepared_statement raw) noexcept : raw_(raw) {}
  ~Statement() { duckdb_destroy_prepare(&raw_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  [[nodiscard]] duckdb_prepared_statement raw() const noexcept { return raw_; }

 private:
  duckdb_prepared_statement raw_;
};

class QueryResult {
 public:
  QueryResult() = default;
  ~QueryResult() { duckdb_destroy_result(&raw_); }
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  [[nodiscard]] duckdb_result& raw() noexcept { return raw_; }
  [[nodiscard]] Error error() {
    const char* message = duckdb_result_error(&raw_);
    return engine_error(message == nullptr ? "DuckDB gave no reason" : message, duckdb_result_error_type(&raw_));
  }

 private:
  duckdb_result raw_{};
};

duckdb_state bind(duckdb_prepared_statement statement, idx_t index, const Value& value) {
  struct Binder {
    duckdb_prepared_statement statement;
    idx_t index;
    duckdb_state operator()(std::monostate) const { return duckdb_bind_null(statement, index); }
    duckdb_state operator()(bool flag) const { return duckdb_bind_boolean(statement, index, flag); }
    duckdb_state operator()(std::int64_t number) const { return duckdb_bind_int64(statement, index, number); }
    duckdb_state operator()(std::uint64_t number) const { return duckdb_bind_uint64(statement, index, number); }
    duckdb_state operator()(double number) const { return duckdb_bind_double(statement, index, number); }
    duckdb_state operator()(const U128& number) const {
      return duckdb_bind_uhugeint(statement, index, duckdb_uhugeint{number.low, number.high});
    }
    duckdb_state operator()(const std::string& text) const {
      return duckdb_bind_varchar_length(statement, index, text.data(), text.size());
    }
  };
  return std::visit(Binder{statement, index}, value);
}

}  // namespace

Error engine_error(std::string_view message, duckdb_error_type type) {
  ErrorCode code = ErrorCode::io;
  if (contains(message, "No space left") || contains(message, "Disk quota exceeded")) {
    code = ErrorCode::unavailable;
  } else if (type == DUCKDB_ERROR_INTERRUPT || contains(message, "INTERRUPT")) {
    code = ErrorCode::cancelled;
  } else if (type == DUCKDB_ERROR_OUT_OF_MEMORY || contains(message, "Out of Memory") ||
             contains(message, "failed to pin block") || contains(message, "could not allocate block")) {
    code = ErrorCode::limit_exceeded;
  } else if (contains(message, "Could not set lock") || contains(message, "Conflicting lock")) {
    code = ErrorCode::conflict;
  } else if (type == DUCKDB_ERROR_PARSER || type == DUCKDB_ERROR_BINDER || type == DUCKDB_ERROR_CATALOG ||
             type == DUCKDB_ERROR_CONVERSION || type == DUCKDB_ERROR_INVALID_INPUT || type == DUCKDB_ERROR_SYNTAX ||
             type == DUCKDB_ERROR_OUT_OF_RANGE || type == DUCKDB_ERROR_MISMATCH_TYPE ||
             type == DUCKDB_ERROR_INVALID_TYPE || type == DUCKDB_ERROR_NOT_IMPLEMENTED) {
    code = ErrorCode::invalid_input;
  } else if (type == DUCKDB_ERROR_INTERNAL) {
    code = ErrorCode::internal;
  }
  return {.code = code, .message = std::string(message)};
}

bool is_fatal(const Error& error) noexcept {
  return contains(error.message, "database has been invalidated") || error.message.starts_with("FATAL");
}

Connection::~Connection() { duckdb_disconnect(&raw_); }

Result<void> Connection::run(const std::string& sql) {
  QueryResult result;
  if (duckdb_query(raw_, sql.c_str(), &result.raw()) != DuckDBSuccess) return tl::unexpected(result.error());
  return {};
}

Result<void> Connection::for_each_chunk(std::string_view sql, std::span<const Value> parameters,
                                        const QueryLimits& limits, const Take& take) {
  return execute(sql, parameters, limits, [](duckdb_result&) {}, take);
}

Result<void> Connection::execute(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits,
                                 const std::function<void(duckdb_result&)>& start, const Take& take,
                                 const Inspect& inspect) {
  const std::optional<std::string> inlined = parameters.empty() ? std::nullopt : inline_values(sql, parameters);
  if (inlined) parameters = {};
  duckdb_prepared_statement raw = nullptr;
  const duckdb_state prepared = duckdb_prepare(raw_, inlined ? inlined->c_str() : std::string(sql).c_str(), &raw);
  const Statement statement(raw);
  if (prepared != DuckDBSuccess) {
    const char* message = duckdb_prepare_error(statement.raw());
    return tl::unexpected(
        engine_error(message == nullptr ? "DuckDB gave no reason" : message, DUCKDB_ERROR_INVALID_INPUT));
  }
  if (inspect) MESHFLOW_CHECK(inspect(statement.raw()));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (bind(statement.raw(), i + 1, parameters[i]) != DuckDBSuccess) {
      return fail(ErrorCode::invalid_input, fmt::format("parameter {} does not fit the statement", i + 1));
    }
  }
  const QueryWatch::Guard watch(watch_, *this, limits);
  const auto failed = [&watch, &limits](Error error) -> tl::unexpected<Error> {
    if (const auto reason = watch.reason()) {
      error.code = *reason;
      error.message = *reason == ErrorCode::timeout
                          ? fmt::format("the query took longer than {} ms (limit time_max)", limits.time_max.count())
                          : "the query was cancelled";
    }
    return tl::unexpected<Error>(std::move(error));
  };
  QueryResult result;
  if (duckdb_execute_prepared_streaming(statement.raw(), &result.raw()) != DuckDBSuccess) {
    return failed(result.error());
  }
  start(result.raw());
  for (;;) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result.raw());
    if (chunk == nullptr) {
      const char* message = duckdb_result_error(&result.raw());
      if (message != nullptr && *message != '\0') return failed(result.error());
      return {};
    }
    auto taken = take(chunk);
    duckdb_destroy_data_chunk(&chunk);
    if (!taken) return tl::unexpected(std::move(taken).error());
    if (!*taken) return {};
  }
}

Result<Rows> Connection::query(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits) {
  Rows rows;
  std::size_t bytes = 0;
  const auto take = [&](duckdb_data_chunk chunk) -> Result<bool> {
    const ChunkReader reader(chunk);
    for (std::size_t row = 0; row < reader.rows(); ++row) {
      if (rows.rows.size() >= limits.rows_max) {
        rows.is_cut = true;
        return false;
      }
      auto& values = rows.rows.emplace_back();
      values.reserve(reader.columns());
      for (std::size_t column = 0; column < reader.columns(); ++column) {
        values.push_back(reader.value(column, row));
        bytes += sizeof(Value);
        if (const auto* text = std::get_if<std::string>(&values.back())) bytes += text->size();
      }
    }
    if (bytes > limits.bytes_max) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("the result is larger than {} bytes (limit bytes_max)", limits.bytes_max));
    }
    return true;
  };
  const auto start = [&rows](duckdb_result& result) {
    for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
      rows.columns.emplace_back(duckdb_column_name(&result, i));
    }
  };
  MESHFLOW_CHECK(execute(sql, parameters, limits, start, take));
  return rows;
}

Result<TextRows> Connection::select(std::string_view sql, const QueryLimits& limits) {
  TextRows rows;
  std::size_t bytes = 0;
  const auto inspect = [](duckdb_prepared_statement statement) -> Result<void> {
    if (duckdb_prepared_statement_type(statement) != DUCKDB_STATEMENT_TYPE_SELECT || duckdb_nparams(statement) != 0) {
      return fail(ErrorCode::invalid_input, "only a SELECT without parameters is allowed here");
    }
    return {};
  };
  const auto start = [&rows](duckdb_result& result) {
    for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
      const LogicalType type(duckdb_column_logical_type(&result, i));
      rows.columns.push_back({duckdb_column_name(&result, i), type_text(type.raw()), is_number_type(type.raw())});
    }
  };
  const auto take = [&](duckdb_data_chunk chunk) -> Result<bool> {
    const std::size_t count = duckdb_data_chunk_get_size(chunk);
    const std::size_t columns = duckdb_data_chunk_get_column_count(chunk);
    const std::size_t first = rows.rows.size();
    rows.is_cut = count > limits.rows_max - first;
    const std::size_t kept = std::min(count, limits.rows_max - first);
    for (std::size_t row = 0; row < kept; ++row) rows.rows.emplace_back(columns);
    for (std::size_t column = 0; column < columns; ++column) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
      const LogicalType type(duckdb_vector_get_column_type(vector));
      for (std::size_t row = 0; row < kept; ++row) {
        TextValue& value = rows.rows[first + row][column];
        value = text_value(vector, type.raw(), row, limits.bytes_max);
        bytes += sizeof value + value.text.size();
        if (bytes > limits.bytes_max) {
          return fail(ErrorCode::limit_exceeded,
                      fmt::format("the result is larger than {} bytes (limit result_bytes_max)", limits.bytes_max));
        }
      }
    }
    return !rows.is_cut;
  };
  MESHFLOW_CHECK(execute(sql, {}, limits, start, take, inspect));
  return rows;
}

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) != DuckDBSuccess) return fail(ErrorCode::internal, "DuckDB has no configuration");
  const auto set = [config](const char* name, const std::string& value) {
    duckdb_set_config(config, name, value.c_str());
  };
  set("threads", fmt::format("{}", options.threads));
  set("memory_limit", fmt::format("{}B", options.memory_bytes_max));
  // Without it what was freed stays with the process, half as much again as is in use.
  set("allocator_background_threads", "true");
  if (!options.temporary_directory.empty()) set("temp_directory", options.temporary_directory);
  set("autoinstall_known_extensions", "false");
  set("autoload_known_extensions", "false");
  set("preserve_insertion_order", "true");
  // DuckDB would write what versions from years ago can read: larger, and three times slower to ask (decision 0005).
  set("storage_compatibility_version", "latest");
  duckdb_database raw = nullptr;
  char* message = nullptr;
  const duckdb_state opened = duckdb_open_ext(options.path.c_str(), &raw, config, &message);
  duckdb_destroy_config(&config);
  if (opened != DuckDBSuccess) {
    const Error error = engine_error(message == nullptr ? "DuckDB gave no reason" : message);
    duckdb_free(message);
    return tl::unexpected(error);
  }
  std::unique_ptr<Engine> engine(new Engine(raw));
  MESHFLOW_CHECK(engine->shut_out_files(options.temporary_directory));
  return engine;
}

// What the queries of others are checked for, DuckDB holds too: once set, it can't be undone while the database is
// open.
Result<void> Engine::shut_out_files(const std::string& temporary_directory) {
  MESHFLOW_TRY(const auto connection, connect());
  if (!temporary_directory.empty()) {
    std::string quoted;
    for (const char c : temporary_directory) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    MESHFLOW_CHECK(connection->run(fmt::format("SET allowed_directories = ['{}']", quoted)));
  }
  return connection->run("SET enable_external_access = false");
}

Engine::Engine(duckdb_database raw) : raw_(raw), watch_(std::make_unique<QueryWatch>()) {}

Engine::~Engine() { duckdb_close(&raw_); }

Result<std::unique_ptr<Connection>> Engine::connect() {
  duckdb_connection raw = nullptr;
  if (duckdb_connect(raw_, &raw) != DuckDBSuccess) return fail(ErrorCode::io, "DuckDB gave no connection");
  return std::make_unique<Connection>(raw, *watch_);
}

}  // namespace meshflow::store
