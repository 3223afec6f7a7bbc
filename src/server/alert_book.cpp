#include "server/alert_book.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/try.hpp"
#include "query/json_writer.hpp"

namespace meshflow::server {
namespace {

namespace json = boost::json;

void write_labels(query::JsonWriter& out, std::string_view key, const AlertLabels& labels) {
  out.key(key);
  out.begin_object();
  for (const auto& [name, value] : labels) out.field(name, value);
  out.end_object();
}

const json::value* member(const json::object& object, std::string_view key, json::kind kind) {
  const json::value* const found = object.if_contains(key);
  return found != nullptr && found->kind() == kind ? found : nullptr;
}
std::string text_at(const json::object& object, std::string_view key) {
  const json::value* const found = member(object, key, json::kind::string);
  return found == nullptr ? std::string() : std::string(found->as_string());
}
std::int64_t time_at(const json::object& object, std::string_view key) {
  const json::value* const found = member(object, key, json::kind::int64);
  return found == nullptr ? 0 : found->as_int64();
}
AlertLabels labels_at(const json::object& object, std::string_view key) {
  AlertLabels labels;
  const json::value* const found = member(object, key, json::kind::object);
  if (found == nullptr) return labels;
  for (const auto& [name, value] : found->as_object()) {
    if (value.is_string()) labels.emplace(name, value.as_string());
  }
  return labels;
}

AlertState state_of(std::string_view name) {
  for (const AlertState each : {AlertState::pending, AlertState::firing, AlertState::resolved}) {
    if (name == name_of(each)) return each;
  }
  return AlertState::inactive;
}

}  // namespace

const char* name_of(AlertState state) noexcept {
  switch (state) {
    case AlertState::inactive: return "inactive";
    case AlertState::pending: return "pending";
    case AlertState::firing: return "firing";
    case AlertState::resolved: return "resolved";
  }
  return "inactive";
}

std::string AlertTemplate::text(double value, const AlertLabels& labels) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    out += piece.text;
    if (piece.fill == Piece::Fill::value) out += fmt::format("{}", value);
    if (piece.fill != Piece::Fill::label) continue;
    if (const auto label = labels.find(piece.label); label != labels.end()) out += label->second;
  }
  return out;
}

Result<bool> AlertBook::update(const AlertGroup& group, const AlertRule& rule, const query::promql::Vector& found,
                               std::int64_t now_ms) {
  if (found.size() > kAlertsOfRuleMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the rule gives {} series, more than {}", found.size(), kAlertsOfRuleMax),
                "aggregate them");
  }
  std::map<AlertLabels, Alert> present;
  for (const auto& sample : found) {
    AlertLabels own = sample.labels;
    own.erase("__name__");
    Alert alert{group.name, rule.name, own, {}};
    alert.value = sample.value;
    for (const auto& [name, text] : rule.labels) alert.labels[name] = text.text(sample.value, own);
    std::erase_if(alert.labels, [](const auto& label) { return label.second.empty(); });
    alert.labels["alertname"] = rule.name;
    for (const auto& [name, text] : rule.annotations) alert.annotations[name] = text.text(sample.value, own);
    if (!present.emplace(alert.labels, alert).second) {
      return fail(ErrorCode::invalid_input,
                  "the rule gives two series that have the same labels once the rule's are set");
    }
  }
  auto& known = alerts_[{group.name, rule.name}];
  bool is_changed = false;
  for (auto& [labels, alert] : present) {
    const auto before = known.find(labels);
    if (before != known.end() && before->second.state != AlertState::resolved) {
      const Alert& old = before->second;
      alert.state = old.state;
      alert.active_at_ms = old.active_at_ms;
      alert.fired_at_ms = old.fired_at_ms;
      alert.sent_at_ms = old.sent_at_ms;
    } else {
      alert.active_at_ms = now_ms;
      is_changed = true;
    }
    if (alert.state == AlertState::pending && now_ms - alert.active_at_ms >= rule.for_ms) {
      alert.state = AlertState::firing;
      alert.fired_at_ms = now_ms;
      is_changed = true;
    }
    known[labels] = alert;
  }
  for (auto each = known.begin(); each != known.end();) {
    Alert& alert = each->second;
    if (present.contains(each->first) || alert.state == AlertState::resolved) {
      ++each;
      continue;
    }
    is_changed = true;
    if (alert.state == AlertState::pending) {
      each = known.erase(each);
      continue;
    }
    alert.state = AlertState::resolved;
    alert.resolved_at_ms = now_ms;
    alert.sent_at_ms = 0;
    ++each;
  }
  return is_changed;
}

std::vector<Alert> AlertBook::take_due(std::int64_t now_ms) {
  std::vector<Alert> due;
  for (auto& [key, of_rule] : alerts_) {
    std::erase_if(of_rule, [now_ms](const auto& each) {
      return each.second.state == AlertState::resolved && now_ms - each.second.resolved_at_ms > kResolvedKeptMs;
    });
    for (auto& [labels, alert] : of_rule) {
      const bool is_told = alert.sent_at_ms != 0;
      const bool is_due = alert.state == AlertState::firing     ? !is_told || now_ms - alert.sent_at_ms >= kResendMs
                          : alert.state == AlertState::resolved ? !is_told
                                                                : false;
      if (!is_due) continue;
      due.push_back(alert);  // as it was told before: who is told of changes alone sees whether it is one
      alert.sent_at_ms = now_ms;
    }
  }
  return due;
}

std::vector<Alert> AlertBook::alerts() const {
  std::vector<Alert> all;
  for (const auto& [key, of_rule] : alerts_) {
    for (const auto& [labels, alert] : of_rule) all.push_back(alert);
  }
  return all;
}

std::vector<Alert> AlertBook::alerts_of(std::string_view group, std::string_view rule) const {
  std::vector<Alert> all;
  const auto found = alerts_.find({std::string(group), std::string(rule)});
  if (found == alerts_.end()) return all;
  for (const auto& [labels, alert] : found->second) all.push_back(alert);
  return all;
}

std::string AlertBook::to_json(std::int64_t delivered_ms) const {
  query::JsonWriter out;
  out.begin_object();
  out.key("alerts");
  out.begin_array();
  for (const Alert& alert : alerts()) {
    out.begin_object();
    out.field("group", alert.group);
    out.field("rule", alert.rule);
    out.field("state", name_of(alert.state));
    write_labels(out, "labels", alert.labels);
    write_labels(out, "annotations", alert.annotations);
    const auto time = [&out](std::string_view key, std::int64_t value) {
      out.key(key);
      out.integer(value);
    };
    time("active_at_ms", alert.active_at_ms);
    time("fired_at_ms", alert.fired_at_ms);
    time("resolved_at_ms", alert.resolved_at_ms);
    time("sent_at_ms", alert.sent_at_ms <= delivered_ms ? alert.sent_at_ms : 0);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

Result<void> AlertBook::read_json(std::string_view text, const std::vector<AlertGroup>& groups) {
  boost::system::error_code broken;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), broken);
  const json::value* list = nullptr;
  if (!broken && parsed.is_object()) list = member(parsed.as_object(), "alerts", json::kind::array);
  if (list == nullptr) return fail(ErrorCode::invalid_input, "this is no record of alerts");
  std::set<RuleKey> rules;
  for (const AlertGroup& group : groups) {
    for (const AlertRule& rule : group.rules) rules.emplace(group.name, rule.name);
  }
  alerts_.clear();
  for (const json::value& each : list->as_array()) {
    if (!each.is_object()) continue;
    const json::object& object = each.as_object();
    Alert alert{text_at(object, "group"), text_at(object, "rule"), labels_at(object, "labels"),
                labels_at(object, "annotations"), state_of(text_at(object, "state"))};
    alert.active_at_ms = time_at(object, "active_at_ms");
    alert.fired_at_ms = time_at(object, "fired_at_ms");
    alert.resolved_at_ms = time_at(object, "resolved_at_ms");
    alert.sent_at_ms = time_at(object, "sent_at_ms");
    if (alert.state == AlertState::inactive || !rules.contains({alert.group, alert.rule})) continue;
    const RuleKey key{alert.group, alert.rule};
    const AlertLabels labels = alert.labels;
    alerts_[key].emplace(labels, std::move(alert));
  }
  return {};
}

}  // namespace meshflow::server
