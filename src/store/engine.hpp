// DuckDB through its C interface, as values and resources with errors. Private to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <duckdb.h>

#include "meshflow/base/error.hpp"
#include "store/snapshot.hpp"
#include "store/text_rows.hpp"
#include "store/value.hpp"

namespace meshflow::store {

struct EngineOptions {
  std::string path = {};  // of the database file; ":memory:" for none
  std::uint64_t memory_bytes_max = std::uint64_t{256} << 20;
  int threads = 2;
  // For what does not fit memory; beside the database itself the only place where statements reach files.
  std::string temporary_directory = {};
};

class QueryWatch;

// One connection: one thread at a time, but `interrupt`, which any thread may call while another is in here. `watch`
// must outlive it.
class Connection {
 public:
  Connection(duckdb_connection raw, QueryWatch& watch) noexcept : raw_(raw), watch_(watch) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Statements without a result that matters.
  [[nodiscard]] Result<void> run(const std::string& sql);
  // One statement, its `?` filled in order, its result as values.
  [[nodiscard]] Result<Rows> query(std::string_view sql, std::span<const Value> parameters = {},
                                   const QueryLimits& limits = {});
  // One SELECT that others wrote, whatever its columns' types. Anything but a SELECT, and parameters: invalid_input.
  [[nodiscard]] Result<TextRows> select(std::string_view sql, const QueryLimits& limits);
  // The same, chunk by chunk as they come; a false from `take` ends it.
  using Take = std::function<Result<bool>(duckdb_data_chunk)>;
  [[nodiscard]] Result<void> for_each_chunk(std::string_view sql, std::span<const Value> parameters,
                                            const QueryLimits& limits, const Take& take);
  void interrupt() noexcept { duckdb_interrupt(raw_); }

  [[nodiscard]] duckdb_connection raw() const noexcept { return raw_; }

 private:
  using Inspect = std::function<Result<void>(duckdb_prepared_statement)>;
  // `start` sees the result before its first chunk, `inspect` the statement before it runs.
  [[nodiscard]] Result<void> execute(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits,
                                     const std::function<void(duckdb_result&)>& start, const Take& take,
                                     const Inspect& inspect = {});
  duckdb_connection raw_;
  QueryWatch& watch_;
};

// The database. Thread-safe; must outlive its connections.
class Engine {
 public:
  // Errors: conflict where another process has the file open.
  [[nodiscard]] static Result<std::unique_ptr<Engine>> open(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] Result<std::unique_ptr<Connection>> connect();
  [[nodiscard]] duckdb_database raw() const noexcept { return raw_; }

 private:
  explicit Engine(duckdb_database raw);
  [[nodiscard]] Result<void> shut_out_files(const std::string& temporary_directory);
  duckdb_database raw_;
  std::unique_ptr<QueryWatch> watch_;
};

// DuckDB's message as an Error: disk full is unavailable, an interrupt is cancelled, memory is limit_exceeded, what the
// statement got wrong is invalid_input.
[[nodiscard]] Error engine_error(std::string_view message, duckdb_error_type type = DUCKDB_ERROR_INVALID);

// DuckDB has given the database up: nothing works until it is opened anew.
[[nodiscard]] bool is_fatal(const Error& error) noexcept;

// An owned logical type.
class LogicalType {
 public:
  explicit LogicalType(duckdb_type type) noexcept : raw_(duckdb_create_logical_type(type)) {}
  explicit LogicalType(duckdb_logical_type raw) noexcept : raw_(raw) {}
  ~LogicalType() { duckdb_destroy_logical_type(&raw_); }
  LogicalType(const LogicalType&) = delete;
  LogicalType& operator=(const LogicalType&) = delete;
  [[nodiscard]] duckdb_logical_type raw() const noexcept { return raw_; }

 private:
  duckdb_logical_type raw_;
};

[[nodiscard]] inline std::string_view view_of(const duckdb_string_t& text) noexcept {
  auto* mutable_text = const_cast<duckdb_string_t*>(&text);  // the interface is not const-correct
  return {duckdb_string_t_data(mutable_text), duckdb_string_t_length(text)};
}

}  // namespace meshflow::store
