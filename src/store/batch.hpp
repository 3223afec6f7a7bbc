// Rows of a result as DuckDB holds them: read column by column, nothing copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "store/value.hpp"

namespace meshflow::store {

// Some rows. Lives, as do the views that it gives, until the call that it was passed to returns. The caller knows the
// types of its columns: another type than the column has is undefined.
class Batch {
 public:
  struct Column {
    const void* data = nullptr;
    const std::uint64_t* validity = nullptr;
  };
  Batch(std::size_t rows, std::vector<Column> columns) : rows_(rows), columns_(std::move(columns)) {}

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_.size(); }
  [[nodiscard]] bool is_null(std::size_t column, std::size_t row) const noexcept {
    const std::uint64_t* const validity = columns_[column].validity;
    return validity != nullptr && (validity[row >> 6] >> (row & 63) & 1) == 0;
  }
  // bool, std::int32_t, std::int64_t, std::uint64_t, double: as the column is.
  template <typename T>
  [[nodiscard]] const T& at(std::size_t column, std::size_t row) const noexcept {
    return static_cast<const T*>(columns_[column].data)[row];
  }
  [[nodiscard]] U128 id(std::size_t column, std::size_t row) const noexcept;
  // VARCHAR and BLOB.
  [[nodiscard]] std::string_view text(std::size_t column, std::size_t row) const noexcept;

 private:
  std::size_t rows_;
  std::vector<Column> columns_;
};

// Given each batch in turn; a false ends the reading without an error.
using TakeBatch = std::function<Result<bool>(const Batch&)>;

}  // namespace meshflow::store
