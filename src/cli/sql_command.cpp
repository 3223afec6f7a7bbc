// meshflow traces sql: any question about the spans.
#include <algorithm>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/try.hpp"
#include "cli/session.hpp"
#include "cli/text.hpp"
#include "cli/trace_access.hpp"
#include "query/sql/limits.hpp"
#include "query/sql/render.hpp"

namespace meshflow::cli {
namespace {

using store::TextRows;
using store::TextValue;

// Narrower than this no column is cut.
constexpr std::size_t kColumnMin = 8;
constexpr std::size_t kGap = 2;  // between the columns of a Table

std::string cell_of(const TextValue& value) {
  return value.kind == TextValue::Kind::null ? "NULL" : one_line(value.text);
}

class TracesSqlCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "traces sql"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Ask in SQL, read-only"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "QUERY is one SELECT over the views spans, traces, runs, events, links and attributes; - reads it from\n"
           "standard input. Example: 'SELECT run_id, cost_usd FROM runs WHERE cost_usd > 0.01'\n"
           "With --json: one object, {columns, rows, truncated, elapsed_ms}.";
  }
  void add_flags(CLI::App& app) override {
    app.add_option("QUERY", query_, "The question")->required();
    app.add_flag("--csv", csv_, "Comma-separated values, with a line of names");
    app.add_option("--limit", limit_, "How many rows at most")
        ->type_name("N")
        ->check(CLI::Range(std::size_t{1}, query::sql::kRowsMax))
        ->capture_default_str();
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = ask(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> ask(const Session& session) {
    if (csv_ && session.flags().json) {
      return fail(ErrorCode::invalid_argument, "--csv and --json exclude each other");
    }
    if (query_ == "-") {
      // One byte more than a query may have, so that a longer one is refused and not cut.
      query_.assign(query::sql::kTextBytesMax + 1, '\0');
      std::cin.read(query_.data(), static_cast<std::streamsize>(query_.size()));
      query_.resize(static_cast<std::size_t>(std::cin.gcount()));
    }
    MESHFLOW_TRY(auto access, TraceAccess::open(session));
    MESHFLOW_TRY(const query::sql::Answer answer, access.source().sql(query_, limit_));
    MESHFLOW_CHECK(access.close());
    MESHFLOW_CHECK(print(session, answer));
    if (answer.rows.is_cut) {
      session.warn(
          fmt::format("only the first {} rows are shown; --limit takes up to {}", limit_, query::sql::kRowsMax));
    }
    return {};
  }

  Result<void> print(const Session& session, const query::sql::Answer& answer) const {
    bool is_whole = true;
    if (session.flags().json) {
      is_whole = session.try_print_json(query::sql::answer_json(answer) + "\n");
    } else if (csv_) {
      const std::string csv = query::sql::csv_text(answer.rows);
      session.print(session.is_output_terminal() ? many_lines(csv) : csv);
    } else {
      session.print(table_text(answer.rows, session.output_columns()));
      const std::size_t count = answer.rows.rows.size();
      session.note(fmt::format("{} row{}, {}", count, count == 1 ? "" : "s", duration_text(answer.took.count())));
    }
    if (!is_whole) return fail(ErrorCode::io, "standard output cannot be written");
    return {};
  }

  // Numbers stand to the right. Where the terminal has no room for all, the widest columns of text give way.
  static std::string table_text(const TextRows& rows, std::size_t columns_max) {
    const std::size_t count = rows.columns.size();
    std::vector<std::size_t> widths;
    for (const auto& column : rows.columns) widths.push_back(columns_of(one_line(column.name)));
    std::vector<std::vector<std::string>> cells;
    for (const auto& row : rows.rows) {
      auto& line = cells.emplace_back();
      for (std::size_t i = 0; i < count; ++i) {
        line.push_back(cell_of(row[i]));
        widths[i] = std::max(widths[i], columns_of(line.back()));
      }
    }
    const auto total = [&widths] {
      std::size_t sum = 0;
      for (const std::size_t width : widths) sum += width + kGap;
      return sum - std::min(sum, kGap);
    };
    while (columns_max > 0 && total() > columns_max) {
      std::size_t widest = count;
      for (std::size_t i = 0; i < count; ++i) {
        if (rows.columns[i].is_number || widths[i] <= kColumnMin) continue;
        if (widest == count || widths[i] > widths[widest]) widest = i;
      }
      if (widest == count) break;
      const std::size_t over = total() - columns_max;
      widths[widest] -= std::min(over, std::max<std::size_t>(1, (widths[widest] - kColumnMin) / 2));
    }
    std::vector<Table::Column> headers;
    for (std::size_t i = 0; i < count; ++i) {
      headers.push_back({cut_to(one_line(rows.columns[i].name), widths[i]), rows.columns[i].is_number});
    }
    Table table(std::move(headers));
    for (auto& line : cells) {
      for (std::size_t i = 0; i < count; ++i) line[i] = cut_to(line[i], widths[i]);
      table.add(std::move(line));
    }
    return table.text(columns_max);
  }

  std::string query_;
  bool csv_ = false;
  std::size_t limit_ = query::sql::Limits{}.rows_max;
};

}  // namespace

std::unique_ptr<Command> make_traces_sql_command() { return std::make_unique<TracesSqlCommand>(); }

}  // namespace meshflow::cli
