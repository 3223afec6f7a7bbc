#include "runtime/guardian_set.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::int64_t kSetMemoryBytes = std::int64_t{32} << 20;
constexpr std::size_t kKeywordsMax = 1000;  // of one rule

re2::RE2::Options options_with(std::int64_t memory_bytes) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(memory_bytes);
  return options;
}

// The first group where the pattern has one, else the whole match.
struct Place {
  std::size_t begin = 0;
  std::size_t end = 0;
};
bool find_from(const CompiledRule& rule, std::string_view text, std::size_t from, Place& whole, Place& found) {
  std::array<re2::StringPiece, 2> groups;
  const int wanted = rule.pattern->NumberOfCapturingGroups() > 0 ? 2 : 1;
  const re2::StringPiece piece(text.data(), text.size());
  if (!rule.pattern->Match(piece, from, text.size(), re2::RE2::UNANCHORED, groups.data(), wanted)) return false;
  const auto place_of = [&](const re2::StringPiece& group) {
    const auto begin = static_cast<std::size_t>(group.data() - text.data());
    return Place{begin, begin + group.size()};
  };
  whole = place_of(groups[0]);
  found = wanted == 2 && groups[1].data() != nullptr ? place_of(groups[1]) : whole;
  return true;
}

// Adds what `rule` finds in `window`, which begins at `offset` of the text.
void add_findings(const CompiledRule& rule, std::string_view window, std::size_t offset, Severity severity,
                  std::vector<Finding>& findings) {
  Place whole;
  Place found;
  for (std::size_t from = 0; from <= window.size() && find_from(rule, window, from, whole, found);) {
    const auto match = window.substr(found.begin, found.end - found.begin);
    const bool holds = rule.check == nullptr || rule.check(match);
    if (holds && !match.empty()) {
      findings.push_back(Finding{rule.id, severity, offset + found.begin, offset + found.end});
      if (findings.size() >= kGuardianFindingsMax) return;
    }
    // After a match that did not hold, the next may begin inside it: numbers are found again from their next character.
    from = holds ? std::max(found.end, whole.begin + 1) : whole.begin + 1;
  }
}

}  // namespace

std::shared_ptr<const re2::RE2> compile_pattern(std::string_view pattern) {
  return std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()),
                                          options_with(kGuardianPatternMemoryBytes));
}

RuleSet::RuleSet(std::vector<CompiledRule> rules) : rules_(std::move(rules)) {
  auto together = std::make_unique<re2::RE2::Set>(options_with(kSetMemoryBytes), re2::RE2::UNANCHORED);
  for (const CompiledRule& rule : rules_) {
    if (together->Add(rule.pattern->pattern(), nullptr) < 0) return;
  }
  if (!rules_.empty() && together->Compile()) together_ = std::move(together);
}

std::vector<int> RuleSet::candidates_in(std::string_view window) const {
  std::vector<int> candidates;
  if (together_ != nullptr) {
    re2::RE2::Set::ErrorInfo failure{};
    if (together_->Match(re2::StringPiece(window.data(), window.size()), &candidates, &failure)) return candidates;
    if (failure.kind == re2::RE2::Set::kNoError) return {};
  }
  // Out of memory for the automaton: each rule by itself, which needs little.
  candidates.resize(rules_.size());
  std::iota(candidates.begin(), candidates.end(), 0);
  return candidates;
}

std::vector<Finding> RuleSet::scan(std::string_view text, Direction direction) const {
  std::vector<Finding> findings;
  if (rules_.empty() || text.empty()) return findings;
  if (text.size() > kGuardianTextBytesMax) return {Finding{"guardian.too_large", Severity::block, 0, text.size()}};
  for (std::size_t offset = 0;; offset += kGuardianWindowBytes - kGuardianOverlapBytes) {
    const std::string_view window = text.substr(offset, kGuardianWindowBytes);
    for (const int index : candidates_in(window)) {
      const CompiledRule& rule = rules_[static_cast<std::size_t>(index)];
      add_findings(rule, window, offset, direction == Direction::input ? rule.on_input : rule.on_output, findings);
      if (findings.size() >= kGuardianFindingsMax) break;
    }
    if (findings.size() >= kGuardianFindingsMax || offset + window.size() >= text.size()) break;
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  // The overlap of two windows gives the same finding twice.
  const auto last = std::unique(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.begin == b.begin && a.end == b.end && a.rule_id == b.rule_id;
  });
  findings.erase(last, findings.end());
  return findings;
}

// --- Rules of the user's
// ----------------------------------------------------------------------------------------------

namespace {

using yaml::Value;
constexpr std::array<std::string_view, 1> kFileKeys = {"rules"};
constexpr std::array<std::string_view, 5> kRuleKeys = {"id", "severity", "direction", "regex", "keywords"};

Result<Severity> severity_of(const Value& rule, const std::string& id) {
  const Value* value = rule.find("severity");
  if (value == nullptr) return Severity::block;
  for (const Severity severity : {Severity::info, Severity::warn, Severity::block}) {
    if (value->scalar == name_of(severity)) return severity;
  }
  return yaml::fail_at(*value, fmt::format("severity of rule {} is unknown", id), "one of info, warn, block");
}

// Whole words where they begin and end with word characters, in any case.
Result<std::string> pattern_of_keywords(const Value& value, const std::string& id) {
  MESHFLOW_TRY(const auto words, yaml::texts_of(value, fmt::format("keywords of rule {}", id)));
  if (words.empty() || words.size() > kKeywordsMax) {
    return yaml::fail_at(value,
                         fmt::format("rule {} has {} keywords; it needs 1 to {}", id, words.size(), kKeywordsMax));
  }
  const auto is_word = [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_';
  };
  std::string pattern = "(?i)(?:";
  for (const std::string& word : words) {
    if (word.empty()) return yaml::fail_at(value, fmt::format("rule {} has an empty keyword", id));
    if (pattern.back() != ':') pattern += '|';
    if (is_word(word.front())) pattern += "\\b";
    pattern += re2::RE2::QuoteMeta(word);
    if (is_word(word.back())) pattern += "\\b";
  }
  return pattern + ")";
}

Result<std::string> pattern_of(const Value& rule, const std::string& id) {
  const Value* regex = rule.find("regex");
  const Value* keywords = rule.find("keywords");
  if ((regex == nullptr) == (keywords == nullptr)) {
    return yaml::fail_at(rule, fmt::format("rule {} needs either regex or keywords", id));
  }
  if (keywords != nullptr) return pattern_of_keywords(*keywords, id);
  MESHFLOW_TRY(auto pattern, yaml::text_of(*regex, fmt::format("regex of rule {}", id)));
  if (pattern.empty() || pattern.size() > kGuardianPatternBytesMax) {
    return yaml::fail_at(*regex, fmt::format("regex of rule {} has {} bytes; it may have 1 to {}", id, pattern.size(),
                                             kGuardianPatternBytesMax));
  }
  return pattern;
}

Result<CompiledRule> rule_of(const Value& value) {
  MESHFLOW_CHECK(yaml::check_keys(value, "a rule", kRuleKeys));
  const Value* id = value.find("id");
  if (id == nullptr || id->scalar.empty() || id->scalar.size() > 100) {
    return yaml::fail_at(id == nullptr ? value : *id, "a rule needs an id of 1 to 100 bytes");
  }
  CompiledRule rule;
  rule.id = id->scalar;
  MESHFLOW_TRY(const auto severity, severity_of(value, rule.id));
  rule.on_input = rule.on_output = severity;
  if (const Value* direction = value.find("direction")) {
    // Where a rule is not meant to look it still notes what it saw.
    if (direction->scalar == "input") {
      rule.on_output = Severity::info;
    } else if (direction->scalar == "output") {
      rule.on_input = Severity::info;
    } else if (direction->scalar != "both") {
      return yaml::fail_at(*direction, fmt::format("direction of rule {} is unknown", rule.id),
                           "one of input, output, both");
    }
  }
  MESHFLOW_TRY(const auto pattern, pattern_of(value, rule.id));
  rule.pattern = compile_pattern(pattern);
  if (!rule.pattern->ok()) {
    const Value* regex = value.find("regex");
    return yaml::fail_at(regex == nullptr ? value : *regex,
                         fmt::format("regex of rule {} is not usable: {}", rule.id, rule.pattern->error()),
                         "the syntax is RE2's: no backreferences, no look-around");
  }
  return rule;
}

}  // namespace

Result<std::vector<CompiledRule>> rules_from_yaml(std::string_view text, const std::string& file) {
  std::vector<CompiledRule> rules;
  if (text.empty()) return rules;
  MESHFLOW_TRY(const auto root, yaml::parse(text, file));
  MESHFLOW_CHECK(yaml::check_keys(root, "a rules file", kFileKeys));
  const Value* list = root.find("rules");
  if (list == nullptr || list->kind != Value::Kind::sequence) {
    return yaml::fail_at(list == nullptr ? root : *list, "a rules file needs a list called rules");
  }
  if (list->items.size() > kGuardianRulesMax) {
    return yaml::fail_at(*list, fmt::format("{} rules; the limit is {}", list->items.size(), kGuardianRulesMax));
  }
  std::set<std::string> ids;
  for (const BuiltinRule& rule : builtin_rules()) ids.emplace(rule.id);
  for (const Value& item : list->items) {
    MESHFLOW_TRY(auto rule, rule_of(item));
    if (!ids.insert(rule.id).second)
      return yaml::fail_at(*item.find("id"), fmt::format("the rule id {} is taken", rule.id));
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace meshflow::runtime
