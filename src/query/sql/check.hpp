// Whether a statement that somebody wrote may run: a look at the tree that DuckDB's parser made of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::query::sql {

// What every use of a view in a statement asks for by equality (=, IN) in the WHERE of its own SELECT: the view may
// leave out all else. Nothing: not asked for.
struct Narrowing {
  std::optional<std::vector<std::string>> trace_ids = std::nullopt;
  std::optional<std::vector<std::string>> run_ids = std::nullopt;
  std::optional<std::vector<std::string>> keys = std::nullopt;
  friend bool operator==(const Narrowing&, const Narrowing&) = default;
};

struct Checked {
  std::map<std::string, Narrowing> views;  // that it reads, by their names
};

// Before a parser sees it. Errors with their place: an empty text, one that is too long, NUL, invalid UTF-8.
[[nodiscard]] Result<void> check_text(std::string_view text);

// `tree` is what json_serialize_sql made of `text`. Allowed: one SELECT over the views and its own common table
// expressions, the functions of functions.hpp, casts to scalar types, within limits.hpp. All else is an error with its
// place: invalid_input, or limit_exceeded with the limit's name. Pure.
[[nodiscard]] Result<Checked> check(std::string_view text, std::string_view tree);

// The place of a byte of the text, columns counted in characters.
[[nodiscard]] SourcePosition position_in(std::string_view text, std::size_t offset);

}  // namespace meshflow::query::sql
