// Rows of spans in DuckDB's own memory layout: what is decoded into, queried while it is recent, and appended to a
// table without another copy of ours. Private to the room.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <duckdb.h>

#include "store/columns.hpp"

namespace meshflow::store {

// DuckDB's vector size: rows of a chunk.
inline constexpr std::size_t kChunkRows = 2048;
// A chunk of long texts is full before it has so many rows.
inline constexpr std::size_t kChunkTextBytesMax = std::size_t{4} << 20;

[[nodiscard]] std::size_t column_count() noexcept;
// Of field columns and attribute columns, by their place in the table.
[[nodiscard]] ColumnType column_type(std::size_t column) noexcept;
[[nodiscard]] std::string_view column_name(std::size_t column) noexcept;
[[nodiscard]] duckdb_type duckdb_type_of(ColumnType type) noexcept;
[[nodiscard]] const char* sql_type_of(ColumnType type) noexcept;

// Up to kChunkRows spans. One thread fills it, with `mutex` held. Others read it with `mutex` held, or without once it
// is sealed.
class SpanChunk {
 public:
  SpanChunk();
  ~SpanChunk();
  SpanChunk(const SpanChunk&) = delete;
  SpanChunk& operator=(const SpanChunk&) = delete;

  // ---- the filling thread, with `mutex` held ----
  [[nodiscard]] bool is_full() const noexcept { return rows_ == kChunkRows || text_bytes_ >= kChunkTextBytesMax; }
  // Setters of the row that is being made; every column that is not set is NULL, or 0 where it cannot be.
  void set_u128(Column column, std::uint64_t high, std::uint64_t low) noexcept {
    data<duckdb_uhugeint>(index(column))[rows_] = {low, high};
  }
  void set_u64(Column column, std::uint64_t value) noexcept { data<std::uint64_t>(index(column))[rows_] = value; }
  void set_i64(Column column, std::int64_t value) noexcept { data<std::int64_t>(index(column))[rows_] = value; }
  void set_i32(Column column, std::int32_t value) noexcept { data<std::int32_t>(index(column))[rows_] = value; }
  void set_text(Column column, std::string_view text) noexcept { put_text(index(column), text); }
  void set_attribute(std::size_t attribute, std::int64_t value) noexcept { put(kFieldColumns + attribute, value); }
  void set_attribute(std::size_t attribute, double value) noexcept { put(kFieldColumns + attribute, value); }
  void set_attribute(std::size_t attribute, std::string_view value) noexcept {
    put_text(kFieldColumns + attribute, value);
  }
  // The row is whole.
  void end_row(std::uint64_t start) noexcept;
  // Nothing is added any more.
  void seal();
  // What the keys in the columns resource and scope stand for. The next row has these.
  void set_resource(std::uint64_t key, std::string_view message) { add_entry(resources_, resource_, key, message); }
  void set_scope(std::uint64_t key, std::string_view message) { add_entry(scopes_, scope_, key, message); }

  // ---- readers ----
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  // Of memory, nearly: the columns, which are there from the start, and the texts.
  [[nodiscard]] std::size_t bytes() const noexcept { return column_bytes_ + text_bytes_; }
  using Dictionary = std::map<std::uint64_t, std::string>;
  [[nodiscard]] const Dictionary& resources() const noexcept { return resources_; }
  [[nodiscard]] const Dictionary& scopes() const noexcept { return scopes_; }
  // These three without `mutex`, too.
  [[nodiscard]] bool is_sealed() const noexcept { return sealed_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t start_min() const noexcept { return start_min_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t start_max() const noexcept { return start_max_.load(std::memory_order_relaxed); }
  [[nodiscard]] duckdb_data_chunk raw() const noexcept { return raw_; }
  [[nodiscard]] duckdb_vector vector(std::size_t column) const noexcept { return vectors_[column]; }
  template <typename T>
  [[nodiscard]] const T* values(Column column) const noexcept {
    return static_cast<const T*>(data_[static_cast<std::size_t>(column)]);
  }
  // Of a text column; empty where NULL.
  [[nodiscard]] std::string_view text(std::size_t column, std::size_t row) const noexcept;

  mutable std::mutex mutex;

 private:
  static constexpr std::size_t index(Column column) noexcept { return static_cast<std::size_t>(column); }
  template <typename T>
  [[nodiscard]] T* data(std::size_t column) noexcept {
    return static_cast<T*>(data_[column]);
  }
  template <typename T>
  void put(std::size_t column, T value) noexcept {
    data<T>(column)[rows_] = value;
    mark_valid(column);
  }
  void put_text(std::size_t column, std::string_view text) noexcept;
  static void add_entry(Dictionary& entries, std::optional<std::uint64_t>& newest, std::uint64_t key,
                        std::string_view message) {
    if (newest == key) return;
    entries.try_emplace(key, message);
    newest = key;
  }
  void mark_valid(std::size_t column) noexcept {
    if (std::uint64_t* const words = validity_[column]) words[rows_ >> 6] |= std::uint64_t{1} << (rows_ & 63);
  }

  duckdb_data_chunk raw_ = nullptr;
  std::vector<duckdb_vector> vectors_;
  std::vector<void*> data_;
  std::vector<std::uint64_t*> validity_;  // null: a column that is never NULL
  std::size_t rows_ = 0;
  std::size_t column_bytes_ = 0;
  std::size_t text_bytes_ = 0;
  std::atomic<bool> sealed_{false};
  std::atomic<std::uint64_t> start_min_{UINT64_MAX};
  std::atomic<std::uint64_t> start_max_{0};
  Dictionary resources_;
  Dictionary scopes_;
  std::optional<std::uint64_t> resource_;  // the newest entries: nearly always the next row's
  std::optional<std::uint64_t> scope_;
};

}  // namespace meshflow::store
