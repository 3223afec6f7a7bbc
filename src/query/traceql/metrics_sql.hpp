// Metrics that DuckDB answers by itself: one filter that SQL can say, grouped and measured by what has columns.
#pragma once

#include <optional>

#include "meshflow/base/error.hpp"
#include "query/traceql/collect.hpp"
#include "query/traceql/series.hpp"
#include "query/traceql/source.hpp"

namespace meshflow::query::traceql {

// Nothing where SQL cannot say the filter, a label or the argument exactly: then spans have to be looked at. `source`
// knows the columns of memory too (Source::know_memory).
[[nodiscard]] Result<std::optional<SeriesSet>> series_by_sql(Source& source, const MetricsQuery& query,
                                                             const Intervals& intervals, std::size_t exemplars_max);

}  // namespace meshflow::query::traceql
