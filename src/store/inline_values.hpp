// Parameters written into a statement's text. Private to the room.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "store/value.hpp"

namespace meshflow::store {

// The statement with each `?` outside of quotes replaced by its value as a literal of the parameter's own type. DuckDB
// plans a statement with parameters twice, first without their values; for a look-up that takes longer than running it.
// Nothing where a value has no safe literal (text that is long, has a NUL or is not UTF-8; NaN and infinities), or
// where the number of `?` is not that of the values: then they are to be bound. Pure.
[[nodiscard]] std::optional<std::string> inline_values(std::string_view sql, std::span<const Value> values);

// Decimal digits.
[[nodiscard]] std::string decimal(const U128& number);

}  // namespace meshflow::store
