// meshflow traces metrics: what a TraceQL metrics query counts.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "base/try.hpp"
#include "cli/quantity.hpp"
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

// Of a chart in a table.
constexpr std::size_t kChartColumns = 32;
// How a series is called that no by() tells apart (query/traceql/series.hpp).
constexpr std::string_view kNameLabel = "__name__";

std::string number_text(double value) { return fmt::format("{:.6g}", value); }

// A column for each part of the range, as many as there are samples or fit; what has no sample is blank.
std::string chart_text(const json::array& samples, const query::TempoMetrics& metrics) {
  static constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::uint64_t kMillisecond = 1'000'000;
  const auto from = static_cast<std::int64_t>(metrics.range.from / kMillisecond);
  const auto length = static_cast<std::int64_t>((metrics.range.to - metrics.range.from + metrics.step) / kMillisecond);
  const std::size_t columns =
      std::clamp<std::size_t>((metrics.range.to - metrics.range.from) / metrics.step + 1, 1, kChartColumns);
  std::array<double, kChartColumns> most{};
  std::array<bool, kChartColumns> is_there{};
  double top = 0;
  for (const json::value& sample : samples) {
    const double value = real_at(sample, "value");
    const std::int64_t after = integer_at(sample, "timestampMs") - from;
    if (!std::isfinite(value) || after < 0 || length <= 0) continue;
    const auto place = static_cast<std::size_t>(after * static_cast<std::int64_t>(columns) / length);
    const std::size_t column = std::min(place, columns - 1);
    most[column] = is_there[column] ? std::max(most[column], value) : value;
    is_there[column] = true;
    top = std::max(top, value);
  }
  std::string text;
  for (std::size_t i = 0; i < columns; ++i) {
    const double part = top > 0 ? std::clamp(most[i] / top, 0.0, 1.0) : 0;
    text += is_there[i] ? kBars[static_cast<std::size_t>(part * (kBars.size() - 1))] : " ";
  }
  return text;
}

class TracesMetricsCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "traces metrics"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Count and measure spans by TraceQL"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "QUERY is a TraceQL metric, '{ } | quantile_over_time(duration, .95) by (span.meshflow.role)'. Without "
           "--step\n"
           "one value for the whole time, with it one for each step. Durations are in seconds.\n"
           "With --json: one object, as Tempo's /api/metrics/query and query_range have it.";
  }
  void add_flags(CLI::App& app) override {
    question_.add_flags(app);
    app.add_option("--step", step_, "A value for each: 10s, 5m, 1h")->type_name("AGE");
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = measure(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<query::TempoMetrics> request(const Session& session) {
    query::TempoMetrics metrics;
    MESHFLOW_TRY(const query::traceql::Query query, question_.read(session));
    if (!std::holds_alternative<query::traceql::Metrics>(query.of)) {
      return fail(ErrorCode::invalid_argument, "this asks for spans, and metrics are counted from them",
                  "add a stage such as | rate() or | count_over_time(), or use meshflow traces search");
    }
    metrics.query = print(query);
    MESHFLOW_TRY(metrics.range, question_.range());
    if (!step_.empty()) {
      auto step = parse_age(step_);
      if (step && step->count() == 0) step = fail(ErrorCode::invalid_argument, "no time at all", "1m, say");
      if (!step) {
        step.error().message = fmt::format("--step: {}", step.error().message);
        return tl::unexpected(std::move(step).error());
      }
      metrics.step = static_cast<std::uint64_t>(std::chrono::nanoseconds(*step).count());
    }
    return metrics;
  }

  Result<void> measure(const Session& session) {
    MESHFLOW_TRY(const query::TempoMetrics metrics, request(session));
    MESHFLOW_TRY(auto access, TraceAccess::open(session));
    MESHFLOW_TRY(const std::string answer, access.source().metrics(metrics));
    MESHFLOW_CHECK(access.close());
    if (session.flags().json) {
      session.print_json(answer);
      return {};
    }
    MESHFLOW_TRY(const json::value parsed, parse_answer(answer));
    const json::array& series = array_at(parsed, "series");
    if (series.empty()) {
      session.note("there are no such spans");
    } else {
      session.print(table_of(series, metrics).text(session.output_columns()));
    }
    if (const std::string why = text_at(parsed, "message"); !why.empty()) session.warn(why);
    return {};
  }

  // A row for each series: its labels, then its value, or what its values come to.
  static Table table_of(const json::array& series, const query::TempoMetrics& metrics) {
    std::vector<std::string> names;
    for (const json::value& each : series) {
      for (const json::value& label : array_at(each, "labels")) {
        const std::string name = text_at(label, "key");
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
    }
    std::vector<Table::Column> headers;
    headers.reserve(names.size() + 4);  // and the figures
    for (const std::string& name : names) headers.push_back({name == kNameLabel ? "METRIC" : one_line(name)});
    const bool is_range = metrics.step > 0;
    if (is_range) {
      headers.insert(headers.end(), {{"LEAST", true}, {"MOST", true}, {"LAST", true}, {"OVER TIME"}});
    } else {
      headers.push_back({"VALUE", true});
    }
    Table table(std::move(headers));
    for (const json::value& each : series) {
      std::map<std::string, std::string> values;
      for (const json::value& label : array_at(each, "labels")) values[text_at(label, "key")] = value_text(label);
      std::vector<std::string> cells;
      cells.reserve(names.size() + 4);
      for (const std::string& name : names) cells.push_back(one_line(values[name]));
      if (is_range) {
        add_samples(cells, array_at(each, "samples"), metrics);
      } else {
        cells.push_back(number_text(real_at(each, "value")));
      }
      table.add(std::move(cells));
    }
    return table;
  }

  static void add_samples(std::vector<std::string>& cells, const json::array& samples,
                          const query::TempoMetrics& metrics) {
    double least = 0;
    double most = 0;
    double last = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      last = real_at(samples[i], "value");
      least = i == 0 ? last : std::min(least, last);
      most = i == 0 ? last : std::max(most, last);
    }
    cells.push_back(number_text(least));
    cells.push_back(number_text(most));
    cells.push_back(number_text(last));
    cells.push_back(chart_text(samples, metrics));
  }

  TraceqlQuestion question_{"24h"};
  std::string step_;
};

}  // namespace

std::unique_ptr<Command> make_traces_metrics_command() { return std::make_unique<TracesMetricsCommand>(); }

}  // namespace meshflow::cli
