// Results of queries as plain values.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace meshflow::store {

struct U128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const U128&, const U128&) = default;
};
// For hash tables: ids are random as they are.
struct HashU128 {
  std::size_t operator()(const U128& number) const noexcept {
    return static_cast<std::size_t>(number.high ^ number.low);
  }
};

// NULL is std::monostate. Integers of any width are int64 or, where unsigned, uint64; HUGEINT comes as a double where
// it does not fit int64; text and blobs are strings; lists and structs are their text as DuckDB writes it.
using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, U128, std::string>;

struct Rows {
  std::vector<std::string> columns;  // names
  std::vector<std::vector<Value>> rows;
  bool is_cut = false;  // rows_max was reached and there was more
};

}  // namespace meshflow::store
