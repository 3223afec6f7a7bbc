// TraceQL over a store of agent-like spans: how long the questions take that users of it ask most.
//
// usage: bench_traceql [SPANS [DIRECTORY]]
// Fills DIRECTORY (build/bench/traceql) with SPANS spans (1,000,000) unless a store of so many is there already; then
// prints for each question the median and the slowest of 15 runs, a snapshot included, the CPU time of one, and
// what was found.
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "run_load.hpp"
#include "store_questions.hpp"

#include "query/traceql/check.hpp"
#include "query/traceql/metrics.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql/search.hpp"

namespace {

using namespace meshflow;
using bench::kRunNanos;
using bench::kRunsStart;
using bench::Runs;
constexpr int kRuns = 15;  // of each question

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
    options.range = {kRunsStart - 1, kRunsStart + nanos};
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
    bench::print_times(name, 84, bench::timed(store_, kRuns, work));
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
