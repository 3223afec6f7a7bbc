// Traces as the oracle looks at them: spans beside their resources, parents found, expressions computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "query/traceql_oracle_value.hpp"

namespace meshflow::query::traceql::test {

struct OracleSpan {
  const otlp::Span* span = nullptr;
  const otlp::Resource* resource = nullptr;
  const otlp::InstrumentationScope* scope = nullptr;
  int parent = -1;  // its place in the trace; -1: none, missing, or the span itself
  std::vector<int> children = {};
  std::int64_t nested_left = 0;
  std::int64_t nested_right = 0;
  std::int64_t nested_parent = 0;
};

// Points into the TracesData it was made from, which must outlive it.
struct OracleTrace {
  otlp::TraceId id{};
  std::vector<OracleSpan> spans = {};  // by start, then id
  std::int64_t duration = 0;
  std::string root_name = {};
  std::string root_service = {};
};

// Spans without a trace's or a span's twin: the first of a trace and span id counts.
[[nodiscard]] std::vector<OracleTrace> oracle_traces(const otlp::TracesData& data);

[[nodiscard]] OracleValue oracle_field(const OracleTrace& trace, int span, const Field& field);
[[nodiscard]] OracleValue oracle_evaluate(const OracleTrace& trace, int span, const Expression& expression);

// "span.http.method", ".a", "parent.resource.b", "rootName".
[[nodiscard]] std::string oracle_name(const Field& field);
// An expression as TraceQL, for the attributes of spansets: "by(duration > 1s)".
[[nodiscard]] std::string oracle_name(const Expression& expression);

}  // namespace meshflow::query::traceql::test
