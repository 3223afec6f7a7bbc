#include "query/traceql/search.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/try.hpp"
#include "query/trace_search.hpp"
#include "query/traceql/source.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query::traceql {
namespace {

using store::TimeRange;

// Spans that the first step looks through, and how much more the next does at most (trace_search.cpp).
constexpr double kFirstStepSpans = 1 << 16;
constexpr double kStepGrowthMax = 8;
constexpr double kStepReserve = 1.3;
// Whole traces that are read together where not all of them will be found.
constexpr std::size_t kTracesAtOnceMax = 1'024;

bool is_newer(const Candidate& a, const Candidate& b) {
  return a.first != b.first ? a.first > b.first : a.trace_id < b.trace_id;
}

class Search {
 public:
  Search(const Pipeline& pipeline, const SearchOptions& options, Source source, std::size_t fields_asked_for)
      : options_(options),
        source_(std::move(source)),
        fields_asked_for_(fields_asked_for),
        pipelines_(pipeline, source_.fields()),
        drivers_(drivers_of(pipeline)),
        is_single_filter_(only_filter_of(pipeline) != nullptr),
        is_exact_(is_single_filter_ && drivers_.front().is_exact) {}

  Result<SearchResult> run() {
    const auto done = find();
    if (!done) {
      const bool is_limit = done.error().code == ErrorCode::timeout || done.error().code == ErrorCode::limit_exceeded;
      if (!is_limit || result_.traces.empty()) return tl::unexpected(done.error());
      result_.cut_by = done.error();
    }
    result_.spans_read = source_.spans_read();
    result_.bytes_read = source_.bytes_read();
    return std::move(result_);
  }

 private:
  Result<void> find();
  Result<void> choose_driver();
  Result<void> walk(TimeRange range);
  // Evaluates candidates, newest first, until enough are found.
  Result<void> look_at(std::vector<Candidate> candidates);
  Result<void> add(const Trace& trace);
  [[nodiscard]] bool is_full() const { return result_.traces.size() >= options_.traces_max; }
  [[nodiscard]] FoundSpan span_of(const Row& row) const;
  [[nodiscard]] std::vector<ServiceSpans> services_of(const Trace& trace);

  const SearchOptions& options_;
  Source source_;
  const std::size_t fields_asked_for_;  // those of the query; what follows is only counted
  const Pipelines pipelines_;
  std::vector<Pushdown> drivers_;
  const bool is_single_filter_;
  const bool is_exact_;  // what the driver finds is what the query finds
  SearchResult result_;
};

Result<void> Search::find() {
  if (options_.traces_max == 0 || options_.range.from > options_.range.to || source_.pieces().empty()) return {};
  for (const Pushdown& each : drivers_) {
    MESHFLOW_TRY(auto known, source_.indexed(each.condition));
    if (!known) continue;
    std::sort(known->begin(), known->end(), is_newer);
    return look_at(std::move(*known));
  }
  MESHFLOW_CHECK(choose_driver());
  // A driver that is not the result's condition may lie before or after the range, in the same trace.
  TimeRange range = options_.range;
  if (!is_single_filter_) {
    MESHFLOW_TRY(range, source_.hull(range));
  }
  return walk(range);
}

// The rarest first.
Result<void> Search::choose_driver() {
  if (drivers_.size() == 1) return {};
  MESHFLOW_TRY(const std::vector<std::uint64_t> counts, source_.sample(options_.range, drivers_));
  const auto rarest = std::min_element(counts.begin(), counts.end());
  std::swap(drivers_.front(), drivers_[static_cast<std::size_t>(rarest - counts.begin())]);
  return {};
}

// Backwards, in steps that grow. What has not been seen starts before the last step: its traces are older than those
// that start in it.
Result<void> Search::walk(TimeRange range) {
  const TimeRange all = source_.extent();
  TimeRange left{std::max(all.from, range.from), std::min(all.to, range.to)};
  std::unordered_set<store::U128, store::HashU128> seen;
  std::vector<Candidate> pending;
  double spans = kFirstStepSpans;
  double looked_at = 0;
  while (left.from <= left.to && !is_full()) {
    const TimeRange window{window_start(source_.pieces(), left, spans), left.to};
    const bool is_last = window.from == left.from;
    MESHFLOW_TRY(const std::vector<Candidate> found, source_.candidates(window, drivers_.front().condition));
    for (const Candidate& each : found) {
      if (seen.insert(each.trace_id).second) pending.push_back(each);
    }
    const auto known = std::partition(pending.begin(), pending.end(),
                                      [&](const Candidate& each) { return !is_last && each.first < window.from; });
    std::vector<Candidate> ready(known, pending.end());
    pending.erase(known, pending.end());
    std::sort(ready.begin(), ready.end(), is_newer);
    MESHFLOW_CHECK(look_at(std::move(ready)));
    if (is_last) break;
    left.to = window.from - 1;
    looked_at += spans;
    const auto count = static_cast<double>(result_.traces.size());
    const double missing = static_cast<double>(options_.traces_max) - count;
    const double growth = count > 0 ? looked_at / count * missing * kStepReserve / spans : kStepGrowthMax;
    spans *= std::clamp(growth, 1.0, kStepGrowthMax);
  }
  return {};
}

Result<void> Search::look_at(std::vector<Candidate> candidates) {
  std::size_t at = 0;
  std::size_t at_once = std::min(options_.traces_max, kTracesAtOnceMax);
  while (at < candidates.size() && !is_full()) {
    const std::size_t missing = options_.traces_max - result_.traces.size();
    const std::size_t count =
        std::min(candidates.size() - at, is_exact_ ? std::min(missing, kTracesAtOnceMax) : at_once);
    const auto begin = candidates.begin() + static_cast<std::ptrdiff_t>(at);
    MESHFLOW_TRY(std::vector<Trace> traces, source_.read({begin, begin + static_cast<std::ptrdiff_t>(count)}));
    at += count;
    at_once = std::min(at_once * 4, kTracesAtOnceMax);
    result_.traces_read += traces.size();
    std::sort(traces.begin(), traces.end(), [](const Trace& a, const Trace& b) {
      return a.start != b.start ? a.start > b.start : a.rows.front().trace_id < b.rows.front().trace_id;
    });
    for (const Trace& trace : traces) {
      if (is_full()) break;
      MESHFLOW_CHECK(add(trace));
    }
  }
  return {};
}

Result<void> Search::add(const Trace& trace) {
  MESHFLOW_TRY(std::vector<SpanSet> sets, pipelines_.evaluate(trace));
  if (!has_span_in(options_.range, trace, sets)) return {};
  FoundTrace found;
  found.trace_id = trace_id_of(trace.rows.front().trace_id);
  found.has_root = trace.root != kNoSpan;
  if (found.has_root) {
    found.root_name = trace.rows[trace.root].name;
    found.root_service = source_.reader().service_of(trace.rows[trace.root]);
  }
  found.start = trace.start;
  found.duration_nanos = trace.end - trace.start;
  for (SpanSet& set : sets) {
    FoundSet& made = found.sets.emplace_back();
    made.matched = set.spans.size();
    made.attributes = std::move(set.attributes);
    const std::size_t shown = std::min(set.spans.size(), options_.spans_per_set_max);
    for (std::size_t i = 0; i < shown; ++i) made.spans.push_back(span_of(trace.rows[set.spans[i]]));
  }
  if (options_.with_services) found.services = services_of(trace);
  result_.traces.push_back(std::move(found));
  if (options_.on_found) options_.on_found(result_.traces.back());
  return {};
}

std::vector<ServiceSpans> Search::services_of(const Trace& trace) {
  const std::size_t status = source_.fields().place_of({Intrinsic::status});
  std::map<std::uint64_t, ServiceSpans> of_resources;
  for (const Row& row : trace.rows) {
    ServiceSpans& counted = of_resources[row.resource];
    if (++counted.spans == 1) counted.service = source_.reader().service_of(row);
    if (row.cells[status] == Cell{Status::error}) ++counted.errors;
  }
  std::map<std::string, ServiceSpans> of_services;
  for (const auto& [resource, counted] : of_resources) {
    ServiceSpans& sum = of_services[counted.service];
    sum = {counted.service, sum.spans + counted.spans, sum.errors + counted.errors};
  }
  std::vector<ServiceSpans> services;
  for (auto& [name, sum] : of_services) services.push_back(std::move(sum));
  return services;
}

FoundSpan Search::span_of(const Row& row) const {
  FoundSpan span;
  span.span_id = store::span_id_of(row.span_id);
  span.name = row.name;
  span.start = row.start;
  span.duration_nanos = row.duration > 0 ? static_cast<std::uint64_t>(row.duration) : 0;
  for (std::size_t i = 0; i < fields_asked_for_; ++i) {
    const Cell* cell = &row.cells[i];
    if (const auto* const several = std::get_if<Several>(&cell->value)) {
      if (several->of.empty()) continue;
      cell = &several->of.front();
    }
    if (!cell->is_nil()) span.attributes.push_back({source_.fields().all()[i], *cell});
  }
  return span;
}

}  // namespace

Result<SearchResult> search(store::Snapshot& snapshot, const Pipeline& pipeline, const SearchOptions& options) {
  Fields fields;
  fields.add(pipeline);
  const std::size_t asked_for = fields.all().size();
  if (options.with_services) fields.add({Intrinsic::status});
  MESHFLOW_TRY(Source source, Source::open(snapshot, {}, std::move(fields), options.limits));
  return Search(pipeline, options, std::move(source), asked_for).run();
}

}  // namespace meshflow::query::traceql
