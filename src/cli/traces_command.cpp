// meshflow traces and traces show: what the store has, for people.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/try.hpp"
#include "cli/session.hpp"
#include "cli/text.hpp"
#include "cli/trace_access.hpp"
#include "cli/waterfall.hpp"
#include "meshflow/runtime/summary.hpp"
#include "otlp/json.hpp"
#include "query/json_writer.hpp"
#include "query/trace_row.hpp"
#include "telemetry/exporters/console.hpp"

namespace meshflow::cli {
namespace {

// Where there is no terminal whose width could be asked for.
constexpr std::size_t kColumnsElsewhere = 120;
// Of a trace id, where the terminal has no room for all of it: enough for `traces show`.
constexpr std::size_t kShortIdDigits = 12;
constexpr std::size_t kWideColumns = 132;
constexpr std::size_t kRootColumnsMax = 40;
constexpr std::size_t kRootColumnsNarrow = 22;

std::string duration_of(const query::TraceRow& row) {
  return duration_text(static_cast<std::int64_t>(row.end_unix_nanos - row.start_unix_nanos));
}

class TracesCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "traces"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "List the newest traces; show one"; }
  [[nodiscard]] std::string_view details() const noexcept override { return "With --json: one object per line."; }
  void add_flags(CLI::App& app) override {
    app.require_subcommand(0, 1);
    app.add_option("--limit", limit_, "How many at most")
        ->type_name("N")
        ->check(CLI::Range(std::size_t{1}, server::kNewestMax))
        ->capture_default_str();
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = list(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> list(const Session& session) const {
    auto access = TraceAccess::open(session);
    std::vector<query::TraceRow> rows;
    if (access) {
      MESHFLOW_TRY(rows, access->source().newest(limit_));
      MESHFLOW_CHECK(access->close());
    } else if (access.error().code != ErrorCode::not_found) {
      return tl::unexpected(std::move(access).error());
    }
    if (session.flags().json) {
      for (const query::TraceRow& row : rows) {
        query::JsonWriter out;
        write_json(out, row);
        session.print_json(out.take());
      }
    } else if (rows.empty()) {
      session.note("there are no traces");
    } else {
      print_table(session, rows);
    }
    return {};
  }

  static void print_table(const Session& session, const std::vector<query::TraceRow>& rows) {
    const std::size_t columns = session.output_columns();
    const bool is_narrow = columns != 0 && columns < kWideColumns;
    std::vector<Table::Column> headers{{"TRACE"}, {"ROOT"}, {"STATUS"}};
    if (!is_narrow) headers.push_back({"STARTED"});
    for (const char* figure : {"SPANS", "DURATION", "COST", "TOKENS", "BLOCKED"}) headers.push_back({figure, true});
    Table table(std::move(headers));
    for (const query::TraceRow& row : rows) {
      std::string id = query::hex_of(row.trace_id);
      if (is_narrow) id.resize(kShortIdDigits);
      const std::string root = row.root.empty() ? "-" : one_line(row.root);
      std::vector<std::string> cells{std::move(id), cut_to(root, is_narrow ? kRootColumnsNarrow : kRootColumnsMax),
                                     row.status};
      if (!is_narrow) cells.push_back(local_time_text(static_cast<std::int64_t>(row.start_unix_nanos)));
      cells.push_back(fmt::format("{}", row.spans));
      cells.push_back(duration_of(row));
      cells.push_back(row.cost_nano_usd ? "$" + nano_text(*row.cost_nano_usd) : "-");
      cells.push_back(row.tokens ? fmt::format("{}", *row.tokens) : "-");
      cells.push_back(fmt::format("{}", row.blocked));
      table.add(std::move(cells));
    }
    session.print(in_colour(session, table.text(columns), rows));
  }

  // Rows in which something was blocked or failed are red.
  static std::string in_colour(const Session& session, std::string_view text,
                               const std::vector<query::TraceRow>& rows) {
    std::string out;
    for (std::size_t line = 0; !text.empty(); ++line) {
      const auto end = text.find('\n');
      const bool is_bad = line > 0 && (rows[line - 1].blocked > 0 || rows[line - 1].error_spans > 0);
      out += session.styled_output(is_bad ? Style::bad : Style::none, text.substr(0, end)) + "\n";
      text.remove_prefix(end + 1);
    }
    return out;
  }

  std::size_t limit_ = 20;
};

class TracesShowCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "traces show"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Show one trace as a waterfall"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "TRACE is a trace id or an unambiguous beginning of one, a run id (run_…) or its beginning, or last.\n"
           "With --json: one object, the trace's facts and its spans as OTLP JSON (resourceSpans).";
  }
  void add_flags(CLI::App& app) override {
    app.add_option("TRACE", trace_, "Which trace")->required();
    app.add_flag("--spans", with_spans_, "Every attribute of every span, too");
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = show(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> show(const Session& session) const {
    MESHFLOW_TRY(auto access, TraceAccess::open(session));
    MESHFLOW_TRY(const store::StoredTrace trace, access.source().trace(trace_));
    MESHFLOW_CHECK(access.close());
    if (session.flags().json) {
      session.print_json(json_text(trace));
      return {};
    }
    const std::size_t columns = session.output_columns();
    session.print(
        waterfall_text(trace, columns == 0 ? kColumnsElsewhere : columns,
                       [&session](Style style, std::string_view text) { return session.styled_output(style, text); }));
    if (with_spans_) print_spans(session, trace);
    return {};
  }

  static std::string json_text(const store::StoredTrace& trace) {
    constexpr std::string_view kOpening = R"({"resourceSpans":)";
    const std::string otlp = otlp::encode_json(trace.data);
    query::JsonWriter out;
    out.begin_object();
    write_json_members(out, query::row_of(trace));
    if (otlp.starts_with(kOpening)) {
      out.key("resourceSpans");
      out.raw(std::string_view(otlp).substr(kOpening.size(), otlp.size() - kOpening.size() - 1));
    }
    out.end_object();
    return out.take();
  }

  static void print_spans(const Session& session, const store::StoredTrace& trace) {
    const auto start = static_cast<std::int64_t>(query::row_of(trace).start_unix_nanos);
    for (const TreeSpan& place : tree_of(trace)) {
      session.print("\n" + telemetry::span_block(*place.span, start));
    }
  }

  std::string trace_;
  bool with_spans_ = false;
};

}  // namespace

std::unique_ptr<Command> make_traces_command() { return std::make_unique<TracesCommand>(); }
std::unique_ptr<Command> make_traces_show_command() { return std::make_unique<TracesShowCommand>(); }

}  // namespace meshflow::cli
