// Answers as JSON and CSV.
#pragma once

#include <string>

#include "query/json_writer.hpp"
#include "query/sql/run.hpp"
#include "store/text_rows.hpp"

namespace meshflow::query::sql {

// The members columns ([{name, type}]), rows (arrays), truncated of an object. Numbers that a double cannot hold
// exactly (integers past 2⁵³, decimals of more than 15 digits, NaN and infinities) are texts.
void write_json_members(JsonWriter& out, const store::TextRows& rows);

// An object of these members and elapsed_ms.
[[nodiscard]] std::string answer_json(const Answer& answer);

// RFC 4180 with a line for the names, lines that end with a newline alone. NULL is nothing, an empty text is "".
[[nodiscard]] std::string csv_text(const store::TextRows& rows);

}  // namespace meshflow::query::sql
