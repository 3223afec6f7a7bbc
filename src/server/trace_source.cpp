#include "server/trace_source.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include "base/clock.hpp"
#include "base/try.hpp"
#include "query/sql/export.hpp"
#include "query/trace_name.hpp"
#include "query/trace_rows.hpp"
#include "query/trace_search.hpp"
#include "server/tempo_answers.hpp"

namespace meshflow::server {
namespace {

// Traces, and spans of them, that one traces_after() gives: what is held in memory for it.
constexpr std::size_t kPageTraces = 64;
constexpr std::size_t kPageSpansMax = 100'000;
constexpr std::chrono::seconds kVisibleLimit{30};

}  // namespace

Result<std::vector<query::TraceRow>> StoreTraceSource::newest(std::size_t limit) {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  const query::TraceSearch search{
      .condition = query::Condition{query::AllOf{}}, .range = {}, .traces_max = std::min(limit, kNewestMax)};
  MESHFLOW_TRY(const auto found, query::find_traces(snapshot, search));
  std::vector<otlp::TraceId> ids;
  for (const query::FoundTrace& each : found) ids.push_back(each.trace_id);
  return query::read_trace_rows(snapshot, ids);
}

Result<store::StoredTrace> StoreTraceSource::trace(std::string_view name) {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  MESHFLOW_TRY(const otlp::TraceId trace_id, query::find_trace(snapshot, name));
  const std::vector<otlp::TraceId> ids{trace_id};
  MESHFLOW_TRY(auto traces, snapshot.traces(ids));
  if (traces.empty()) return fail(ErrorCode::not_found, "the trace is not there any more");
  return std::move(traces.front());
}

Result<std::vector<store::StoredTrace>> StoreTraceSource::traces_after(const std::optional<otlp::TraceId>& after) {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  MESHFLOW_TRY(std::vector<otlp::TraceId> ids, query::trace_ids_after(snapshot, after, kPageTraces));
  while (ids.size() > 1) {
    auto traces = snapshot.traces(ids, {.rows_max = kPageSpansMax});
    if (traces || traces.error().code != ErrorCode::limit_exceeded) return traces;
    ids.resize(ids.size() / 2);
  }
  return snapshot.traces(ids);
}

Result<store::TraceStore::Received> StoreTraceSource::import(std::string request) {
  // Shared with the store's thread, which may still be in `done` when this one goes on.
  const auto promise = std::make_shared<std::promise<Result<store::TraceStore::Received>>>();
  auto future = promise->get_future();
  store_.ingest(std::move(request),
                [promise](Result<store::TraceStore::Received> result) { promise->set_value(std::move(result)); });
  auto received = future.get();
  if (received && !store_.wait_until_visible(kVisibleLimit)) {
    return fail(ErrorCode::timeout, "the spans are kept, and take longer than expected to be visible");
  }
  return received;
}

Result<query::sql::Answer> StoreTraceSource::sql(std::string_view text, std::size_t rows_max) {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  query::sql::Options options;
  options.limits.rows_max = rows_max;
  options.now_unix_nanos = system_clock().wall_nanos();
  return query::sql::run(snapshot, text, options);
}

Result<std::string> StoreTraceSource::search(const query::TempoSearch& search) {
  auto answer = answer_search({store_}, search);
  if (!answer) return tl::unexpected(std::move(answer).error().error);
  return std::move(*answer);
}

Result<std::string> StoreTraceSource::metrics(const query::TempoMetrics& metrics) {
  auto answer = metrics.step > 0 ? answer_query_range({store_}, metrics) : answer_query_instant({store_}, metrics);
  if (!answer) return tl::unexpected(std::move(answer).error().error);
  return std::move(*answer);
}

Result<std::string> StoreTraceSource::export_parquet(std::string_view name) {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  query::sql::ExportOptions options{.folder = store_.temporary_directory()};
  if (!name.empty()) {
    MESHFLOW_TRY(options.trace_id, query::find_trace(snapshot, name));
  }
  return query::sql::export_parquet(snapshot, options);
}

Result<query::Report> StoreTraceSource::report(const query::ReportRequest& request) {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  return query::make_report(snapshot, request);
}

}  // namespace meshflow::server
