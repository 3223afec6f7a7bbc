#include "cli/rules_file.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "query/promql/parser.hpp"
#include "query/store_series.hpp"
#include "runtime/yaml.hpp"

namespace meshflow::cli {
namespace {

using runtime::yaml::fail_at;
using runtime::yaml::Value;
using server::AlertGroup;
using server::AlertRule;
using server::AlertTemplate;

constexpr std::array<std::string_view, 8> kRuleKeys{"alert", "expr", "traceql", "threshold",
                                                    "range", "for",  "labels",  "annotations"};
constexpr std::array<std::string_view, 3> kGroupKeys{"name", "interval", "rules"};
constexpr std::array<std::string_view, 1> kFileKeys{"groups"};

bool is_label_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

class RulesReader {
 public:
  explicit RulesReader(std::string_view text) : text_(text) {}

  Result<std::vector<AlertGroup>> read(const Value& document) {
    std::vector<AlertGroup> groups;
    if (document.find("alert") != nullptr) {
      AlertGroup group;
      MESHFLOW_TRY(AlertRule rule, rule_of(document));
      group.name = rule.name;
      group.rules.push_back(std::move(rule));
      groups.push_back(std::move(group));
      return groups;
    }
    MESHFLOW_CHECK(runtime::yaml::check_keys(document, "the rules file", kFileKeys));
    const Value* const list = document.find("groups");
    if (list == nullptr || list->kind != Value::Kind::sequence) {
      return fail_at(list == nullptr ? document : *list, "there are no groups of rules",
                     "groups: [{name: …, rules: […]}]");
    }
    std::set<std::string> names;
    for (const Value& each : list->items) {
      MESHFLOW_TRY(AlertGroup group, group_of(each));
      if (!names.insert(group.name).second) {
        return fail_at(each, fmt::format("there are two groups of the name {}", group.name));
      }
      groups.push_back(std::move(group));
    }
    return groups;
  }

 private:
  Result<AlertGroup> group_of(const Value& value) {
    MESHFLOW_CHECK(runtime::yaml::check_keys(value, "a group of rules", kGroupKeys));
    AlertGroup group;
    MESHFLOW_TRY(group.name, required_text(value, "a group of rules", "name"));
    if (const Value* const interval = value.find("interval")) {
      MESHFLOW_TRY(group.interval_ms, duration_of(*interval, "interval"));
      if (group.interval_ms < 1'000) return fail_at(*interval, "interval: less than a second", "5s, say");
    }
    const Value* const rules = value.find("rules");
    if (rules == nullptr || rules->kind != Value::Kind::sequence) {
      return fail_at(rules == nullptr ? value : *rules, fmt::format("group {} has no rules", group.name));
    }
    std::set<std::string> names;
    for (const Value& each : rules->items) {
      MESHFLOW_TRY(AlertRule rule, rule_of(each));
      if (!names.insert(rule.name).second) {
        return fail_at(each, fmt::format("group {} has two rules of the name {}", group.name, rule.name));
      }
      group.rules.push_back(std::move(rule));
    }
    return group;
  }

  Result<AlertRule> rule_of(const Value& value) {
    if (value.find("record") != nullptr) {
      return fail_at(*value.find("record"), "recording rules are not supported", "alert: NAME");
    }
    MESHFLOW_CHECK(runtime::yaml::check_keys(value, "a rule", kRuleKeys));
    if (++rules_ > kAlertRulesMax) return fail_at(value, fmt::format("more than {} rules", kAlertRulesMax));
    AlertRule rule;
    MESHFLOW_TRY(rule.name, required_text(value, "a rule", "alert"));
    if (value.find("traceql") != nullptr) {
      MESHFLOW_CHECK(read_traceql(value, rule));
    } else {
      MESHFLOW_CHECK(read_promql(value, rule));
    }
    if (const Value* const wait = value.find("for")) {
      MESHFLOW_TRY(rule.for_ms, duration_of(*wait, "for"));
    }
    MESHFLOW_TRY(rule.labels, templates_of(value.find("labels"), "labels"));
    MESHFLOW_TRY(rule.annotations, templates_of(value.find("annotations"), "annotations"));
    return rule;
  }

  Result<void> read_promql(const Value& value, AlertRule& rule) const {
    for (const char* key : {"threshold", "range"}) {
      const Value* const found = value.find(key);
      if (found == nullptr) continue;
      return fail_at(*found, fmt::format("{} goes with traceql; a rule with expr has it in there", key),
                     "sum(increase(meshflow_blocks_total[10m])) > 3");
    }
    MESHFLOW_TRY(rule.expr_text, required_text(value, fmt::format("rule {}", rule.name), "expr"));
    MESHFLOW_TRY(rule.expr, expr_of(*value.find("expr")));
    return {};
  }

  Result<void> read_traceql(const Value& value, AlertRule& rule) const {
    const Value& query = *value.find("traceql");
    if (const Value* const expr = value.find("expr")) {
      return fail_at(*expr, fmt::format("rule {} has both expr and traceql", rule.name), "one of them");
    }
    MESHFLOW_TRY(rule.expr_text, required_text(value, fmt::format("rule {}", rule.name), "traceql"));
    auto checked = server::parse_traceql_metrics(rule.expr_text);
    if (!checked) return at(query, std::move(checked).error());
    server::TraceqlCondition condition{.query = std::move(*checked)};
    if (const Value* const range = value.find("range")) {
      MESHFLOW_TRY(condition.range_ms, duration_of(*range, "range"));
      if (condition.range_ms < 1'000 || condition.range_ms > server::kTraceqlRangeMsMax) {
        return fail_at(*range, "range: less than a second, or more than 31 days", "5m, 1h");
      }
    }
    if (const Value* const threshold = value.find("threshold")) {
      MESHFLOW_TRY(condition.threshold_text, required_text(value, fmt::format("rule {}", rule.name), "threshold"));
      auto parsed = server::parse_threshold(condition.threshold_text);
      if (!parsed) return at(*threshold, std::move(parsed).error());
      condition.threshold = std::move(*parsed);
    }
    rule.traceql = std::move(condition);
    return {};
  }

  static Result<std::string> required_text(const Value& value, const std::string& what, std::string_view key) {
    const Value* const found = value.find(key);
    if (found == nullptr) return fail_at(value, fmt::format("{} has no {}", what, key));
    MESHFLOW_TRY(std::string text, runtime::yaml::text_of(*found, key));
    if (text.empty()) return fail_at(*found, fmt::format("{}: nothing", key));
    return text;
  }

  static Result<std::int64_t> duration_of(const Value& value, std::string_view key) {
    if (value.kind == Value::Kind::scalar) {
      if (value.scalar == "0") return 0;
      const auto tokens = query::promql::tokenize(value.scalar);
      if (tokens && tokens->size() == 2 && tokens->front().kind == query::promql::TokenKind::duration) {
        return tokens->front().milliseconds;
      }
    }
    return fail_at(value, fmt::format("{}: no duration", key), "30s, 5m, 1h30m");
  }

  Result<query::promql::Expr> expr_of(const Value& value) const {
    auto expr = query::promql::parse(value.scalar);
    if (!expr) return at(value, std::move(expr).error());
    if (expr->type != query::promql::ValueType::vector && expr->type != query::promql::ValueType::scalar) {
      return fail_at(value, fmt::format("a rule is over series, this is a {}", query::promql::name_of(expr->type)));
    }
    if (auto known = query::StoreSeries::check(*expr); !known) return at(value, std::move(known).error());
    return expr;
  }

  // The place in the file of an error within a scalar's text.
  [[nodiscard]] tl::unexpected<Error> at(const Value& value, Error error) const {
    SourcePosition place = value.position;
    const SourcePosition within = error.position.value_or(SourcePosition{{}, 1, 1});
    if (value.is_verbatim && within.line == 1) {
      place = value.text_position;
      place.column += within.column - 1;
    } else if (const auto column = block_column(value, within.line)) {
      place.line += within.line;
      place.column = *column + within.column;
    }
    error.position = std::move(place);
    return tl::unexpected(std::move(error));
  }
  // Of a block that is kept as it is (`|`): how far its lines are indented. Nothing for other scalars.
  [[nodiscard]] std::optional<int> block_column(const Value& value, int line) const {
    const std::string_view first = line_of(value.position.line);
    const auto column = static_cast<std::size_t>(std::max(1, value.position.column)) - 1;
    if (value.is_verbatim || column >= first.size() || first[column] != '|') return std::nullopt;
    const std::string_view text = line_of(value.position.line + line);
    // The block's first line says how deep it is.
    const auto indent = line_of(value.position.line + 1).find_first_not_of(' ');
    if (indent == std::string_view::npos || text.size() < indent) return std::nullopt;
    return static_cast<int>(indent);
  }
  [[nodiscard]] std::string_view line_of(int number) const {
    std::string_view rest = text_;
    for (int line = 1; line < number; ++line) {
      const auto end = rest.find('\n');
      if (end == std::string_view::npos) return {};
      rest.remove_prefix(end + 1);
    }
    return rest.substr(0, rest.find('\n'));
  }

  static Result<std::map<std::string, AlertTemplate>> templates_of(const Value* map, std::string_view what) {
    std::map<std::string, AlertTemplate> made;
    if (map == nullptr || map->kind == Value::Kind::null) return made;
    if (map->kind != Value::Kind::map) return fail_at(*map, fmt::format("{}: names with texts", what));
    for (const runtime::yaml::Entry& entry : map->entries) {
      if (!is_label_name(entry.key.scalar) || entry.key.scalar == "alertname") {
        return fail_at(entry.key, fmt::format("{}: \"{}\" cannot be the name of one", what, entry.key.scalar),
                       "letters, digits and _; alertname is the rule's");
      }
      if (entry.value.kind != Value::Kind::scalar) {
        return fail_at(entry.value, fmt::format("{}: not a text", entry.key.scalar));
      }
      MESHFLOW_TRY(AlertTemplate text, template_of(entry.value));
      made.emplace(entry.key.scalar, std::move(text));
    }
    return made;
  }

  static Result<AlertTemplate> template_of(const Value& value) {
    std::vector<AlertTemplate::Piece> pieces;
    std::string_view rest = value.scalar;
    for (;;) {
      const auto begin = rest.find("{{");
      AlertTemplate::Piece piece{std::string(rest.substr(0, begin))};
      if (begin == std::string_view::npos) {
        pieces.push_back(std::move(piece));
        return AlertTemplate(std::move(pieces));
      }
      rest.remove_prefix(begin + 2);
      const auto end = rest.find("}}");
      if (end == std::string_view::npos) return fail_at(value, "{{ has no }}");
      std::string_view inside = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      inside.remove_prefix(std::min(inside.find_first_not_of(' '), inside.size()));
      inside = inside.substr(0, inside.find_last_not_of(' ') + 1);
      constexpr std::array<std::string_view, 2> kLabels{"$labels.", ".Labels."};
      if (inside == "$value" || inside == ".Value") {
        piece.fill = AlertTemplate::Piece::Fill::value;
      } else {
        const auto* const prefix =
            std::find_if(kLabels.begin(), kLabels.end(), [inside](auto each) { return inside.starts_with(each); });
        if (prefix == kLabels.end() || !is_label_name(inside.substr(prefix->size()))) {
          return fail_at(value, fmt::format("{{{{ {} }}}} means nothing here", inside),
                         "{{ $value }} and {{ $labels.NAME }} are filled in");
        }
        piece.fill = AlertTemplate::Piece::Fill::label;
        piece.label = inside.substr(prefix->size());
      }
      pieces.push_back(std::move(piece));
    }
  }

  std::string_view text_;
  std::size_t rules_ = 0;
};

}  // namespace

Result<std::vector<AlertGroup>> read_alert_rules(const std::string& path) {
  MESHFLOW_TRY(const std::string text, system_files().read_all(path, runtime::yaml::kYamlBytesMax));
  MESHFLOW_TRY(const Value document, runtime::yaml::parse(text, path));
  return RulesReader(text).read(document);
}

}  // namespace meshflow::cli
