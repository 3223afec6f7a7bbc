// The spans of one trace that a text, or a TraceQL filter, fits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"
#include "query/traceql/ast.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// Ids of the spans in whose name, service, id, status, scope, attributes (key, value and "key=value", of the span, its
// resource and its events) or events the text stands, whatever its case (ASCII). In no order; not_found where the trace
// is not here.
[[nodiscard]] Result<std::vector<std::uint64_t>> find_text(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                                           std::string_view text,
                                                           const store::QueryLimits& limits = {});

// Those that are in a set of the pipeline's, which must have passed check(). Errors also as of traceql::search().
[[nodiscard]] Result<std::vector<std::uint64_t>> find_spans(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                                            const traceql::Pipeline& pipeline,
                                                            const store::QueryLimits& limits = {});

}  // namespace meshflow::query
