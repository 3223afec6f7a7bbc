#include "server/alert_engine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "base/try.hpp"
#include "query/json_writer.hpp"
#include "query/promql/evaluator.hpp"
#include "query/store_series.hpp"
#include "query/trace_row.hpp"
#include "server/alert_book.hpp"

namespace meshflow::server {
namespace {

using query::promql::Expr;
using query::promql::ExprKind;
using query::promql::ValueType;

constexpr std::uint64_t kStateBytesMax = std::uint64_t{64} << 20;
constexpr std::string_view kRunLabel = "run_id";

// The runs that counted: those of the innermost expressions whose series still tell runs apart. `window_ms`: of the
// window that the expression stands in; 0: none.
void collect_runs(const Expr& expr, std::int64_t window_ms, query::StoreSeries& series, std::int64_t now_ms,
                  std::set<std::string>& runs) {
  if (expr.type != ValueType::vector || runs.size() >= kAlertTracesMax) {
    for (const Expr& each : expr.children) collect_runs(each, window_ms, series, now_ms, runs);
    return;
  }
  if (expr.kind == ExprKind::window) return collect_runs(expr.children[0], expr.range_ms, series, now_ms, runs);
  Expr within = expr;
  if (window_ms != 0) {
    within = Expr{};
    within.kind = ExprKind::window;
    within.type = ValueType::vector;
    within.range_ms = window_ms;
    within.children.push_back(expr);
  }
  const auto found = query::promql::evaluate(within, series, now_ms);
  bool any = false;
  if (found) {
    for (const auto& sample : *found) {
      const auto run = sample.labels.find(std::string(kRunLabel));
      if (run == sample.labels.end()) continue;
      any = true;
      if (runs.size() < kAlertTracesMax) runs.insert(run->second);
    }
  }
  if (any) return;
  for (const Expr& each : expr.children) collect_runs(each, window_ms, series, now_ms, runs);
}

// Of alerts in one rule: firing is graver than pending, and that than resolved.
int gravity(AlertState state) {
  switch (state) {
    case AlertState::inactive: return 0;
    case AlertState::resolved: return 1;
    case AlertState::pending: return 2;
    case AlertState::firing: return 3;
  }
  return 0;
}

std::int64_t since_of(const Alert& alert) {
  if (alert.state == AlertState::resolved) return alert.resolved_at_ms;
  return alert.state == AlertState::firing ? alert.fired_at_ms : alert.active_at_ms;
}

}  // namespace

class AlertEngine::Implementation {
 public:
  Implementation(AlertEngineOptions options, store::TraceStore& store, query::SpanMetrics& metrics)
      : options_(std::move(options)),
        store_(store),
        metrics_(metrics),
        clock_(options_.clock != nullptr ? *options_.clock : system_clock()),
        files_(options_.files != nullptr ? *options_.files : system_files()),
        notifier_(options_.notifier) {
    load();
    if (!options_.groups.empty()) thread_ = std::thread([this] { run(); });
  }
  ~Implementation() { stop(); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  void stop();
  std::vector<AlertRuleStatus> status() const;
  void write_metrics(MetricsText& text) const;

 private:
  [[nodiscard]] std::int64_t now_ms() const { return clock_.wall_nanos() / 1'000'000; }
  void load();
  void save();
  void run();
  void evaluate(const AlertGroup& group);
  Result<void> evaluate_rules(const AlertGroup& group, std::int64_t now);
  struct Found {
    query::promql::Vector series;
    std::vector<std::string> trace_ids;
    std::optional<double> nearest;
  };
  [[nodiscard]] static Result<Found> look(const AlertRule& rule, query::StoreSeries& series, store::Snapshot& snapshot,
                                          std::int64_t now);
  [[nodiscard]] static Result<std::vector<std::string>> traces_of(const AlertRule& rule, query::StoreSeries& series,
                                                                  store::Snapshot& snapshot, std::int64_t now);

  const AlertEngineOptions options_;
  store::TraceStore& store_;
  query::SpanMetrics& metrics_;
  const Clock& clock_;
  FileSystem& files_;
  AlertNotifier notifier_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  AlertBook book_;
  std::map<std::pair<std::string, std::string>, std::string> errors_;  // by group and rule
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> traces_;
  std::map<std::pair<std::string, std::string>, std::optional<double>> nearest_;
  std::int64_t delivered_ms_ = 0;  // all that was told until then has arrived
  std::string saved_;              // what the state file has
  std::string state_trouble_;
  std::atomic<std::uint64_t> evaluations_{0}, failures_{0};
  std::thread thread_;
};

void AlertEngine::Implementation::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  const std::lock_guard lock(mutex_);
  save();
}

void AlertEngine::Implementation::load() {
  if (options_.state_file.empty() || !files_.exists(options_.state_file)) return;
  const auto text = files_.read_all(options_.state_file, kStateBytesMax);
  const Result<void> read = text ? book_.read_json(*text, options_.groups) : tl::unexpected(text.error());
  if (!read) state_trouble_ = fmt::format("{} cannot be read: {}", options_.state_file, read.error().message);
  if (read) saved_ = *text;
}

// With the lock.
void AlertEngine::Implementation::save() {
  if (options_.state_file.empty() || options_.groups.empty()) return;
  if (notifier_.is_idle()) delivered_ms_ = now_ms();
  std::string text = book_.to_json(delivered_ms_);
  if (text == saved_) return;
  const auto written = files_.write_atomically(options_.state_file, text);
  state_trouble_ = written ? std::string() : fmt::format("alerts are not kept: {}", written.error().message);
  if (written) saved_ = std::move(text);
}

void AlertEngine::Implementation::run() {
  ::pthread_setname_np(::pthread_self(), "alerts");
  std::vector<std::int64_t> due(options_.groups.size(), 0);  // on the monotonic clock, ms
  for (;;) {
    for (std::size_t i = 0; i < options_.groups.size(); ++i) {
      if (clock_.monotonic_nanos() / 1'000'000 < due[i]) continue;
      evaluate(options_.groups[i]);
      due[i] = clock_.monotonic_nanos() / 1'000'000 + options_.groups[i].interval_ms;
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    const std::int64_t wait = *std::min_element(due.begin(), due.end()) - clock_.monotonic_nanos() / 1'000'000;
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, std::chrono::milliseconds(std::max<std::int64_t>(1, wait)),
                          [this] { return stopping_; })) {
      return;
    }
  }
}

void AlertEngine::Implementation::evaluate(const AlertGroup& group) {
  const std::int64_t now = now_ms();
  evaluations_.fetch_add(1, std::memory_order_relaxed);
  const auto done = evaluate_rules(group, now);
  const std::lock_guard lock(mutex_);
  if (!done) {  // of the store: every rule stays as it is
    failures_.fetch_add(1, std::memory_order_relaxed);
    for (const AlertRule& rule : group.rules) errors_[{group.name, rule.name}] = done.error().message;
  }
  // Before what is told now: what is said to have arrived was told earlier.
  if (notifier_.is_idle()) delivered_ms_ = now - 1;
  notifier_.tell(book_.take_due(now), now);
  save();
}

Result<void> AlertEngine::Implementation::evaluate_rules(const AlertGroup& group, std::int64_t now) {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  MESHFLOW_CHECK(metrics_.refresh(snapshot));
  query::StoreSeries series(snapshot, metrics_);
  if (const auto waiting = options_.waiting_people ? options_.waiting_people() : std::nullopt) {
    series.set_waiting_people(*waiting);
  }
  for (const AlertRule& rule : group.rules) {
    auto found = look(rule, series, snapshot, now);
    const std::lock_guard lock(mutex_);
    std::string& error = errors_[{group.name, rule.name}];
    error.clear();
    if (!found) {
      error = found.error().text();
    } else if (const auto updated = book_.update(group, rule, found->series, now); !updated) {
      error = updated.error().text();
    } else {
      traces_[{group.name, rule.name}] = std::move(found->trace_ids);
      nearest_[{group.name, rule.name}] = found->nearest;
    }
    if (!error.empty()) failures_.fetch_add(1, std::memory_order_relaxed);
  }
  return {};
}

Result<AlertEngine::Implementation::Found> AlertEngine::Implementation::look(const AlertRule& rule,
                                                                             query::StoreSeries& series,
                                                                             store::Snapshot& snapshot,
                                                                             std::int64_t now) {
  if (rule.traceql) {
    MESHFLOW_TRY(TraceqlFinding finding, server::evaluate(*rule.traceql, snapshot, now, kAlertTracesMax));
    return Found{std::move(finding.alerts), std::move(finding.trace_ids), finding.nearest};
  }
  Found found;
  MESHFLOW_TRY(found.series, query::promql::evaluate(rule.expr, series, now));
  if (found.series.empty()) return found;
  auto counted = traces_of(rule, series, snapshot, now);
  if (counted) found.trace_ids = std::move(*counted);
  return found;
}

Result<std::vector<std::string>> AlertEngine::Implementation::traces_of(const AlertRule& rule,
                                                                        query::StoreSeries& series,
                                                                        store::Snapshot& snapshot, std::int64_t now) {
  std::set<std::string> runs;
  collect_runs(rule.expr, 0, series, now, runs);
  std::vector<std::string> traces;
  for (const std::string& run : runs) {
    MESHFLOW_TRY(const auto candidates, snapshot.traces_of_run(run));
    for (const auto& candidate : candidates) {
      const std::string id = query::hex_of(candidate.trace_id);
      if (traces.size() < kAlertTracesMax && std::find(traces.begin(), traces.end(), id) == traces.end()) {
        traces.push_back(id);
      }
    }
  }
  return traces;
}

std::vector<AlertRuleStatus> AlertEngine::Implementation::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<AlertRuleStatus> all;
  for (const AlertGroup& group : options_.groups) {
    for (const AlertRule& rule : group.rules) {
      AlertRuleStatus status{group.name, rule.name, rule.expr_text, rule.for_ms};
      if (rule.traceql) {
        status.is_traceql = true;
        status.threshold = rule.traceql->threshold_text;
        status.range_ms = rule.traceql->range_ms;
      }
      const auto nearest = nearest_.find({group.name, rule.name});
      status.value = nearest == nearest_.end() ? std::numeric_limits<double>::quiet_NaN()
                                               : nearest->second.value_or(std::numeric_limits<double>::quiet_NaN());
      status.alerts = book_.alerts_of(group.name, rule.name);
      for (const Alert& alert : status.alerts) {
        if (gravity(alert.state) <= gravity(status.state)) continue;
        status.state = alert.state;
        status.value = alert.value;
        status.since_ms = since_of(alert);
      }
      const auto error = errors_.find({group.name, rule.name});
      status.error = error == errors_.end() ? std::string() : error->second;
      if (status.error.empty()) status.error = state_trouble_;
      const auto traces = traces_.find({group.name, rule.name});
      if (traces != traces_.end()) status.trace_ids = traces->second;
      all.push_back(std::move(status));
    }
  }
  return all;
}

void AlertEngine::Implementation::write_metrics(MetricsText& text) const {
  std::map<AlertState, double> counts{{AlertState::pending, 0}, {AlertState::firing, 0}, {AlertState::resolved, 0}};
  {
    const std::lock_guard lock(mutex_);
    for (const Alert& alert : book_.alerts()) counts[alert.state] += 1;
  }
  for (const auto& [state, count] : counts) {
    text.gauge("meshflow_alerts", "Alerts by their state.", {{"state", name_of(state)}}, count);
  }
  text.counter("meshflow_alert_evaluations_total", "Evaluations of a group of rules.", {}, evaluations_.load());
  text.counter("meshflow_alert_evaluation_failures_total", "Rules, or groups, that could not be evaluated.", {},
               failures_.load());
  for (const AlertTargetStats& target : notifier_.stats()) {
    const auto counted = [&](std::string_view result, std::uint64_t value) {
      text.counter("meshflow_alert_messages_total",
                   "Messages about alerts: sent, dropped after too many tries, and tries that failed.",
                   {{"target", target.url}, {"result", result}}, value);
    };
    counted("sent", target.sent);
    counted("failed_try", target.failed);
    counted("dropped", target.dropped);
  }
}

AlertEngine::AlertEngine(AlertEngineOptions options, store::TraceStore& store, query::SpanMetrics& metrics)
    : implementation_(std::make_unique<Implementation>(std::move(options), store, metrics)) {}
AlertEngine::~AlertEngine() = default;
void AlertEngine::stop() { implementation_->stop(); }
std::vector<AlertRuleStatus> AlertEngine::status() const { return implementation_->status(); }
void AlertEngine::write_metrics(MetricsText& text) const { implementation_->write_metrics(text); }

namespace {

void write_status(query::JsonWriter& out, const AlertRuleStatus& rule) {
  const auto number_or_null = [&out](std::string_view key, double value) {
    out.key(key);
    std::isnan(value) ? out.null() : out.number(value);
  };
  out.begin_object();
  out.field("name", rule.name);
  out.field("group", rule.group);
  out.field("expr", rule.expr);
  number_or_null("for_s", static_cast<double>(rule.for_ms) / 1'000);
  out.field("state", name_of(rule.state));
  number_or_null("value", rule.value);
  out.key("since_ns");
  rule.since_ms == 0 ? out.null() : out.integer(rule.since_ms * 1'000'000);
  out.key("traces");
  out.begin_array();
  for (const std::string& id : rule.trace_ids) out.string(id);
  out.end_array();
  out.key("error");
  rule.error.empty() ? out.null() : out.string(rule.error);
  out.field("language", rule.is_traceql ? "traceql" : "promql");
  out.key("threshold");
  rule.threshold.empty() ? out.null() : out.string(rule.threshold);
  out.key("range_s");
  rule.is_traceql ? out.number(static_cast<double>(rule.range_ms) / 1'000) : out.null();
  out.key("alerts");
  out.begin_array();
  for (const Alert& alert : rule.alerts) {
    out.begin_object();
    for (const auto& [key, labels] : {std::pair("labels", &alert.labels), {"annotations", &alert.annotations}}) {
      out.key(key);
      out.begin_object();
      for (const auto& [name, value] : *labels) out.field(name, value);
      out.end_object();
    }
    out.field("state", name_of(alert.state));
    number_or_null("value", alert.value);
    out.key("since_ns");
    out.integer(since_of(alert) * 1'000'000);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

}  // namespace

net::HttpHandler alerts_handler(const AlertEngine* engine) {
  return [engine](const net::HttpServerRequest& /*request*/, const net::HttpResponder& responder) {
    query::JsonWriter out;
    out.begin_object();
    out.key("rules");
    out.begin_array();
    if (engine != nullptr) {
      for (const AlertRuleStatus& rule : engine->status()) write_status(out, rule);
    }
    out.end_array();
    out.end_object();
    responder.send({.status = 200, .content_type = "application/json", .body = out.take()});
  };
}

}  // namespace meshflow::server
