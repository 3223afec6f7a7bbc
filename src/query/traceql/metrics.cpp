#include "query/traceql/metrics.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/traceql/collect.hpp"
#include "query/traceql/metrics_compare.hpp"
#include "query/traceql/metrics_sql.hpp"
#include "query/traceql/source.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query::traceql {
namespace {

// Traces that are read and evaluated together.
constexpr std::size_t kTracesAtOnce = 1'024;

Fields fields_of(const MetricsQuery& query) {
  Fields fields;
  fields.add(query.pipeline);
  for (const Field& field : query.stage.by) fields.add(field);
  if (query.stage.argument) fields.add(*query.stage.argument);
  if (query.stage.compare) fields.add(query.stage.compare->selection.condition);
  return fields;
}

bool any_of_trace(const Fields& fields) { return std::any_of(fields.all().begin(), fields.all().end(), is_of_trace); }

class Runner {
 public:
  Runner(store::Snapshot& snapshot, const MetricsOptions& options) : snapshot_(snapshot), options_(options) {}

  Result<SeriesSet> evaluate(const Metrics& query);
  [[nodiscard]] std::uint64_t spans_read() const { return spans_read_; }

 private:
  Result<SeriesSet> run(const MetricsQuery& query);
  Result<SeriesSet> calculate(const MetricsOperation& operation);
  // One filter and no look at other spans: row by row.
  Result<SeriesSet> stream(Source& source, const MetricsQuery& query, const Intervals& intervals);
  // Calls `take` with every trace of which the pipeline may find a span in the window, some at a time.
  using Take = std::function<Result<void>(const std::vector<Trace>&)>;
  Result<void> for_each_trace(Source& source, const Pipeline& pipeline, store::TimeRange window, const Take& take);
  Result<SeriesSet> collect(Source& source, const MetricsQuery& query, const Intervals& intervals);
  Result<SeriesSet> compare(Source& source, const MetricsQuery& query, const Intervals& intervals);

  store::Snapshot& snapshot_;
  const MetricsOptions& options_;
  std::uint64_t spans_read_ = 0;
};

Result<SeriesSet> Runner::evaluate(const Metrics& query) {
  SeriesSet set;
  if (const auto* const single = std::get_if<MetricsQuery>(&query.of)) {
    MESHFLOW_TRY(set, run(*single));
  } else {
    MESHFLOW_TRY(set, calculate(std::get<MetricsOperation>(query.of)));
  }
  for (const SecondStage& stage : query.then) {
    if (const auto* const topk = std::get_if<TopK>(&stage)) {
      set = top(std::move(set), *topk);
    } else {
      set = filtered(std::move(set), std::get<MetricsFilter>(stage));
    }
  }
  return set;
}

Result<SeriesSet> Runner::calculate(const MetricsOperation& operation) {
  const auto* const left = std::get_if<Literal>(&operation.left);
  const auto* const right = std::get_if<Literal>(&operation.right);
  if (left != nullptr) {
    MESHFLOW_TRY(SeriesSet set, evaluate(*std::get<Box<Metrics>>(operation.right)));
    return calculated(operation.op, std::move(set), number_in(cell_of(left->value)), true);
  }
  MESHFLOW_TRY(SeriesSet set, evaluate(*std::get<Box<Metrics>>(operation.left)));
  if (right != nullptr) return calculated(operation.op, std::move(set), number_in(cell_of(right->value)), false);
  MESHFLOW_TRY(const SeriesSet other, evaluate(*std::get<Box<Metrics>>(operation.right)));
  return calculated(operation.op, set, other);
}

Result<SeriesSet> Runner::run(const MetricsQuery& query) {
  MESHFLOW_TRY(const Intervals intervals, Intervals::of(options_, is_whole_result(query.stage.function)));
  const Fields fields = fields_of(query);
  const bool is_compare = query.stage.function == MetricsFunction::compare;
  if (!is_compare && only_filter_of(query.pipeline) != nullptr && !any_of_trace(fields)) {
    MESHFLOW_TRY(Source source, Source::open(snapshot_, intervals.window(), fields, options_.limits));
    MESHFLOW_CHECK(source.know_memory());
    MESHFLOW_TRY(auto counted, series_by_sql(source, query, intervals, options_.exemplars_max));
    if (counted) return std::move(*counted);
    return stream(source, query, intervals);
  }
  MESHFLOW_TRY(Source source, Source::open(snapshot_, {}, fields, options_.limits));
  auto set = is_compare ? compare(source, query, intervals) : collect(source, query, intervals);
  spans_read_ += source.spans_read();
  return set;
}

Result<SeriesSet> Runner::stream(Source& source, const MetricsQuery& query, const Intervals& intervals) {
  const SpansetFilter& filter = *only_filter_of(query.pipeline);
  const Evaluator condition(filter.condition, source.fields());
  Collector collector(query.stage, intervals, source.fields(), options_.exemplars_max);
  MESHFLOW_TRY(const Source::Statement statement,
               source.select(source.reader().select_list(), intervals.window(), pushdown(filter.condition).condition));
  if (!statement.sql.empty()) {
    MESHFLOW_CHECK(source.ask(statement, [&](const store::Batch& batch) -> Result<bool> {
      for (std::size_t i = 0; i < batch.rows(); ++i) {
        MESHFLOW_TRY(const Row row, source.reader().read(batch, i));
        if (condition.holds(row.cells)) MESHFLOW_CHECK(collector.add(row));
      }
      spans_read_ += batch.rows();
      return true;
    }));
  }
  return collector.series();
}

Result<void> Runner::for_each_trace(Source& source, const Pipeline& pipeline, store::TimeRange window,
                                    const Take& take) {
  if (source.pieces().empty()) return {};
  std::vector<Pushdown> drivers = drivers_of(pipeline);
  std::vector<Candidate> candidates;
  bool is_known = false;
  for (const Pushdown& each : drivers) {
    MESHFLOW_TRY(auto known, source.indexed(each.condition));
    if (!known) continue;
    candidates = std::move(*known);
    is_known = true;
    break;
  }
  if (!is_known) {
    MESHFLOW_TRY(const auto counts, source.sample(window, drivers));
    const auto rarest = std::min_element(counts.begin(), counts.end()) - counts.begin();
    MESHFLOW_TRY(const store::TimeRange hull, source.hull(window));
    MESHFLOW_TRY(candidates, source.candidates(hull, drivers[static_cast<std::size_t>(rarest)].condition));
  }
  std::erase_if(candidates, [&](const Candidate& each) { return each.last < window.from || each.first > window.to; });
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.first < b.first; });
  for (std::size_t at = 0; at < candidates.size(); at += kTracesAtOnce) {
    const auto begin = candidates.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(kTracesAtOnce, candidates.size() - at));
    MESHFLOW_TRY(const std::vector<Trace> traces, source.read({begin, end}));
    MESHFLOW_CHECK(take(traces));
  }
  return {};
}

Result<SeriesSet> Runner::collect(Source& source, const MetricsQuery& query, const Intervals& intervals) {
  const Pipelines pipelines(query.pipeline, source.fields());
  Collector collector(query.stage, intervals, source.fields(), options_.exemplars_max);
  MESHFLOW_CHECK(
      for_each_trace(source, query.pipeline, intervals.window(), [&](const std::vector<Trace>& traces) -> Result<void> {
        for (const Trace& trace : traces) {
          MESHFLOW_TRY(const std::vector<SpanSet> sets, pipelines.evaluate(trace));
          for (const SpanSet& set : sets) {
            for (const std::size_t span : set.spans) {
              MESHFLOW_CHECK(collector.add(trace.rows[span]));
            }
          }
        }
        return {};
      }));
  return collector.series();
}

// Attributes come from the whole spans: rows have only what the query names.
Result<SeriesSet> Runner::compare(Source& source, const MetricsQuery& query, const Intervals& intervals) {
  const Pipelines pipelines(query.pipeline, source.fields());
  ValueCounts counts(*query.stage.compare, intervals, source.fields());
  std::uint64_t spans = 0;
  const auto take = [&](const std::vector<Trace>& traces) -> Result<void> {
    std::map<std::pair<otlp::TraceId, otlp::SpanId>, const Row*> found;
    std::vector<otlp::TraceId> ids;
    for (const Trace& trace : traces) {
      MESHFLOW_TRY(std::vector<SpanSet> sets, pipelines.evaluate(trace));
      if (sets.empty()) continue;
      ids.push_back(store::trace_id_of(trace.rows.front().trace_id));
      for (const SpanSet& set : sets) {
        for (const std::size_t span : set.spans) {
          const Row& row = trace.rows[span];
          otlp::SpanId id{};
          for (std::size_t i = 0; i < 8; ++i) id[i] = static_cast<std::uint8_t>(row.span_id >> (56 - 8 * i));
          found[{ids.back(), id}] = &row;
        }
      }
    }
    spans += found.size();
    if (spans > kCompareSpansMax) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("compare() has more spans than kCompareSpansMax ({})", kCompareSpansMax),
                  "narrow the filter or the time range");
    }
    MESHFLOW_TRY(const std::vector<store::StoredTrace> whole, snapshot_.traces(ids, options_.limits));
    for (const store::StoredTrace& trace : whole) {
      for (const auto& of_resource : trace.data.resource_spans) {
        for (const auto& of_scope : of_resource.scope_spans) {
          for (const otlp::Span& span : of_scope.spans) {
            const auto row = found.find({trace.trace_id, span.span_id});
            if (row != found.end()) counts.add(*row->second, span, of_resource.resource, of_scope.scope);
          }
        }
      }
    }
    return {};
  };
  MESHFLOW_CHECK(for_each_trace(source, query.pipeline, intervals.window(), take));
  return counts.series();
}

// As many values as there are times; a whole result among others stands for each of them.
void stretch(SeriesSet& set, std::size_t points) {
  if (!set.is_whole || points <= 1) return;
  for (Series& series : set.series) series.values.assign(points, series.values.front());
}

bool is_whole(const Metrics& query) {
  if (const auto* const single = std::get_if<MetricsQuery>(&query.of)) return is_whole_result(single->stage.function);
  const auto& operation = std::get<MetricsOperation>(query.of);
  const auto side = [](const MetricsOperand& operand) {
    const auto* const metrics = std::get_if<Box<Metrics>>(&operand);
    return metrics == nullptr || is_whole(**metrics);
  };
  return side(operation.left) && side(operation.right);
}

}  // namespace

Result<MetricsResult> metrics(store::Snapshot& snapshot, const Metrics& query, const MetricsOptions& options) {
  MESHFLOW_TRY(const Intervals intervals, Intervals::of(options, is_whole(query)));
  Runner runner(snapshot, options);
  MESHFLOW_TRY(SeriesSet set, runner.evaluate(query));
  stretch(set, intervals.points());
  const auto is_error = [](const Series& series) {
    return !series.labels.empty() && series.labels.front().name == "__meta_error";
  };
  SeriesSet errors;
  std::copy_if(set.series.begin(), set.series.end(), std::back_inserter(errors.series), is_error);
  set = finished(std::move(set));
  set.series.insert(set.series.end(), errors.series.begin(), errors.series.end());
  return MetricsResult{intervals.times(), std::move(set.series), runner.spans_read()};
}

}  // namespace meshflow::query::traceql
