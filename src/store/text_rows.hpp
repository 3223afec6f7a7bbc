// Results of queries that people write: every value as exact text, whatever its type.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace meshflow::store {

struct TextValue {
  // `integer` and `real` are decimal numbers, exact; `real` also "nan", "inf", "-inf".
  enum class Kind : std::uint8_t { null, boolean, integer, real, text };
  Kind kind = Kind::null;
  std::string text = {};
  friend bool operator==(const TextValue&, const TextValue&) = default;
};

struct TextRows {
  struct Column {
    std::string name;
    std::string type;  // in SQL: "VARCHAR", "DECIMAL(18,9)", "BIGINT[]"
    bool is_number = false;
    friend bool operator==(const Column&, const Column&) = default;
  };
  std::vector<Column> columns;
  std::vector<std::vector<TextValue>> rows;
  bool is_cut = false;  // rows_max was reached and there was more
};

}  // namespace meshflow::store
