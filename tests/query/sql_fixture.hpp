// A store with a few spans whose every column is known, asked in SQL.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "query/sql/run.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::query::sql::test {

using store::test::kStart;
using store::test::make_span;
using store::test::request_of;

// "0.5|planner" for each row; NULL where there is none.
inline std::vector<std::string> lines_of(const store::TextRows& rows) {
  std::vector<std::string> lines;
  for (const auto& row : rows.rows) {
    std::string line;
    for (const auto& value : row) {
      if (&value != &row.front()) line += '|';
      line += value.kind == store::TextValue::Kind::null ? "NULL" : value.text;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

class SqlTest : public store::test::StoreTest {
 protected:
  void SetUp() override { open(); }

  Result<Answer> ask(std::string_view text) { return ask(text, options_); }
  Result<Answer> ask(std::string_view text, const Options& options) {
    auto snapshot = store_->snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    return run(*snapshot, text, options);
  }
  std::vector<std::string> lines(std::string_view text) {
    const auto answer = ask(text);
    EXPECT_TRUE(answer) << text << "\n" << answer.error().text();
    return answer ? lines_of(answer->rows) : std::vector<std::string>{};
  }
  // The error's text with its place, or what came instead.
  std::string error(std::string_view text) {
    const auto answer = ask(text);
    return answer ? "no error: " + ::testing::PrintToString(lines_of(answer->rows)) : answer.error().text();
  }

  static otlp::Span with(otlp::Span span, otlp::KeyValueList attributes) {
    span.attributes = std::move(attributes);
    return span;
  }

  Options options_{
      .limits = {}, .now_unix_nanos = static_cast<std::int64_t>(kStart) + 3'600'000'000'000, .is_wanted = {}};
};

}  // namespace meshflow::query::sql::test
