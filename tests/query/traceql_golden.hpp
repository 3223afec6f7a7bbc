// Reads the golden files of tests/query/traceql, whose README tells their form, and holds answers against them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/traceql_answer.hpp"
#include "query/traceql_oracle.hpp"
#include "query/traceql_traces.hpp"

namespace meshflow::query::traceql::test {

struct ExpectedSpanset {
  std::optional<NamedTexts> attributes;  // where the file says some
  std::vector<AnswerSpan> spans;
};
struct ExpectedTrace {
  otlp::TraceId id{};
  std::vector<ExpectedSpanset> spansets;
};
struct ExpectedSeries {
  NamedTexts labels;
  std::vector<AnswerSample> samples;
  bool is_one_of_many = false;  // `has`
  bool is_value = false;  // `= 42`: one sample, its time not said; without labels: of whatever name
};
struct ExpectedError {
  std::string place;  // "1:5"; empty: not said
  std::vector<std::string> words;
};
struct ExpectedValid {};
struct ExpectedNothing {};

struct Golden {
  std::string where;  // "filters_text.txt:12"
  std::string query;
  MetricsRange range;
  std::variant<ExpectedNothing, ExpectedValid, ExpectedError, std::vector<ExpectedTrace>, std::vector<ExpectedSeries>>
      expected;
};

// Errors name file and line.
[[nodiscard]] Result<std::vector<Golden>> read_goldens(const std::string& file, std::string_view text,
                                                       const Dataset& dataset);

// Nothing where the answer is as expected, else both.
[[nodiscard]] std::optional<std::string> mismatch(const Golden& golden, const Answer& answer);

}  // namespace meshflow::query::traceql::test
