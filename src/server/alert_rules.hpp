// Alert rules as a program has them: read from a file by the command (cli/rules_file.hpp), evaluated by
// alert_engine.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "query/promql/ast.hpp"
#include "server/traceql_rule.hpp"

namespace meshflow::server {

using AlertLabels = std::map<std::string, std::string>;

// Text with {{ $value }} and {{ $labels.NAME }} in it. A value.
class AlertTemplate {
 public:
  // Literal text, then what is filled in behind it.
  struct Piece {
    std::string text;
    enum class Fill { nothing, value, label } fill = Fill::nothing;
    std::string label = {};
  };
  AlertTemplate() = default;
  explicit AlertTemplate(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}
  [[nodiscard]] std::string text(double value, const AlertLabels& labels) const;

 private:
  std::vector<Piece> pieces_;
};

struct AlertRule {
  std::string name;
  std::string expr_text;  // as it was written, PromQL or TraceQL
  query::promql::Expr expr;
  std::int64_t for_ms = 0;
  std::map<std::string, AlertTemplate> labels = {};
  std::map<std::string, AlertTemplate> annotations = {};
  std::optional<TraceqlCondition> traceql = {};  // in place of `expr`
};

struct AlertGroup {
  std::string name;
  std::int64_t interval_ms = 5'000;
  std::vector<AlertRule> rules;
};

struct AlertTarget {
  enum class Kind {
    webhook,       // Alertmanager's webhook form, version 4, as it changes
    alertmanager,  // its API, POST /api/v2/alerts
  };
  Kind kind = Kind::webhook;
  std::string url;
};

enum class AlertState { inactive, pending, firing, resolved };
[[nodiscard]] const char* name_of(AlertState state) noexcept;

// One series that an expression gave: what the rule says of it.
struct Alert {
  std::string group;
  std::string rule;
  AlertLabels labels;  // alertname and the rule's among them
  AlertLabels annotations;
  AlertState state = AlertState::pending;
  double value = 0;
  std::int64_t active_at_ms = 0;    // since when the expression has given it
  std::int64_t fired_at_ms = 0;     // 0: not yet
  std::int64_t resolved_at_ms = 0;  // 0: not yet
  std::int64_t sent_at_ms = 0;      // when its state was last handed to the targets; 0: not yet
};

}  // namespace meshflow::server
