// TraceQL over a store of agent-like spans: how long the questions take that users of it ask most.
//
// usage: bench_traceql [SPANS [DIRECTORY]]
// Fills DIRECTORY (build/bench/traceql) with SPANS spans (1,000,000) unless a store of so many is there already; then
// prints for each question the median and the slowest of 15 runs, a snapshot included, the CPU time of one, and
// what was found.
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "store_questions.hpp"

#include "query/traceql/check.hpp"
#include "query/traceql/metrics.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql/search.hpp"

namespace {

using namespace meshflow;
using bench::mixed;

constexpr std::uint64_t kStart = 1'764'000'000'000'000'000;
constexpr std::uint64_t kRunNanos = 40'000'000;  // between the starts of two runs
constexpr int kRuns = 15;  // of each question

// Run `number`: a root, its nodes, an agent in each with its gate and its model's call, twelve attributes each; one
// agent in a thousand is blocked, and so is the gate below it.
class Runs {
 public:
  static constexpr std::size_t kSpansOfRun = 49;
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

 private:
  template <typename Id>
  static Id id_of(std::uint64_t a, std::uint64_t b = 0) {
    Id id{};
    const std::uint64_t words[] = {mixed(a), mixed(b)};
    std::copy_n(reinterpret_cast<const std::uint8_t*>(words), id.size(), id.begin());
    return id;
  }
  static otlp::SpanId span_id(std::uint64_t run, std::size_t i) {
    return id_of<otlp::SpanId>(run * kSpansOfRun + i + 1);
  }

  // Span 0 is the run; then groups of four: an agent below the run, and its gate, call and ledger entry below the
  // agent.
  otlp::Span span(std::uint64_t run, std::size_t i) {
    static const char* const kNames[] = {"meshflow.ledger_write", "meshflow.agent", "meshflow.gate", "chat mock-1"};
    static const char* const kRoles[] = {"planner", "researcher", "executor", "critic"};
    otlp::Span made;
    made.trace_id = id_of<otlp::TraceId>(run * 2 + 1, run * 2 + 2);
    made.span_id = span_id(run, i);
    const std::size_t agent = i == 0 ? 0 : (i - 1) / 4 * 4 + 1;
    const bool is_agent = i != 0 && i == agent;
    if (i != 0) made.parent_span_id = span_id(run, is_agent ? 0 : agent);
    if (is_agent) is_blocked_ = random_() % 1'000 == 0;
    const bool is_blocked = is_blocked_ && (is_agent || i % 4 == 2) && i != 0;
    made.name = i == 0 ? "meshflow.run" : kNames[i % 4];
    made.kind = i % 4 == 3 ? otlp::SpanKind::client : otlp::SpanKind::internal;
    made.start_time_unix_nano = kStart + run * kRunNanos + i * 1'700'000;
    const bool is_slow = random_() % 2'000 == 0;
    made.end_time_unix_nano =
        made.start_time_unix_nano + 200'000 + random_() % 120'000'000 + (is_slow ? 2'000'000'000 : 0);
    made.status.code = is_blocked ? otlp::StatusCode::error : otlp::StatusCode::ok;
    const std::string role = kRoles[agent / 4 % 4];
    made.attributes = {{"meshflow.run_id", {run_id(run)}},
                       {"meshflow.node_id", {role + "-1"}},
                       {"meshflow.role", {role}},
                       {"meshflow.cost_usd", {static_cast<double>(random_() % (i == 0 ? 12'000 : 4'000)) * 1e-6}},
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
  bool is_blocked_ = false;
};

class Questions {
 public:
  explicit Questions(store::TraceStore& store) : store_(store) {}

  // The newest twenty traces that a query finds.
  void search(const std::string& text) {
    const query::traceql::Query query = parsed(text);
    const auto& pipeline = std::get<query::traceql::Pipeline>(query.of);
    std::size_t found = 0;
    std::uint64_t read = 0;
    time(text, [&](store::Snapshot& snapshot) {
      const auto result = query::traceql::search(snapshot, pipeline);
      if (!result) std::exit(report(result.error()));
      found = result->traces.size();
      read = result->spans_read;
    });
    fmt::print("  {} traces, {} spans read\n", found, read);
  }
  // Series over the whole store, in so many steps; 0: one interval.
  void metrics(const std::string& text, std::uint64_t nanos, std::uint64_t steps) {
    auto checked = query::traceql::compile_query(text);
    if (!checked) std::exit(report(checked.error()));
    const auto& query = std::get<query::traceql::Metrics>(checked->query().of);
    query::traceql::MetricsOptions options;
    options.range = {kStart - 1, kStart + nanos};
    if (steps > 0) options.step = nanos / steps;
    std::size_t series = 0;
    time(text, [&](store::Snapshot& snapshot) {
      const auto result = query::traceql::metrics(snapshot, query, options);
      if (!result) std::exit(report(result.error()));
      series = result->series.size();
    });
    fmt::print("  {} series\n", series);
  }

 private:
  static query::traceql::Query parsed(const std::string& text) {
    auto query = query::traceql::parse(text);
    if (!query) std::exit(report(query.error()));
    return std::move(*query);
  }
  template <typename Work>
  void time(const std::string& name, Work work) {
    const bench::Times times = bench::timed(store_, kRuns, work);
    fmt::print("{:<84} p50 {:8.2f} ms  max {:8.2f} ms  CPU {:8.2f} ms", name, times.wall_ms[kRuns / 2],
               times.wall_ms[kRuns - 1], times.cpu_ms);
  }

  store::TraceStore& store_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t spans = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::uint64_t runs = spans / Runs::kSpansOfRun / Runs::kRunsOfRequest * Runs::kRunsOfRequest;
  auto store = bench::filled_store<Runs>(argc > 2 ? argv[2] : "build/bench/traceql", runs);
  if (!store) return report(store.error());
  fmt::print("{} spans\n", (*store)->stats().stored_spans);
  Questions questions(**store);
  questions.search(R"({ span.meshflow.verdict = "blocked" })");
  questions.search(fmt::format(R"({{ span.meshflow.run_id = "{}" }})", Runs::run_id(runs / 3)));
  questions.search(R"({ span.meshflow.run_id = "run_unknown" })");
  questions.search(R"({ resource.service.name = "meshflow" && duration > 2s })");
  questions.search(R"({ name = "meshflow.agent" } >> { status = error })");
  questions.search(R"({ span.meshflow.cost_usd > 0.01 && name = "meshflow.run" })");
  questions.search(R"({ span.enduser.id = "user-77" })");
  questions.search(R"({ .verdict = "blocked" })");
  questions.search(R"({ span.meshflow.role = "nobody" })");
  questions.search(R"({ span.nothing = "at all" })");
  questions.search(R"({ status = error } | count() > 3)");
  questions.search(R"({ name = "meshflow.agent" } !>> { status = error })");
  questions.search("{ }");
  const std::uint64_t nanos = runs * kRunNanos;
  questions.metrics("{ } | quantile_over_time(duration, .5, .95, .99) by (span.meshflow.role)", nanos, 100);
  questions.metrics("{ } | rate() by (resource.service.name)", nanos, 100);
  questions.metrics(R"({ name = "meshflow.run" } | sum(span.meshflow.cost_usd))", nanos, 0);
  questions.metrics(R"({ name = "meshflow.agent" } | sum(.tokens) by (.role))", nanos, 0);
  questions.metrics(R"({ name = "meshflow.agent" } >> { status = error } | count_over_time())", nanos, 100);
  questions.metrics(R"({ status = error } | compare({ name = "meshflow.gate" }))", nanos, 0);
  if (const auto closed = (*store)->close(); !closed) return report(closed.error());
  return 0;
}
