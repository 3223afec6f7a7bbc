// meshflow traces search: which traces a TraceQL query finds.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "base/try.hpp"
#include "cli/session.hpp"
#include "cli/tempo_json.hpp"
#include "cli/text.hpp"
#include "cli/trace_access.hpp"
#include "cli/traceql_question.hpp"
#include "query/tempo_requests.hpp"
#include "query/traceql/printer.hpp"

namespace meshflow::cli {
namespace {

namespace json = boost::json;

// Of a trace id, where the terminal has no room for all of it: enough for `traces show`.
constexpr std::size_t kShortIdDigits = 12;
constexpr std::size_t kWideColumns = 132;
constexpr std::size_t kRootColumnsMax = 28;

class TracesSearchCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "traces search"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Find traces by TraceQL, or by tags"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "QUERY is TraceQL, '{ span.meshflow.verdict = \"blocked\" }', or tags as people type them:\n"
           "'meshflow.verdict = blocked', 'service: meshflow tag: cost_usd > 0.01 lookback: 24h'. The newest traces "
           "come\n"
           "first, each with the first span that was found. With --json: one object, as Tempo's /api/search has it.";
  }
  void add_flags(CLI::App& app) override {
    question_.add_flags(app);
    app.add_option("--limit", limit_, "How many traces at most")
        ->type_name("N")
        ->check(CLI::Range(std::size_t{1}, query::kTempoTracesMax))
        ->capture_default_str();
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = search(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> search(const Session& session) {
    MESHFLOW_TRY(const query::traceql::Query query, question_.read(session));
    if (!std::holds_alternative<query::traceql::Pipeline>(query.of)) {
      return fail(ErrorCode::invalid_argument, "this asks for a metric, and a search is for spans",
                  "meshflow traces metrics counts");
    }
    query::TempoSearch search;
    search.query = print(query);
    search.traces_max = limit_;
    MESHFLOW_TRY(search.range, question_.range());
    MESHFLOW_TRY(auto access, TraceAccess::open(session));
    MESHFLOW_TRY(const std::string answer, access.source().search(search));
    MESHFLOW_CHECK(access.close());
    if (session.flags().json) {
      session.print_json(answer);
      return {};
    }
    MESHFLOW_TRY(const json::value parsed, parse_answer(answer));
    const json::array& traces = array_at(parsed, "traces");
    if (traces.empty()) {
      session.note("no trace has such spans");
    } else {
      print_table(session, traces);
    }
    if (const std::string why = text_at(parsed, "message"); !why.empty()) {
      session.warn(fmt::format("not everywhere was looked: {}", why));
    }
    return {};
  }

  static void print_table(const Session& session, const json::array& traces) {
    const std::size_t columns = session.output_columns();
    const bool is_narrow = columns != 0 && columns < kWideColumns;
    std::vector<Table::Column> headers{{"TRACE"}, {"ROOT"}};
    if (!is_narrow) headers.push_back({"STARTED"});
    headers.insert(headers.end(), {{"DURATION", true}, {"FOUND", true}, {"SPAN"}});
    Table table(std::move(headers));
    for (const json::value& trace : traces) {
      std::string id = text_at(trace, "traceID");
      if (is_narrow) id.resize(std::min(id.size(), kShortIdDigits));
      const std::string root = text_at(trace, "rootTraceName");
      std::vector<std::string> cells{std::move(id), cut_to(root.empty() ? "-" : one_line(root), kRootColumnsMax)};
      if (!is_narrow) cells.push_back(local_time_text(integer_at(trace, "startTimeUnixNano")));
      cells.push_back(duration_text(integer_at(trace, "durationMs") * 1'000'000));
      std::int64_t found = 0;
      for (const json::value& set : array_at(trace, "spanSets")) found += integer_at(set, "matched");
      cells.push_back(fmt::format("{}", found));
      cells.push_back(span_text(trace));
      table.add(std::move(cells));
    }
    session.print(table.text(columns));
  }

  // Of the first span that was found: its name, its duration, and what the query names.
  static std::string span_text(const json::value& trace) {
    const json::array& sets = array_at(trace, "spanSets");
    if (sets.empty()) return "";
    const json::array& spans = array_at(sets.front(), "spans");
    if (spans.empty()) return "";
    const json::value& span = spans.front();
    std::string text = fmt::format("{} {}", text_at(span, "name"), duration_text(integer_at(span, "durationNanos")));
    for (const auto* attributes : {&array_at(sets.front(), "attributes"), &array_at(span, "attributes")}) {
      for (const json::value& each : *attributes) text += fmt::format(" {}={}", text_at(each, "key"), value_text(each));
    }
    return one_line(text);
  }

  TraceqlQuestion question_{""};
  std::size_t limit_ = query::traceql::kTracesDefault;
};

}  // namespace

std::unique_ptr<Command> make_traces_search_command() { return std::make_unique<TracesSearchCommand>(); }

}  // namespace meshflow::cli
