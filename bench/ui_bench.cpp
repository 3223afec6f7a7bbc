// The web UI's questions to a store: the list of runs, an outline, and the report, over generated runs.
//
// usage: bench_ui [SPANS [DIRECTORY]]
// Fills DIRECTORY (build/bench/ui) with SPANS spans (1,000,000) in runs, and one trace of 10,000 and one of 100,000
// spans beside them, unless such a store is there already; then prints for each question the median and the slowest of
// 15 runs, a snapshot included, the CPU time of one, and how long the answer is.
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "run_load.hpp"
#include "store_questions.hpp"

#include "base/try.hpp"
#include "query/outline.hpp"
#include "query/report.hpp"
#include "query/run_list.hpp"
#include "query/run_question.hpp"

namespace {

using namespace meshflow;
using bench::kRunNanos;
using bench::kRunsStart;
using bench::Runs;

constexpr int kRuns = 15;  // of each question

otlp::TraceId large_trace(std::size_t spans) {
  otlp::TraceId id{};
  id[0] = 0xb1;
  for (std::size_t i = 0; i < 8; ++i) id[15 - i] = static_cast<std::uint8_t>(spans >> (8 * i));
  return id;
}

// One trace of so many spans, each below one of the eight before it, with the attributes of a run's.
Result<void> add_large_trace(store::TraceStore& store, std::size_t spans) {
  Runs make;
  std::vector<otlp::TracesData> requests;
  for (std::size_t at = 0; at < spans; at += Runs::kSpansOfRun * Runs::kRunsOfRequest) {
    otlp::TracesData request = make.request(at);
    auto& all = request.resource_spans.front().scope_spans.front().spans;
    if (all.size() > spans - at) all.resize(spans - at);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t number = at + i;
      all[i].trace_id = large_trace(spans);
      const auto id_of = [](std::size_t of) {
        otlp::SpanId id{};
        for (std::size_t byte = 0; byte < 8; ++byte) {
          id[byte] = static_cast<std::uint8_t>(bench::mixed(of + 1) >> (8 * byte));
        }
        return id;
      };
      all[i].span_id = id_of(number);
      all[i].parent_span_id =
          number == 0 ? otlp::SpanId{} : id_of(number - 1 - number % std::min<std::size_t>(number, 8));
      if (number > 0 && all[i].name == "meshflow.run") all[i].name = "meshflow.node";
    }
    requests.push_back(std::move(request));
  }
  for (const otlp::TracesData& request : requests) {
    MESHFLOW_CHECK(bench::send(store, request));
  }
  return store.flush();
}

class Questions {
 public:
  explicit Questions(store::TraceStore& store) : store_(store) {}

  void runs(const std::string& name, const query::Parameters& parameters) {
    auto asked = query::read_run_question(parameters);
    if (!asked) std::exit(report(query::traceql::to_error(asked.error().problem)));
    std::string found;
    time("runs: " + name, [&](store::Snapshot& snapshot) {
      const auto page = query::list_runs(snapshot, asked->question);
      if (!page) std::exit(report(page.error()));
      query::JsonWriter out;
      for (const query::TraceRow& row : page->rows) write_run_json(out, row);
      found = fmt::format("{} of {}, {} bytes", page->rows.size(), page->total.value_or(0), out.size());
    });
    fmt::print("  {}\n", found);
  }
  void outline(std::size_t spans) {
    std::size_t bytes = 0;
    time(fmt::format("outline of {} spans", spans), [&](store::Snapshot& snapshot) {
      const auto outline = query::read_outline(snapshot, large_trace(spans));
      if (!outline) std::exit(report(outline.error()));
      query::JsonWriter out;
      write_json(out, *outline);
      bytes = out.size();
    });
    fmt::print("  {} bytes\n", bytes);
  }
  // Over all runs, as if they had all been since yesterday; half of the period before is empty.
  void whole_report(std::uint64_t runs) {
    query::ReportRequest request;
    request.from = kRunsStart + runs * kRunNanos / 2;
    request.to = kRunsStart + runs * kRunNanos + 1;
    std::size_t roles = 0;
    time("report", [&](store::Snapshot& snapshot) {
      const auto made = query::make_report(snapshot, request);
      if (!made) std::exit(report(made.error()));
      roles = made->latency_by_role.size();
    });
    fmt::print("  {} roles\n", roles);
  }

 private:
  template <typename Work>
  void time(const std::string& name, Work work) {
    bench::print_times(name, 60, bench::timed(store_, kRuns, work));
  }

  store::TraceStore& store_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t spans = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::uint64_t runs = spans / Runs::kSpansOfRun / Runs::kRunsOfRequest * Runs::kRunsOfRequest;
  auto store = bench::filled_store<Runs>(argc > 2 ? argv[2] : "build/bench/ui", runs, 110'000);
  if (!store) return report(store.error());
  if ((*store)->stats().stored_spans == runs * Runs::kSpansOfRun) {
    for (const std::size_t large : {10'000, 100'000}) {
      if (const auto added = add_large_trace(**store, large); !added) return report(added.error());
    }
  }
  fmt::print("{} spans\n", (*store)->stats().stored_spans);
  Questions questions(**store);
  questions.runs("newest 20", {});
  questions.runs("newest 1,500", {{"limit", "1500"}});
  questions.runs("of a service, newest 20", {{"service", "meshflow"}});
  questions.runs("blocked, newest 20", {{"q", R"({ span.meshflow.verdict = "blocked" })"}});
  questions.runs("by run id", {{"tags", "run_id=" + Runs::run_id(runs / 3)}});
  questions.runs("over a cent", {{"tags", "cost_usd > 0.01"}, {"operation", "meshflow.run"}});
  questions.runs("dearest 20", {{"sort", "-cost_nano_usd"}});
  questions.runs("longest 20", {{"sort", "-duration_ns"}});
  questions.outline(10'000);
  questions.outline(100'000);
  questions.whole_report(runs);
  if (const auto closed = (*store)->close(); !closed) return report(closed.error());
  return 0;
}
