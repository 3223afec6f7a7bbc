#include "store/batch.hpp"

#include <duckdb.h>

#include "store/engine.hpp"

namespace meshflow::store {

U128 Batch::id(std::size_t column, std::size_t row) const noexcept {
  const auto& number = at<duckdb_uhugeint>(column, row);
  return {number.upper, number.lower};
}

std::string_view Batch::text(std::size_t column, std::size_t row) const noexcept {
  return view_of(at<duckdb_string_t>(column, row));
}

}  // namespace meshflow::store
