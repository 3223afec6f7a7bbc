// What may stand at a place of a statement that is being written: views, their columns, functions, words of SQL.
#pragma once

#include <cstddef>
#include <string_view>

#include "query/traceql/complete.hpp"

namespace meshflow::query::sql {

// For the cursor before the byte `cursor` of `text`, which may be any text: as traceql::complete(). Views behind FROM
// and JOIN; behind "view." and elsewhere the columns of the views that the text names, of all where it names none.
// Nothing inside strings and comments. Pure.
[[nodiscard]] traceql::Completions complete(std::string_view text, std::size_t cursor);

}  // namespace meshflow::query::sql
