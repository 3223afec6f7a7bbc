#include "store/cell.hpp"

#include <fmt/format.h>

#include "store/engine.hpp"

namespace meshflow::store {
namespace {

// Of types that a query may make and that have no Value of their own: as DuckDB writes them.
std::string text_of(duckdb_vector vector, duckdb_type type, std::size_t row);

std::string list_text(duckdb_vector vector, std::size_t row) {
  const auto entry = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(vector))[row];
  duckdb_vector child = duckdb_list_vector_get_child(vector);
  const LogicalType child_type(duckdb_vector_get_column_type(child));
  std::string out = "[";
  for (std::size_t i = entry.offset; i < entry.offset + entry.length; ++i) {
    if (out.size() > 1) out += ", ";
    out += text_of(child, duckdb_get_type_id(child_type.raw()), i);
  }
  return out + "]";
}

double to_double(duckdb_hugeint number) { return duckdb_hugeint_to_double(number); }

template <typename T>
T get(duckdb_vector vector, std::size_t row) {
  return static_cast<const T*>(duckdb_vector_get_data(vector))[row];
}

Value value_of(duckdb_vector vector, duckdb_type type, std::size_t row) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return get<bool>(vector, row);
    case DUCKDB_TYPE_TINYINT: return std::int64_t{get<std::int8_t>(vector, row)};
    case DUCKDB_TYPE_SMALLINT: return std::int64_t{get<std::int16_t>(vector, row)};
    case DUCKDB_TYPE_INTEGER: return std::int64_t{get<std::int32_t>(vector, row)};
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ: return get<std::int64_t>(vector, row);
    case DUCKDB_TYPE_UTINYINT: return std::uint64_t{get<std::uint8_t>(vector, row)};
    case DUCKDB_TYPE_USMALLINT: return std::uint64_t{get<std::uint16_t>(vector, row)};
    case DUCKDB_TYPE_UINTEGER: return std::uint64_t{get<std::uint32_t>(vector, row)};
    case DUCKDB_TYPE_UBIGINT: return get<std::uint64_t>(vector, row);
    case DUCKDB_TYPE_FLOAT: return double{get<float>(vector, row)};
    case DUCKDB_TYPE_DOUBLE: return get<double>(vector, row);
    case DUCKDB_TYPE_HUGEINT: {
      const auto number = get<duckdb_hugeint>(vector, row);
      const bool fits = number.upper == 0 ? number.lower <= INT64_MAX
                                          : number.upper == -1 && number.lower > static_cast<std::uint64_t>(INT64_MAX);
      if (fits) return static_cast<std::int64_t>(number.lower);
      return to_double(number);
    }
    case DUCKDB_TYPE_UHUGEINT: {
      const auto number = get<duckdb_uhugeint>(vector, row);
      return U128{number.upper, number.lower};
    }
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB: {
      const auto* texts = static_cast<const duckdb_string_t*>(duckdb_vector_get_data(vector));
      return std::string(view_of(texts[row]));
    }
    case DUCKDB_TYPE_LIST: return list_text(vector, row);
    default: return fmt::format("(a value of type {})", static_cast<int>(type));
  }
}

std::string text_of(duckdb_vector vector, duckdb_type type, std::size_t row) {
  const auto* validity = duckdb_vector_get_validity(vector);
  if (validity != nullptr && (validity[row >> 6] >> (row & 63) & 1) == 0) return "NULL";
  struct Writer {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(std::uint64_t number) const { return fmt::format("{}", number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const U128& number) const { return fmt::format("{:016x}{:016x}", number.high, number.low); }
    std::string operator()(const std::string& text) const { return text; }
  };
  return std::visit(Writer{}, value_of(vector, type, row));
}

}  // namespace

ChunkReader::ChunkReader(duckdb_data_chunk chunk) : rows_(duckdb_data_chunk_get_size(chunk)) {
  const idx_t count = duckdb_data_chunk_get_column_count(chunk);
  columns_.reserve(count);
  for (idx_t i = 0; i < count; ++i) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
    const LogicalType type(duckdb_vector_get_column_type(vector));
    columns_.push_back(
        {vector, duckdb_vector_get_data(vector), duckdb_vector_get_validity(vector), duckdb_get_type_id(type.raw())});
  }
}

std::string_view ChunkReader::text(std::size_t column, std::size_t row) const noexcept {
  return view_of(static_cast<const duckdb_string_t*>(columns_[column].data)[row]);
}

Value ChunkReader::value(std::size_t column, std::size_t row) const {
  if (is_null(column, row)) return std::monostate{};
  return value_of(columns_[column].vector, columns_[column].type, row);
}

}  // namespace meshflow::store
