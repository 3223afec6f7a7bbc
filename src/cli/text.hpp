// Text for terminals: made safe, measured and laid out. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meshflow::cli {

// Text of others (models, files) so that it can neither move the cursor nor pass for lines of ours: control characters,
// C1 ones and those that turn the direction of writing included, are written as escapes (\n, \x1b, \u202e); invalid
// UTF-8 becomes U+FFFD.
[[nodiscard]] std::string one_line(std::string_view text);
// The same, with newlines and tabs kept: for text of several lines that stands by itself.
[[nodiscard]] std::string many_lines(std::string_view text);
// JSON text in which the same characters are written as \uXXXX: it means the same and cannot move a cursor either.
[[nodiscard]] std::string safe_json(std::string_view json);

// Columns that `text` takes on a terminal: wide characters two, combining ones none.
[[nodiscard]] std::size_t columns_of(std::string_view text);
// `text`, cut so that it takes at most `columns`; where it is cut it ends with "…".
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t columns);
// `text` with spaces after it (or before it), so that it takes at least `columns`.
[[nodiscard]] std::string pad_to(std::string_view text, std::size_t columns, bool to_the_right = false);

// "310 µs", "4.2 ms", "12 ms", "1.24 s", "3 min 4 s", "2 h 5 min", "3 d 4 h".
[[nodiscard]] std::string duration_text(std::int64_t nanos);
// Local time, "2026-03-01 14:03:59".
[[nodiscard]] std::string local_time_text(std::int64_t unix_nanos);
// UTC, RFC 3339: "2026-03-01T13:03:59.120Z".
[[nodiscard]] std::string utc_time_text(std::int64_t unix_nanos);

// Rows under headers, in columns as wide as their widest cell.
class Table {
 public:
  struct Column {
    std::string header;
    bool align_right = false;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns; what they hold is made safe.
  void add(std::vector<std::string> cells);
  // Lines with a newline each. Where `columns_max` is not 0 lines are cut to it.
  [[nodiscard]] std::string text(std::size_t columns_max) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace meshflow::cli
