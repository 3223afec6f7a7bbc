#include "query/traceql/matches.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/try.hpp"
#include "query/traceql/plan.hpp"
#include "query/traceql/source.hpp"

namespace meshflow::query::traceql {
namespace {

// Whole traces that are read together.
constexpr std::size_t kTracesAtOnce = 1'024;

// Every trace that has a span for the rarest driver, or that an index names.
Result<std::vector<Candidate>> candidates_of(Source& source, std::vector<Pushdown> drivers, store::TimeRange range,
                                             bool is_single_filter) {
  for (const Pushdown& each : drivers) {
    MESHFLOW_TRY(auto known, source.indexed(each.condition));
    if (known) return std::move(*known);
  }
  std::size_t rarest = 0;
  if (drivers.size() > 1) {
    MESHFLOW_TRY(const auto counts, source.sample(range, drivers));
    rarest = static_cast<std::size_t>(std::min_element(counts.begin(), counts.end()) - counts.begin());
  }
  // A driver that is not the result's condition may lie before or after the range, in the same trace.
  if (!is_single_filter) {
    MESHFLOW_TRY(range, source.hull(range));
  }
  return source.candidates(range, drivers[rarest].condition);
}

// Evaluates the candidates, newest first, and keeps those that are found.
Result<void> keep_found(Source& source, const Pipelines& pipelines, store::TimeRange range,
                        std::vector<Candidate> candidates, std::vector<IndexedTrace>& found) {
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.first > b.first; });
  for (std::size_t at = 0; at < candidates.size(); at += kTracesAtOnce) {
    const std::vector<Candidate> some(
        candidates.begin() + static_cast<std::ptrdiff_t>(at),
        candidates.begin() + static_cast<std::ptrdiff_t>(std::min(at + kTracesAtOnce, candidates.size())));
    std::unordered_map<store::U128, Candidate, store::HashU128> by_id;
    for (const Candidate& each : some) by_id.emplace(each.trace_id, each);
    MESHFLOW_TRY(const std::vector<Trace> traces, source.read(some));
    for (const Trace& trace : traces) {
      MESHFLOW_TRY(const auto sets, pipelines.evaluate(trace));
      if (has_span_in(range, trace, sets)) found.push_back(by_id.at(trace.rows.front().trace_id));
    }
  }
  return {};
}

}  // namespace

Result<Matches> all_matches(store::Snapshot& snapshot, const Pipeline& pipeline, store::TimeRange range,
                            const store::QueryLimits& limits) {
  Matches matches;
  if (range.from > range.to) return matches;
  Fields fields;
  fields.add(pipeline);
  MESHFLOW_TRY(Source source, Source::open(snapshot, {}, std::move(fields), limits));
  if (source.pieces().empty()) return matches;
  const std::vector<Pushdown> drivers = drivers_of(pipeline);
  const bool is_single_filter = only_filter_of(pipeline) != nullptr;
  if (is_single_filter && drivers.front().is_exact) {
    MESHFLOW_TRY(const auto known, source.indexed(drivers.front().condition));
    if (!known) {
      MESHFLOW_TRY(matches.traces, source.candidates(range, drivers.front().condition));
      return matches;
    }
  }
  MESHFLOW_TRY(auto candidates, candidates_of(source, drivers, range, is_single_filter));
  const Pipelines pipelines(pipeline, source.fields());
  const auto kept = keep_found(source, pipelines, range, std::move(candidates), matches.traces);
  if (!kept) {
    const bool is_limit = kept.error().code == ErrorCode::timeout || kept.error().code == ErrorCode::limit_exceeded;
    if (!is_limit || matches.traces.empty()) return tl::unexpected(kept.error());
    matches.cut_by = kept.error();
  }
  return matches;
}

}  // namespace meshflow::query::traceql
