#include "store/cell_text.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "store/engine.hpp"

namespace meshflow::store {
namespace {

// Lists within lists: DuckDB's types nest no deeper than queries, which are bounded.
constexpr std::size_t kDepthMax = 64;

template <typename T>
const T& get(duckdb_vector vector, std::size_t row) {
  return static_cast<const T*>(duckdb_vector_get_data(vector))[row];
}

bool is_null(duckdb_vector vector, std::size_t row) {
  const auto* validity = duckdb_vector_get_validity(vector);
  return validity != nullptr && (validity[row >> 6] >> (row & 63) & 1) == 0;
}

std::string real_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  return fmt::format("{}", number);
}

std::string real_text(float number) {
  return std::isfinite(number) ? fmt::format("{}", number) : real_text(double{number});
}

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

std::string wide_text(UnsignedWide number, bool is_negative) {
  char digits[40];
  char* at = std::end(digits);
  do {
    *--at = static_cast<char>('0' + static_cast<int>(number % 10));
    number /= 10;
  } while (number != 0);
  std::string text(at, std::end(digits));
  return is_negative ? "-" + text : text;
}

std::string wide_text(Wide number) {
  const auto bits = static_cast<UnsignedWide>(number);
  return wide_text(number < 0 ? UnsignedWide{0} - bits : bits, number < 0);
}

Wide wide_of(const duckdb_hugeint& number) {
  return static_cast<Wide>(static_cast<UnsignedWide>(static_cast<std::uint64_t>(number.upper)) << 64 | number.lower);
}

std::string decimal_text(duckdb_vector vector, duckdb_logical_type type, std::size_t row) {
  Wide number = 0;
  switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT: number = get<std::int16_t>(vector, row); break;
    case DUCKDB_TYPE_INTEGER: number = get<std::int32_t>(vector, row); break;
    case DUCKDB_TYPE_BIGINT: number = get<std::int64_t>(vector, row); break;
    default: number = wide_of(get<duckdb_hugeint>(vector, row));
  }
  const std::size_t scale = duckdb_decimal_scale(type);
  std::string text = wide_text(number);
  if (scale == 0) return text;
  const std::size_t sign = number < 0 ? 1 : 0;
  if (text.size() - sign <= scale) text.insert(sign, scale + 1 - (text.size() - sign), '0');
  text.insert(text.size() - scale, 1, '.');
  return text;
}

std::string date_text(duckdb_date date) {
  const duckdb_date_struct parts = duckdb_from_date(date);
  return fmt::format("{:04}-{:02}-{:02}", parts.year, static_cast<int>(parts.month), static_cast<int>(parts.day));
}

// `count` units since midnight, of which a second has `per_second`; the fraction without zeros at its end.
std::string time_text(std::int64_t count, std::int64_t per_second) {
  const std::int64_t seconds = count / per_second;
  std::string text = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  std::int64_t fraction = count % per_second;
  if (fraction == 0) return text;
  text += '.';
  for (std::int64_t unit = per_second / 10; fraction != 0 && unit > 0; unit /= 10) {
    text += static_cast<char>('0' + fraction / unit);
    fraction %= unit;
  }
  return text;
}

std::string timestamp_text(std::int64_t count, std::int64_t per_second) {
  if (count == INT64_MAX) return "infinity";
  if (count == -INT64_MAX) return "-infinity";
  const std::int64_t per_day = per_second * 86'400;
  std::int64_t days = count / per_day;
  std::int64_t rest = count % per_day;
  if (rest < 0) {
    rest += per_day;
    --days;
  }
  return date_text(duckdb_date{static_cast<std::int32_t>(days)}) + " " + time_text(rest, per_second);
}

std::string interval_text(const duckdb_interval& interval) {
  std::string text;
  const auto add = [&text](std::int64_t count, const char* unit) {
    if (count == 0) return;
    text += fmt::format("{}{} {}{}", text.empty() ? "" : " ", count, unit, std::abs(count) == 1 ? "" : "s");
  };
  add(interval.months / 12, "year");
  add(interval.months % 12, "month");
  add(interval.days, "day");
  if (interval.micros != 0 || text.empty()) {
    const bool is_negative = interval.micros < 0;
    const auto micros = is_negative ? -(interval.micros + 1) : interval.micros;  // the smallest has no opposite
    text += text.empty() ? "" : " ";
    text += (is_negative ? "-" : "") + time_text(is_negative ? micros + 1 : micros, 1'000'000);
  }
  return text;
}

std::string blob_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    if (code >= 0x20 && code < 0x7F && byte != '\\' && byte != '\'' && byte != '"') {
      text += byte;
    } else {
      text += fmt::format("\\x{:02X}", code);
    }
  }
  return text;
}

std::string enum_text(duckdb_vector vector, duckdb_logical_type type, std::size_t row) {
  std::uint64_t index = 0;
  switch (duckdb_enum_internal_type(type)) {
    case DUCKDB_TYPE_UTINYINT: index = get<std::uint8_t>(vector, row); break;
    case DUCKDB_TYPE_USMALLINT: index = get<std::uint16_t>(vector, row); break;
    default: index = get<std::uint32_t>(vector, row);
  }
  char* const name = duckdb_enum_dictionary_value(type, index);
  std::string text = name == nullptr ? "" : name;
  duckdb_free(name);
  return text;
}

// Appends values that hold others.
class Nested {
 public:
  explicit Nested(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void append(duckdb_vector vector, duckdb_logical_type type, std::size_t row, std::size_t depth) {
    if (is_null(vector, row)) {
      out += "NULL";
      return;
    }
    switch (duckdb_get_type_id(type)) {
      case DUCKDB_TYPE_LIST: {
        const auto& entry = get<duckdb_list_entry>(vector, row);
        const LogicalType child(duckdb_list_type_child_type(type));
        return append_list(duckdb_list_vector_get_child(vector), child.raw(), entry, depth);
      }
      case DUCKDB_TYPE_ARRAY: {
        const idx_t size = duckdb_array_type_array_size(type);
        const LogicalType child(duckdb_array_type_child_type(type));
        return append_list(duckdb_array_vector_get_child(vector), child.raw(), {row * size, size}, depth);
      }
      case DUCKDB_TYPE_MAP: return append_map(vector, type, row, depth);
      case DUCKDB_TYPE_STRUCT: return append_struct(vector, type, row, depth);
      default: out += text_value(vector, type, row, bytes_max_).text;
    }
  }

  std::string out;

 private:
  [[nodiscard]] bool is_over(std::size_t depth) const { return depth > kDepthMax || out.size() > bytes_max_; }

  void append_list(duckdb_vector child, duckdb_logical_type type, const duckdb_list_entry& entry, std::size_t depth) {
    out += '[';
    for (idx_t i = 0; i < entry.length && !is_over(depth); ++i) {
      if (i > 0) out += ", ";
      append(child, type, entry.offset + i, depth + 1);
    }
    out += ']';
  }
  void append_struct(duckdb_vector vector, duckdb_logical_type type, std::size_t row, std::size_t depth) {
    out += '{';
    for (idx_t i = 0; i < duckdb_struct_type_child_count(type) && !is_over(depth); ++i) {
      char* const name = duckdb_struct_type_child_name(type, i);
      out += fmt::format("{}'{}': ", i > 0 ? ", " : "", name == nullptr ? "" : name);
      duckdb_free(name);
      const LogicalType child(duckdb_struct_type_child_type(type, i));
      append(duckdb_struct_vector_get_child(vector, i), child.raw(), row, depth + 1);
    }
    out += '}';
  }
  // A list of structs of a key and a value.
  void append_map(duckdb_vector vector, duckdb_logical_type type, std::size_t row, std::size_t depth) {
    const auto& entry = get<duckdb_list_entry>(vector, row);
    duckdb_vector entries = duckdb_list_vector_get_child(vector);
    const LogicalType key(duckdb_map_type_key_type(type));
    const LogicalType value(duckdb_map_type_value_type(type));
    out += '{';
    for (idx_t i = 0; i < entry.length && !is_over(depth); ++i) {
      if (i > 0) out += ", ";
      append(duckdb_struct_vector_get_child(entries, 0), key.raw(), entry.offset + i, depth + 1);
      out += '=';
      append(duckdb_struct_vector_get_child(entries, 1), value.raw(), entry.offset + i, depth + 1);
    }
    out += '}';
  }

  const std::size_t bytes_max_;
};

const char* simple_name(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return "BOOLEAN";
    case DUCKDB_TYPE_TINYINT: return "TINYINT";
    case DUCKDB_TYPE_SMALLINT: return "SMALLINT";
    case DUCKDB_TYPE_INTEGER: return "INTEGER";
    case DUCKDB_TYPE_BIGINT: return "BIGINT";
    case DUCKDB_TYPE_UTINYINT: return "UTINYINT";
    case DUCKDB_TYPE_USMALLINT: return "USMALLINT";
    case DUCKDB_TYPE_UINTEGER: return "UINTEGER";
    case DUCKDB_TYPE_UBIGINT: return "UBIGINT";
    case DUCKDB_TYPE_HUGEINT: return "HUGEINT";
    case DUCKDB_TYPE_UHUGEINT: return "UHUGEINT";
    case DUCKDB_TYPE_FLOAT: return "FLOAT";
    case DUCKDB_TYPE_DOUBLE: return "DOUBLE";
    case DUCKDB_TYPE_VARCHAR: return "VARCHAR";
    case DUCKDB_TYPE_BLOB: return "BLOB";
    case DUCKDB_TYPE_DATE: return "DATE";
    case DUCKDB_TYPE_TIME: return "TIME";
    case DUCKDB_TYPE_TIMESTAMP: return "TIMESTAMP";
    case DUCKDB_TYPE_TIMESTAMP_S: return "TIMESTAMP_S";
    case DUCKDB_TYPE_TIMESTAMP_MS: return "TIMESTAMP_MS";
    case DUCKDB_TYPE_TIMESTAMP_NS: return "TIMESTAMP_NS";
    case DUCKDB_TYPE_TIMESTAMP_TZ: return "TIMESTAMP WITH TIME ZONE";
    case DUCKDB_TYPE_INTERVAL: return "INTERVAL";
    case DUCKDB_TYPE_ENUM: return "ENUM";
    case DUCKDB_TYPE_SQLNULL: return "NULL";
    default: return "OTHER";
  }
}

using Kind = TextValue::Kind;

TextValue integer(std::string text) { return {Kind::integer, std::move(text)}; }
TextValue plain(std::string text) { return {Kind::text, std::move(text)}; }

}  // namespace

std::string type_text(duckdb_logical_type type) {
  switch (const duckdb_type id = duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_DECIMAL:
      return fmt::format("DECIMAL({},{})", static_cast<int>(duckdb_decimal_width(type)),
                         static_cast<int>(duckdb_decimal_scale(type)));
    case DUCKDB_TYPE_LIST: return type_text(LogicalType(duckdb_list_type_child_type(type)).raw()) + "[]";
    case DUCKDB_TYPE_ARRAY:
      return fmt::format("{}[{}]", type_text(LogicalType(duckdb_array_type_child_type(type)).raw()),
                         duckdb_array_type_array_size(type));
    case DUCKDB_TYPE_MAP:
      return fmt::format("MAP({}, {})", type_text(LogicalType(duckdb_map_type_key_type(type)).raw()),
                         type_text(LogicalType(duckdb_map_type_value_type(type)).raw()));
    case DUCKDB_TYPE_STRUCT: {
      std::string text = "STRUCT(";
      for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
        char* const name = duckdb_struct_type_child_name(type, i);
        text += fmt::format("{}{} {}", i > 0 ? ", " : "", name == nullptr ? "" : name,
                            type_text(LogicalType(duckdb_struct_type_child_type(type, i)).raw()));
        duckdb_free(name);
      }
      return text + ")";
    }
    default: return simple_name(id);
  }
}

bool is_number_type(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL: return true;
    default: return false;
  }
}

TextValue text_value(duckdb_vector vector, duckdb_logical_type type, std::size_t row, std::size_t bytes_max) {
  if (is_null(vector, row)) return {};
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: return {Kind::boolean, get<bool>(vector, row) ? "true" : "false"};
    case DUCKDB_TYPE_TINYINT: return integer(fmt::format("{}", int{get<std::int8_t>(vector, row)}));
    case DUCKDB_TYPE_SMALLINT: return integer(fmt::format("{}", get<std::int16_t>(vector, row)));
    case DUCKDB_TYPE_INTEGER: return integer(fmt::format("{}", get<std::int32_t>(vector, row)));
    case DUCKDB_TYPE_BIGINT: return integer(fmt::format("{}", get<std::int64_t>(vector, row)));
    case DUCKDB_TYPE_UTINYINT: return integer(fmt::format("{}", int{get<std::uint8_t>(vector, row)}));
    case DUCKDB_TYPE_USMALLINT: return integer(fmt::format("{}", get<std::uint16_t>(vector, row)));
    case DUCKDB_TYPE_UINTEGER: return integer(fmt::format("{}", get<std::uint32_t>(vector, row)));
    case DUCKDB_TYPE_UBIGINT: return integer(fmt::format("{}", get<std::uint64_t>(vector, row)));
    case DUCKDB_TYPE_HUGEINT: return integer(wide_text(wide_of(get<duckdb_hugeint>(vector, row))));
    case DUCKDB_TYPE_UHUGEINT: {
      const auto& number = get<duckdb_uhugeint>(vector, row);
      return integer(wide_text(static_cast<UnsignedWide>(number.upper) << 64 | number.lower, false));
    }
    case DUCKDB_TYPE_FLOAT: return {Kind::real, real_text(get<float>(vector, row))};
    case DUCKDB_TYPE_DOUBLE: return {Kind::real, real_text(get<double>(vector, row))};
    case DUCKDB_TYPE_DECIMAL:
      return {duckdb_decimal_scale(type) == 0 ? Kind::integer : Kind::real, decimal_text(vector, type, row)};
    case DUCKDB_TYPE_VARCHAR: return plain(std::string(view_of(get<duckdb_string_t>(vector, row))));
    case DUCKDB_TYPE_BLOB: return plain(blob_text(view_of(get<duckdb_string_t>(vector, row))));
    case DUCKDB_TYPE_DATE: return plain(date_text(get<duckdb_date>(vector, row)));
    case DUCKDB_TYPE_TIME: return plain(time_text(get<std::int64_t>(vector, row), 1'000'000));
    case DUCKDB_TYPE_TIMESTAMP: return plain(timestamp_text(get<std::int64_t>(vector, row), 1'000'000));
    case DUCKDB_TYPE_TIMESTAMP_S: return plain(timestamp_text(get<std::int64_t>(vector, row), 1));
    case DUCKDB_TYPE_TIMESTAMP_MS: return plain(timestamp_text(get<std::int64_t>(vector, row), 1'000));
    case DUCKDB_TYPE_TIMESTAMP_NS: return plain(timestamp_text(get<std::int64_t>(vector, row), 1'000'000'000));
    case DUCKDB_TYPE_TIMESTAMP_TZ: return plain(timestamp_text(get<std::int64_t>(vector, row), 1'000'000) + "+00");
    case DUCKDB_TYPE_INTERVAL: return plain(interval_text(get<duckdb_interval>(vector, row)));
    case DUCKDB_TYPE_ENUM: return plain(enum_text(vector, type, row));
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_STRUCT: {
      Nested nested(bytes_max);
      nested.append(vector, type, row, 0);
      return plain(std::move(nested.out));
    }
    default: return plain(fmt::format("(a value of type {})", type_text(type)));
  }
}

}  // namespace meshflow::store
