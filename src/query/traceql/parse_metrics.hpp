// The functions of metrics and what may follow them.
#pragma once

#include <vector>

#include "query/traceql/ast.hpp"
#include "query/traceql/parse_expression.hpp"
#include "query/traceql/token_stream.hpp"

namespace meshflow::query::traceql {

// `{ … }`
[[nodiscard]] Outcome<Grown<SpansetFilter>> parse_filter(TokenStream& tokens);

// `a, b, c)` behind the opening parenthesis.
[[nodiscard]] Outcome<std::vector<Field>> parse_fields(TokenStream& tokens, std::string_view function);

// `rate()`, `quantile_over_time(duration, .5) by (name)`, at the function's name.
[[nodiscard]] Outcome<Grown<MetricsStage>> parse_metrics_stage(TokenStream& tokens, MetricsFunction function);

// ` by (a, b)`, where it is there.
[[nodiscard]] Outcome<std::vector<Field>> parse_by(TokenStream& tokens);

// `topk(10)`, at the function's name.
[[nodiscard]] Outcome<TopK> parse_top(TokenStream& tokens);

// ` with (a = 1, b = true)`, as often as it is there.
[[nodiscard]] Outcome<std::vector<Hint>> parse_hints(TokenStream& tokens);

}  // namespace meshflow::query::traceql
