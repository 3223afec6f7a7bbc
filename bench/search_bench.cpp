// Searches over a store of agent-like spans: how long Jaeger's questions take, newest traces first.
//
// usage: bench_search [SPANS [DIRECTORY]]
// Fills DIRECTORY (build/bench/search) with SPANS spans (1,000,000) unless a store of so many is there already; then
// prints for each question the median and the 95th percentile of 15 runs, a snapshot included, the CPU time of one, and
// what was found.
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "run_load.hpp"
#include "store_questions.hpp"

#include "query/jaeger_search.hpp"
#include "query/jaeger_trace.hpp"
#include "query/report.hpp"

namespace {

using namespace meshflow;
using bench::kRunNanos;
using bench::kRunsStart;
using bench::Runs;

class Questions {
 public:
  explicit Questions(store::TraceStore& store) : store_(store) {}

  // Finds, and where `is_whole` also reads the traces and writes Jaeger's JSON.
  void ask(const char* name, const query::JaegerQuery& query, bool is_whole = false) {
    std::size_t found = 0;
    time(name, [&](store::Snapshot& snapshot) {
      const auto traces = query::find_jaeger_traces(snapshot, query);
      if (!traces) std::exit(meshflow::report(traces.error()));
      found = traces->size();
      if (!is_whole) return;
      std::vector<otlp::TraceId> ids;
      for (const auto& each : *traces) ids.push_back(each.trace_id);
      write(snapshot, ids);
    });
    fmt::print("  {} traces\n", found);
  }
  void report(const char* name, const query::ReportRequest& request) {
    std::size_t roles = 0;
    time(name, [&](store::Snapshot& snapshot) {
      const auto made = query::make_report(snapshot, request);
      if (!made) std::exit(meshflow::report(made.error()));
      roles = made->latency_by_role.size() + made->groups.size();
    });
    fmt::print("  {} roles or groups\n", roles);
  }
  void trace(const char* name, const otlp::TraceId& id) {
    time(name, [&](store::Snapshot& snapshot) { write(snapshot, {id}); });
    fmt::print("\n");
  }

 private:
  static void write(store::Snapshot& snapshot, const std::vector<otlp::TraceId>& ids) {
    const auto traces = snapshot.traces(ids);
    if (!traces) std::exit(meshflow::report(traces.error()));
    query::JsonWriter out;
    for (const auto& trace : *traces) query::write_json(out, query::to_jaeger(trace));
  }
  template <typename Work>
  void time(const char* name, Work work) {
    const bench::Times times = bench::timed(store_, 15, work);
    fmt::print("{:<46} p50 {:8.2f} ms  p95 {:8.2f} ms  CPU {:8.2f} ms", name, times.wall_ms[7], times.wall_ms[14],
               times.cpu_ms);
  }

  store::TraceStore& store_;
};

query::JaegerQuery with_tag(const char* tag, std::size_t traces_max = 20) {
  query::JaegerQuery query;
  query.traces_max = traces_max;
  query.range = {0, UINT64_MAX};
  query.service = "meshflow";
  query.tags = query::parse_jaeger_tags({tag}, {}).value().tags;
  return query;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t spans = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::uint64_t runs = spans / Runs::kSpansOfRun / Runs::kRunsOfRequest * Runs::kRunsOfRequest;
  auto store = bench::filled_store<Runs>(argc > 2 ? argv[2] : "build/bench/search", runs);
  if (!store) return report(store.error());
  fmt::print("{} spans\n", (*store)->stats().stored_spans);
  Questions questions(**store);
  questions.ask("newest 20 blocked", with_tag("meshflow.verdict:blocked"));
  questions.ask("newest 20 blocked, as Jaeger's JSON", with_tag("meshflow.verdict:blocked"), true);
  questions.ask("newest 20 blocked, short name", with_tag("verdict:blocked"));
  questions.ask("newest 20 with an error", with_tag("error:true"));
  query::JaegerQuery newest;
  newest.range = {0, UINT64_MAX};
  newest.traces_max = 20;
  questions.ask("newest 20", newest);
  questions.ask("newest 20, as Jaeger's JSON", newest, true);
  questions.ask("a unique run id", with_tag(("meshflow.run_id:" + Runs::run_id(runs / 3)).c_str()));
  questions.ask("a unique run id, short name", with_tag(("run_id:" + Runs::run_id(runs / 3)).c_str()));
  questions.ask("an unknown run id", with_tag("meshflow.run_id:run_unknown"));
  questions.trace("a trace by its id, as Jaeger's JSON", Runs::trace_id(runs / 3));
  questions.trace("an unknown trace id", otlp::TraceId{1, 2, 3});
  questions.ask("runs over a cost", with_tag("run_cost_usd:>0.0039"));
  questions.ask("an attribute without a column", with_tag("enduser.id:user-77"));
  questions.ask("the same, newest 1,000", with_tag("enduser.id:user-77", 1'000));
  questions.ask("a column's value that is nowhere", with_tag("meshflow.role:nobody"));
  questions.ask("an attribute that is nowhere", with_tag("nothing:at all"));
  query::ReportRequest all{.from = kRunsStart, .to = kRunsStart + runs * kRunNanos + 1'000'000'000};
  questions.report("the whole report, over all", all);
  // Half of the spans in each period.
  query::ReportRequest half{.from = kRunsStart + runs / 2 * kRunNanos, .to = kRunsStart + runs * kRunNanos};
  questions.report("the whole report, over the later half", half);
  all.by = query::ReportGroup::role;
  questions.report("the report by role", all);
  all.by = query::ReportGroup::model;
  questions.report("the report by model", all);
  if (const auto closed = (*store)->close(); !closed) return report(closed.error());
  return 0;
}
