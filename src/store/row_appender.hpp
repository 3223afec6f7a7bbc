// Appending to a table of DuckDB, inside a transaction. Private to the room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <duckdb.h>

#include "meshflow/base/error.hpp"
#include "store/engine.hpp"

namespace meshflow::store {

// One thread. Rows are there once close() succeeded.
class RowAppender {
 public:
  [[nodiscard]] static Result<RowAppender> open(Connection& connection, const std::string& table) {
    duckdb_appender raw = nullptr;
    const duckdb_state created = duckdb_appender_create(connection.raw(), nullptr, table.c_str(), &raw);
    RowAppender appender(raw);
    if (created != DuckDBSuccess) return tl::unexpected(appender.error());
    return appender;
  }
  ~RowAppender() {
    if (raw_ != nullptr) duckdb_appender_destroy(&raw_);
  }
  RowAppender(RowAppender&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  RowAppender& operator=(RowAppender&&) = delete;
  RowAppender(const RowAppender&) = delete;
  RowAppender& operator=(const RowAppender&) = delete;

  [[nodiscard]] Result<void> append(duckdb_data_chunk chunk) { return check(duckdb_append_data_chunk(raw_, chunk)); }

  // Bytes, told apart from text.
  struct Blob {
    std::string_view bytes;
  };
  // A row: std::uint64_t, std::int32_t, duckdb_uhugeint, std::string_view or Blob for each column.
  template <typename... Values>
  [[nodiscard]] Result<void> row(const Values&... values) {
    const bool appended = ((put(values) == DuckDBSuccess) && ...) && duckdb_appender_end_row(raw_) == DuckDBSuccess;
    return check(appended ? DuckDBSuccess : DuckDBError);
  }

  [[nodiscard]] Result<void> close() {
    if (duckdb_appender_close(raw_) != DuckDBSuccess) return tl::unexpected(error());
    return {};
  }

 private:
  explicit RowAppender(duckdb_appender raw) noexcept : raw_(raw) {}

  duckdb_state put(std::uint64_t value) { return duckdb_append_uint64(raw_, value); }
  duckdb_state put(std::int32_t value) { return duckdb_append_int32(raw_, value); }
  duckdb_state put(duckdb_uhugeint value) { return duckdb_append_uhugeint(raw_, value); }
  duckdb_state put(std::string_view text) { return duckdb_append_varchar_length(raw_, text.data(), text.size()); }
  duckdb_state put(Blob blob) { return duckdb_append_blob(raw_, blob.bytes.data(), blob.bytes.size()); }

  [[nodiscard]] Result<void> check(duckdb_state state) {
    if (state != DuckDBSuccess) return tl::unexpected(error());
    return {};
  }
  [[nodiscard]] Error error() {
    const char* message = raw_ == nullptr ? nullptr : duckdb_appender_error(raw_);
    return engine_error(message == nullptr ? "DuckDB gave no reason" : message);
  }

  duckdb_appender raw_;
};

}  // namespace meshflow::store
