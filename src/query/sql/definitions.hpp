// What each view's columns are made of. Private to the views.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace meshflow::query::sql {

struct Definition {
  std::string_view name;
  std::string_view type;   // in SQL
  std::string expression;  // of the store's columns (store/columns.hpp)
};

// Empty where there is no such view. Those of `traces` are of a trace's spans together; those of `events`, `links` and
// `attributes` are also of `made`, the struct of an event, link or attribute (store/sql_functions.hpp).
[[nodiscard]] std::span<const Definition> definitions_of(std::string_view view);

}  // namespace meshflow::query::sql
