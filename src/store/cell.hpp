// Reading DuckDB's data chunks value by value. Private to the room.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <duckdb.h>

#include "store/value.hpp"

namespace meshflow::store {

// Looks into a chunk, which must outlive it.
class ChunkReader {
 public:
  explicit ChunkReader(duckdb_data_chunk chunk);
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_.size(); }
  [[nodiscard]] bool is_null(std::size_t column, std::size_t row) const noexcept {
    const auto* validity = columns_[column].validity;
    return validity != nullptr && (validity[row >> 6] >> (row & 63) & 1) == 0;
  }
  // The values of a column whose type is known.
  template <typename T>
  [[nodiscard]] const T& at(std::size_t column, std::size_t row) const noexcept {
    return static_cast<const T*>(columns_[column].data)[row];
  }
  [[nodiscard]] std::string_view text(std::size_t column, std::size_t row) const noexcept;
  // Of any type.
  [[nodiscard]] Value value(std::size_t column, std::size_t row) const;

 private:
  struct Column {
    duckdb_vector vector = nullptr;
    void* data = nullptr;
    std::uint64_t* validity = nullptr;
    duckdb_type type = DUCKDB_TYPE_INVALID;
  };
  std::size_t rows_;
  std::vector<Column> columns_;
};

}  // namespace meshflow::store
