// The functions that a statement may call. All else is refused, above all what reads files or settings (read_text,
// glob, getenv, current_setting), what runs text as SQL (query, query_table), what tells of the database
// (duckdb_tables), and what makes much of little (repeat, lpad, range as a list).
#pragma once

#include <span>
#include <string_view>

namespace meshflow::query::sql {

enum class Use {
  none,
  scalar,
  text,       // scalar, and makes text of text (kTextCallsMax)
  aggregate,  // also over a window
  grouped,    // an aggregate that is not for windows: each row would get a list of its own
  window,     // over a window only
};

// Of a function by its name, in lower case; of an operator by its symbol.
[[nodiscard]] Use use_of(std::string_view name) noexcept;
// In FROM: range, generate_series, unnest.
[[nodiscard]] bool is_table_function(std::string_view name) noexcept;
// Those with a word for a name, sorted: for the documentation and for hints.
[[nodiscard]] std::span<const std::string_view> function_names() noexcept;
// Of the types to which a value may be cast.
[[nodiscard]] bool is_cast_type(std::string_view id) noexcept;

}  // namespace meshflow::query::sql
