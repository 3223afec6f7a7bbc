// TraceQL over decoded spans, slowly and simply: what the engine's answers are held against. It shares the syntax tree
// with the engine, and no code of the checker, the planner or the executor.
#pragma once

#include <cstdint>

#include "otlp/model.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql_answer.hpp"
#include "query/traceql_oracle_trace.hpp"

namespace meshflow::query::traceql::test {

struct MetricsRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t step = 0;  // 0: one interval, both ends of which belong to it
};

// All traces, all their spans. A query that has grouped spansets beside a structural operator is a Refusal.
[[nodiscard]] Answer oracle_search(const Pipeline& pipeline, const otlp::TracesData& data);
[[nodiscard]] Answer oracle_metrics(const Metrics& metrics, const otlp::TracesData& data, const MetricsRange& range);

// ---- the parts that both need ----

struct OracleSpanset {
  std::vector<std::pair<std::string, OracleValue>> attributes = {};
  std::vector<int> spans = {};  // places in the trace, in order
};

struct Grouped {};  // thrown where a structural operator meets several spansets

// What is left of the trace after the pipeline. Throws Grouped.
[[nodiscard]] std::vector<OracleSpanset> oracle_spansets(const OracleTrace& trace, const Pipeline& pipeline,
                                                         std::vector<Field>& selected);

}  // namespace meshflow::query::traceql::test
