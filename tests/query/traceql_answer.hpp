// What a TraceQL query answers, in one form for the engine, the oracle and the golden files: values are texts as the
// golden files write them ("red" in quotes, 200, 200.0, 1.5s, ok, ["a","b"], nil).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "otlp/model.hpp"

namespace meshflow::query::traceql::test {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

struct AnswerSpan {
  otlp::SpanId id{};
  NamedTexts fields = {};  // that select() asked for and the span has, in the order asked for
  friend auto operator<=>(const AnswerSpan&, const AnswerSpan&) = default;
};

struct AnswerSpanset {
  NamedTexts attributes = {};  // "by(name)", "count()"
  std::vector<AnswerSpan> spans = {};
  friend auto operator<=>(const AnswerSpanset&, const AnswerSpanset&) = default;
};

struct AnswerTrace {
  otlp::TraceId id{};
  std::vector<AnswerSpanset> spansets = {};  // in the order of their attributes and spans
  friend auto operator<=>(const AnswerTrace&, const AnswerTrace&) = default;
};

struct AnswerSample {
  std::uint64_t time = 0;  // nanoseconds since 1970
  double value = 0;
};

struct AnswerSeries {
  NamedTexts labels = {};
  std::vector<AnswerSample> samples = {};
};

using Traces = std::vector<AnswerTrace>;  // in the order of their ids
using AllSeries = std::vector<AnswerSeries>;  // in the order of their labels

struct Refusal {
  std::string text;  // "1:5: message (hint)"
};

using Answer = std::variant<Traces, AllSeries, Refusal>;

// Puts what has no order into one.
void sort(Traces& traces);
void sort(AllSeries& series);

// Nothing where they are the same, else what differs. Samples may differ by `relative`, as sums of doubles do.
[[nodiscard]] std::optional<std::string> difference(const Answer& expected, const Answer& got, double relative = 1e-9);

// As the golden files write it; spans by name where an id's bytes are letters and digits, else in hex.
[[nodiscard]] std::string text_of(const Answer& answer);

// "a1" for the id of that name (span_id_of), the hex digits for what is no name.
[[nodiscard]] std::string span_id_name(const otlp::SpanId& id);
[[nodiscard]] std::string quoted(std::string_view text);
[[nodiscard]] std::string number_text(double value);
// 1500000000 is "1.5s".
[[nodiscard]] std::string duration_text(std::int64_t nanos);
[[nodiscard]] std::string hex(const std::uint8_t* bytes, std::size_t count);

}  // namespace meshflow::query::traceql::test
