#include "cli/report_text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/text.hpp"
#include "meshflow/runtime/summary.hpp"

namespace meshflow::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kBarColumnsMin = 8;
constexpr std::size_t kBarColumnsMax = 40;
constexpr std::size_t kLabelColumnsMin = 10;
constexpr std::size_t kLabelColumnsMax = 40;
// Longer periods are told in days.
constexpr std::int64_t kHoursMax = 48;
// Lines of one table; --json has all.
constexpr std::size_t kRowsShown = 20;

// Lines of a label, figures, and a bar to scale with the longest.
class BarTable {
 public:
  // `headers`: of the label first, then of the figures.
  BarTable(std::vector<std::string> headers, Style bar_style)
      : headers_(std::move(headers)), bar_style_(bar_style), widths_(headers_.size()) {
    for (std::size_t i = 0; i < headers_.size(); ++i) widths_[i] = columns_of(headers_[i]);
  }

  // As many cells as headers.
  void add(std::vector<std::string> cells, double bar) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = one_line(cells[i]);
      widths_[i] = std::max(widths_[i], columns_of(cells[i]));
    }
    longest_ = std::max(longest_, bar);
    rows_.push_back({std::move(cells), bar});
  }

  [[nodiscard]] std::string text(std::size_t columns, const Styler& styled) const {
    std::vector<std::size_t> widths = widths_;
    widths[0] = std::min(widths[0], kLabelColumnsMax);
    const auto taken = [&widths] {
      std::size_t sum = 0;
      for (const std::size_t width : widths) sum += width + kGap;
      return sum - kGap;
    };
    if (taken() > columns) widths[0] -= std::min(widths[0] - std::min(widths[0], kLabelColumnsMin), taken() - columns);
    while (widths.size() > 1 && taken() > columns) widths.pop_back();
    widths[0] = std::min(widths[0], columns);
    const std::size_t left = columns - std::min(columns, taken() + kGap);
    const std::size_t bar = left < kBarColumnsMin ? 0 : std::min(left, kBarColumnsMax);
    std::string out = styled(Style::faint, line_of(headers_, widths)) + "\n";
    for (std::size_t i = 0; i < std::min(rows_.size(), kRowsShown); ++i) {
      out += line_of(rows_[i].cells, widths);
      if (bar > 0 && rows_[i].bar > 0) {
        out += std::string(kGap, ' ') + styled(bar_style_, trimmed(bar_text(0, rows_[i].bar / longest_, bar)));
      }
      out += "\n";
    }
    if (rows_.size() > kRowsShown) out += cut_to(fmt::format("… {} more", rows_.size() - kRowsShown), columns) + "\n";
    return out;
  }
  [[nodiscard]] bool is_empty() const { return rows_.empty(); }

 private:
  struct Row {
    std::vector<std::string> cells;
    double bar = 0;
  };
  static std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
    std::string line = pad_to(cut_to(cells[0], widths[0]), widths[0]);
    for (std::size_t i = 1; i < widths.size(); ++i) line += std::string(kGap, ' ') + pad_to(cells[i], widths[i], true);
    return trimmed(std::move(line));
  }
  static std::string trimmed(std::string text) {
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

  std::vector<std::string> headers_;
  Style bar_style_;
  std::vector<std::size_t> widths_;
  std::vector<Row> rows_;
  double longest_ = 0;
};

// To the nearest whole; 0 of none.
std::int64_t mean(std::int64_t sum, std::int64_t count) {
  return count == 0 ? 0
                    : static_cast<std::int64_t>(std::llround(static_cast<double>(sum) / static_cast<double>(count)));
}
std::string count_text(std::int64_t count) { return fmt::format("{}", count); }
std::string usd_text(std::int64_t nano) { return "$" + nano_text(nano); }
std::string grams_text(std::int64_t nano) { return nano_text(nano) + " g"; }
std::string or_dash(bool is_known, const std::string& text) { return is_known ? text : "-"; }
std::string named(const std::string& name) { return name.empty() ? "(none)" : name; }
std::string change_of(std::int64_t now, std::int64_t before) {
  return change_text(static_cast<double>(now), static_cast<double>(before));
}

// The report while it is written.
class ReportWriter {
 public:
  ReportWriter(const query::Report& report, std::size_t columns, const Styler& styled)
      : report_(report), columns_(columns), styled_(styled) {}

  std::string text() {
    period();
    if (!report_.by.empty()) {
      groups();
    } else {
      latency();
      costs();
      expensive_runs();
      tokens();
      carbon();
      blocks();
    }
    if (report_.is_cut) line("Not all rows are here: there are more than one table holds.");
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += cut_to(one_line(text), columns_) + "\n"; }
  void title(const std::string& text) { out_ += "\n" + styled_(Style::good, cut_to(one_line(text), columns_)) + "\n"; }
  // The table, or the sentence where it is empty.
  void put(const BarTable& table, const std::string& nothing) {
    if (table.is_empty()) return line(nothing);
    out_ += table.text(columns_, styled_);
  }

  void period() {
    const std::int64_t length = (report_.to_unix_nanos - report_.from_unix_nanos) / 1'000'000'000;
    const std::string length_text = length % 3'600 == 0 && length <= kHoursMax * 3'600
                                        ? fmt::format("{} h", length / 3'600)
                                        : duration_text(length * 1'000'000'000);
    line(fmt::format("{} to {}; BEFORE and CHANGE: against the {} before that",
                     local_time_text(report_.from_unix_nanos), local_time_text(report_.to_unix_nanos), length_text));
  }

  void latency() {
    title("p95 latency per agent role");
    BarTable table({"ROLE", "P95", "CHANGE", "P50", "P99", "MAX", "AGENTS", "BEFORE"}, Style::none);
    for (const query::RoleLatency& role : report_.latency_by_role) {
      const bool is_now = role.now.spans > 0;
      table.add({named(role.role), or_dash(is_now, duration_text(role.now.p95_ns)),
                 change_of(role.now.p95_ns, role.before.p95_ns), or_dash(is_now, duration_text(role.now.p50_ns)),
                 or_dash(is_now, duration_text(role.now.p99_ns)), or_dash(is_now, duration_text(role.now.max_ns)),
                 count_text(role.now.spans), or_dash(role.before.spans > 0, duration_text(role.before.p95_ns))},
                static_cast<double>(role.now.p95_ns));
    }
    put(table, "no agents ran");
  }

  void costs() {
    title("Cost per run");
    if (report_.cost.runs == 0 && report_.cost_before.runs == 0) return line("no run that says what it cost");
    BarTable table({"PERIOD", "PER RUN", "CHANGE", "P50", "P95", "MAX", "TOTAL", "RUNS"}, Style::none);
    const auto add = [&table](const char* name, const query::RunCosts& costs, const std::string& change) {
      table.add(
          {name, or_dash(costs.runs > 0, usd_text(mean(costs.total_nano_usd, costs.runs))), change,
           or_dash(costs.runs > 0, usd_text(costs.p50_nano_usd)), or_dash(costs.runs > 0, usd_text(costs.p95_nano_usd)),
           or_dash(costs.runs > 0, usd_text(costs.max_nano_usd)), usd_text(costs.total_nano_usd),
           count_text(costs.runs)},
          static_cast<double>(mean(costs.total_nano_usd, costs.runs)));
    };
    add("now", report_.cost,
        change_of(mean(report_.cost.total_nano_usd, report_.cost.runs),
                  mean(report_.cost_before.total_nano_usd, report_.cost_before.runs)));
    add("before", report_.cost_before, "");
    put(table, "");
    cost_over_time();
  }

  // From the first slice with runs on.
  void cost_over_time() {
    BarTable table({"RUNS FROM", "PER RUN", "TOTAL", "RUNS"}, Style::none);
    for (const query::CostSlice& slice : report_.cost_over_time) {
      if (slice.runs == 0 && table.is_empty()) continue;
      const std::int64_t each = mean(slice.total_nano_usd, slice.runs);
      table.add({local_time_text(slice.start_unix_nanos), or_dash(slice.runs > 0, usd_text(each)),
                 usd_text(slice.total_nano_usd), count_text(slice.runs)},
                static_cast<double>(each));
    }
    if (!table.is_empty()) put(table, "");
  }

  void expensive_runs() {
    title(fmt::format("Runs over {}: {} of {}", usd_text(report_.limit_nano_usd), report_.cost.over_limit,
                      report_.cost.runs));
    BarTable table({"RUN", "COST", "WORKFLOW", "STARTED"}, Style::attention);
    for (const query::ExpensiveRun& run : report_.expensive_runs) {
      table.add({run.run_id.empty() ? run.trace_id : run.run_id, usd_text(run.cost_nano_usd), named(run.workflow),
                 local_time_text(run.start_unix_nanos)},
                static_cast<double>(run.cost_nano_usd));
    }
    put(table, "none");
  }

  void tokens() {
    title("Tokens by workflow version");
    BarTable table({"WORKFLOW", "PER RUN", "CHANGE", "INPUT", "OUTPUT", "CACHED", "RUNS", "BEFORE"}, Style::none);
    const query::VersionTokens* previous = nullptr;
    const auto each = [](const query::VersionTokens& row) {
      return row.now.runs > 0 ? mean(row.now.tokens, row.now.runs) : mean(row.before.tokens, row.before.runs);
    };
    for (const query::VersionTokens& row : report_.tokens_by_version) {
      const bool is_now = row.now.runs > 0;
      // Against the version before it; of a workflow's first one, against the period before.
      std::string change = change_of(mean(row.now.tokens, row.now.runs), mean(row.before.tokens, row.before.runs));
      if (previous != nullptr && previous->workflow == row.workflow) change = change_of(each(row), each(*previous));
      const auto per_run = [&](std::int64_t sum) { return or_dash(is_now, count_text(mean(sum, row.now.runs))); };
      table.add({row.version.empty() ? named(row.workflow) : row.workflow + " " + row.version, per_run(row.now.tokens),
                 std::move(change), per_run(row.now.input), per_run(row.now.output), per_run(row.now.cached),
                 count_text(row.now.runs),
                 or_dash(row.before.runs > 0, count_text(mean(row.before.tokens, row.before.runs)))},
                static_cast<double>(mean(row.now.tokens, row.now.runs)));
      previous = &row;
    }
    put(table, "no run that says how many tokens it used");
  }

  void carbon() {
    title("Carbon per pipeline variant");
    BarTable table({"VARIANT", "PER RUN", "CHANGE", "LOW", "HIGH", "RUNS", "BEFORE"}, Style::none);
    for (const query::VariantCarbon& row : report_.carbon_by_variant) {
      const std::int64_t now = mean(row.now.nanograms, row.now.runs);
      const std::int64_t before = mean(row.before.nanograms, row.before.runs);
      const bool is_now = row.now.runs > 0;
      table.add({row.variant, or_dash(is_now, grams_text(now)), change_of(now, before),
                 or_dash(is_now, grams_text(mean(row.now.low_nanograms, row.now.runs))),
                 or_dash(is_now, grams_text(mean(row.now.high_nanograms, row.now.runs))), count_text(row.now.runs),
                 or_dash(row.before.runs > 0, grams_text(before))},
                static_cast<double>(now));
    }
    put(table, "no run that says what it emitted");
  }

  void blocks() {
    title("Blocked spans by rule");
    BarTable table({"RULE", "BLOCKED", "CHANGE", "RUNS", "BEFORE", "ROLES"}, Style::bad);
    for (const query::RuleBlocks& row : report_.blocked_by_rule) {
      table.add({named(row.rule), count_text(row.now.spans), change_of(row.now.spans, row.before.spans),
                 count_text(row.now.runs), count_text(row.before.spans), named(row.roles)},
                static_cast<double>(row.now.spans));
    }
    put(table, "none");
  }

  void groups() {
    const bool is_runs = report_.by == "workflow" || report_.by == "variant";
    title(fmt::format("By {}: {}", report_.by, is_runs ? "runs" : report_.by == "role" ? "agents" : "model calls"));
    BarTable table({"NAME", "COST", "CHANGE", is_runs ? "RUNS" : "SPANS", "P50", "P95", "TOKENS", "CARBON", "BLOCKED"},
                   Style::none);
    for (const query::GroupRow& row : report_.groups) {
      table.add({row.group, usd_text(row.now.cost_nano_usd), change_of(row.now.cost_nano_usd, row.before.cost_nano_usd),
                 count_text(row.now.count), or_dash(row.now.count > 0, duration_text(row.now.p50_ns)),
                 or_dash(row.now.count > 0, duration_text(row.now.p95_ns)), count_text(row.now.tokens),
                 grams_text(row.now.nanograms), count_text(row.now.blocked)},
                static_cast<double>(row.now.cost_nano_usd));
    }
    put(table, "nothing in either period");
  }

  const query::Report& report_;
  const std::size_t columns_;
  const Styler& styled_;
  std::string out_;
};

}  // namespace

std::string change_text(double now, double before) {
  if (now == 0 && before == 0) return "";
  if (before == 0) return "new";
  if (now == 0) return "gone";
  const double percent = (now - before) / std::abs(before) * 100;
  if (std::abs(percent) < 0.5) return "=";
  return fmt::format("{:+.0f} %", percent);
}

std::string report_text(const query::Report& report, std::size_t columns, const Styler& styled) {
  return ReportWriter(report, columns, styled).text();
}

}  // namespace meshflow::cli
