// Evaluates alert rules over the store, every few seconds, and tells what fires.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "net/http_router.hpp"
#include "query/span_metrics.hpp"
#include "server/alert_notifier.hpp"
#include "server/alert_rules.hpp"
#include "server/self_metrics.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

struct AlertEngineOptions {
  std::vector<AlertGroup> groups = {};
  AlertNotifierOptions notifier = {};
  std::string state_file = {};  // where alerts are kept across restarts; empty: they are not
  // How many requests wait for a person now; nothing where that is not known. Called by the engine's thread.
  std::function<std::optional<double>()> waiting_people = {};
  const Clock* clock = nullptr;  // null: the operating system's
  FileSystem* files = nullptr;   // likewise
};

// A rule as it stands.
struct AlertRuleStatus {
  std::string group;
  std::string name;
  std::string expr;  // as it was written
  std::int64_t for_ms = 0;
  AlertState state = AlertState::inactive;  // the gravest of its alerts: firing, pending, resolved
  // Of the first alert in that state; where there is none, of a rule with a threshold what comes nearest to it. NaN:
  // none.
  double value = 0;
  std::int64_t since_ms = 0;  // when that state began; 0: inactive
  std::vector<std::string> trace_ids = {};  // of runs that counted, at most kAlertTracesMax
  std::string error = {};  // why it could not be evaluated; empty: it was
  std::vector<Alert> alerts = {};
  bool is_traceql = false;
  std::string threshold = {};  // of a rule in TraceQL: "> 3"
  std::int64_t range_ms = 0;   // likewise
};
inline constexpr std::size_t kAlertTracesMax = 20;

class AlertEngine {
 public:
  // Begins at once, with what the state file has; a file that cannot be read is begun anew (and the status says so).
  // `store` and `metrics` must outlive it.
  AlertEngine(AlertEngineOptions options, store::TraceStore& store, query::SpanMetrics& metrics);
  // stop(); gives up messages that wait: those are told after the next start.
  ~AlertEngine();
  AlertEngine(const AlertEngine&) = delete;
  AlertEngine& operator=(const AlertEngine&) = delete;

  // No evaluation after it, and none that is under way. Idempotent.
  void stop();

  // Any thread.
  [[nodiscard]] std::vector<AlertRuleStatus> status() const;
  void write_metrics(MetricsText& text) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// GET /api/meshflow/alerts: {"rules": [{name, group, expr, for_s, state, value, since_ns, traces, error,
// language, threshold, range_s, alerts}]}.
// `engine` may be null: there are no rules. It must outlive the handler.
[[nodiscard]] net::HttpHandler alerts_handler(const AlertEngine* engine);

}  // namespace meshflow::server
