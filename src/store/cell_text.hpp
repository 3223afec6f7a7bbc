// Values of any type as text, as DuckDB writes them. Private to the room.
#pragma once

#include <cstddef>
#include <string>

#include <duckdb.h>

#include "store/text_rows.hpp"

namespace meshflow::store {

// "DECIMAL(18,9)", "STRUCT(a BIGINT)[]".
[[nodiscard]] std::string type_text(duckdb_logical_type type);
[[nodiscard]] bool is_number_type(duckdb_logical_type type);

// The value of a row. A text that would grow past `bytes_max` ends there: who has that limit refuses it.
[[nodiscard]] TextValue text_value(duckdb_vector vector, duckdb_logical_type type, std::size_t row,
                                   std::size_t bytes_max);

}  // namespace meshflow::store
