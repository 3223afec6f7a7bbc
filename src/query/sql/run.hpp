// SQL that somebody wrote, over the views, read-only and bounded (docs/sql.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::sql {

// Beside limits.hpp. Past `rows_max` the answer is cut and says so; past the others the query ends: limit_exceeded,
// for the time `timeout`, each with the limit's name.
struct Limits {
  std::size_t rows_max = 10'000;
  std::size_t result_bytes_max = std::size_t{16} << 20;
  std::chrono::milliseconds time_max{30'000};
  // By how much the process may grow while the query runs, whoever makes it grow. What DuckDB itself counts is bounded
  // by the store's own budget for it, which the query shares.
  std::size_t memory_bytes_max = std::size_t{512} << 20;
};
// Of rows_max, where a caller may choose it.
inline constexpr std::size_t kRowsMax = 100'000;

struct Options {
  Limits limits = {};
  std::int64_t now_unix_nanos = 0;  // what now() is
  // Asked every few milliseconds by another thread; once false the query ends: cancelled. Empty: true.
  std::function<bool()> is_wanted = {};
};

struct Answer {
  store::TextRows rows;
  std::chrono::nanoseconds took{0};
};

// Makes views in the snapshot's own connection, which go with it. Errors: those of check(); invalid_input with DuckDB's
// sentence and its place; the limits.
[[nodiscard]] Result<Answer> run(store::Snapshot& snapshot, std::string_view text, const Options& options);

// Whether run() would run the statement, without an answer: the errors that are known before.
[[nodiscard]] Result<void> check_statement(store::Snapshot& snapshot, std::string_view text, const Options& options);

}  // namespace meshflow::query::sql
