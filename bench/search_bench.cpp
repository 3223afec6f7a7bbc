// Searches over a store of agent-like spans: how long Jaeger's questions take, newest traces first.
//
// usage: bench_search [SPANS [DIRECTORY]]
// Fills DIRECTORY (build/bench/search) with SPANS spans (1,000,000) unless a store of so many is there already; then
// prints for each question the median and the 95th percentile of 15 runs, a snapshot included, the CPU time of one, and
// what was found.
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "store_questions.hpp"

#include "query/jaeger_search.hpp"
#include "query/jaeger_trace.hpp"
#include "query/report.hpp"

namespace {

using namespace meshflow;
using bench::mixed;

constexpr std::uint64_t kStart = 1'764'000'000'000'000'000;
constexpr std::uint64_t kRunNanos = 40'000'000;  // between the starts of two runs

// Run `number`: a root, agents, gates and ledger writes, twelve attributes each; one agent in a thousand is blocked.
class Runs {
 public:
  static constexpr std::size_t kSpansOfRun = 50;
  static constexpr std::size_t kRunsOfRequest = 10;

  otlp::TracesData request(std::uint64_t first) {
    otlp::TracesData traces;
    auto& resource = traces.resource_spans.emplace_back();
    resource.resource.attributes = {{"service.name", {std::string("meshflow")}},
                                    {"host.name", {fmt::format("host-{}", first / 1'000 % 7)}}};
    auto& scope = resource.scope_spans.emplace_back();
    scope.scope = {"meshflow", "0.1.0", {}, 0};
    for (std::size_t run = 0; run < kRunsOfRequest; ++run) {
      for (std::size_t i = 0; i < kSpansOfRun; ++i) scope.spans.push_back(span(first + run, i));
    }
    return traces;
  }
  static std::string run_id(std::uint64_t number) { return fmt::format("run_{:016x}", mixed(number)); }
  static otlp::TraceId trace_id(std::uint64_t number) {
    otlp::TraceId id{};
    const std::uint64_t words[] = {mixed(number * 2 + 1), mixed(number * 2 + 2)};
    std::copy_n(reinterpret_cast<const std::uint8_t*>(words), id.size(), id.begin());
    return id;
  }

 private:
  otlp::Span span(std::uint64_t run, std::size_t i) {
    static const char* const kNames[] = {"meshflow.agent", "meshflow.gate", "chat mock-1", "meshflow.ledger_write"};
    static const char* const kRoles[] = {"planner", "researcher", "executor", "critic"};
    otlp::Span made;
    made.trace_id = trace_id(run);
    const std::uint64_t id = mixed(run * kSpansOfRun + i + 1);
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&id), made.span_id.size(), made.span_id.begin());
    const bool is_agent = i % 4 == 0;
    const bool is_blocked = is_agent && random_() % 1'000 == 0;
    made.name = i == 0 ? "meshflow.run" : kNames[i % 4];
    made.kind = otlp::SpanKind::internal;
    made.start_time_unix_nano = kStart + run * kRunNanos + i * 1'700'000;
    made.end_time_unix_nano = made.start_time_unix_nano + 200'000 + random_() % 120'000'000;
    made.status.code = is_blocked ? otlp::StatusCode::error : otlp::StatusCode::ok;
    const std::string role = kRoles[i / 4 % 4];
    made.attributes = {{"meshflow.run_id", {run_id(run)}},
                       {"meshflow.node_id", {role + "-1"}},
                       {"meshflow.role", {role}},
                       {"meshflow.cost_usd", {static_cast<double>(random_() % 4'000) * 1e-6}},
                       {"meshflow.tokens", {static_cast<std::int64_t>(random_() % 1'500)}},
                       {"meshflow.uncertainty", {static_cast<double>(random_() % 100) / 100}},
                       {"meshflow.verdict", {std::string(is_blocked ? "blocked" : "allowed")}},
                       {"gen_ai.request.model", {std::string("mock-1")}},
                       {"gen_ai.provider.name", {std::string("mock")}},
                       {"server.address", {std::string("localhost")}},
                       {"enduser.id", {fmt::format("user-{}", random_() % 10'000)}},
                       {"meshflow.ledger.seq", {static_cast<std::int64_t>(i)}}};
    return made;
  }

  std::mt19937_64 random_{1};
};

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
  query::ReportRequest all{.from = kStart, .to = kStart + runs * kRunNanos + 1'000'000'000};
  questions.report("the whole report, over all", all);
  // Half of the spans in each period.
  query::ReportRequest half{.from = kStart + runs / 2 * kRunNanos, .to = kStart + runs * kRunNanos};
  questions.report("the whole report, over the later half", half);
  all.by = query::ReportGroup::role;
  questions.report("the report by role", all);
  all.by = query::ReportGroup::model;
  questions.report("the report by model", all);
  if (const auto closed = (*store)->close(); !closed) return report(closed.error());
  return 0;
}
