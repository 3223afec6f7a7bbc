#include "runtime/guardian.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/guardian_rules.hpp"
#include "runtime/guardian_set.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::string_view kTooLarge = "guardian.too_large";
constexpr std::array<std::string_view, 3> kSeverityNames = {"info", "warn", "block"};

}  // namespace

std::string_view name_of(Severity severity) noexcept { return kSeverityNames[static_cast<std::size_t>(severity)]; }
std::string_view name_of(Direction direction) noexcept { return direction == Direction::input ? "input" : "output"; }

namespace {

// What HIPAA's safe harbour counts among the identifiers, of the general rules.
[[nodiscard]] bool is_identifier(std::string_view rule_id) { return rule_id.starts_with("pii."); }

// The built-in rules are ours: a pattern that does not compile is a bug, found by the first test.
CompiledRule compiled(const BuiltinRule& rule) {
  return CompiledRule{std::string(rule.id), rule.on_input, rule.on_output, compile_pattern(rule.pattern), rule.check};
}

std::vector<CompiledRule> compiled(std::span<const BuiltinRule> rules) {
  std::vector<CompiledRule> all;
  all.reserve(rules.size());
  for (const BuiltinRule& rule : rules) all.push_back(compiled(rule));
  return all;
}

// Compiling takes milliseconds and always gives the same, so it is done once in a process, when a text is first held
// against it. Never destroyed: a function of a user's that never returns may scan until the process ends.
const RuleSet& builtin_set() {
  static const RuleSet* const set = new RuleSet(compiled(builtin_rules()));
  return *set;
}

// Apart from the above, since few policies ask for it.
const RuleSet& health_set() {
  static const RuleSet* const set = [] {
    std::vector<CompiledRule> rules = compiled(health_rules());
    std::ranges::copy_if(builtin_set().rules(), std::back_inserter(rules),
                         [](const CompiledRule& rule) { return is_identifier(rule.id); });
    return new RuleSet(std::move(rules));
  }();
  return *set;
}

}  // namespace

struct Guardian::Rules {
  RuleSet own;  // the user's
  bool uses_builtin = false;
  bool is_empty = true;  // finds nothing, whatever is asked
};

Guardian::Guardian() : rules_(std::make_shared<Rules>()) {}

Result<Guardian> Guardian::make(const ContentPolicy& policy, FileSystem& files) {
  if (policy.rules_file.empty()) return from_yaml({}, {}, policy.builtin_rules);
  MESHFLOW_TRY(const auto text, files.read_all(policy.rules_file, yaml::kYamlBytesMax));
  return from_yaml(text, policy.rules_file, policy.builtin_rules);
}

Result<Guardian> Guardian::from_yaml(std::string_view text, const std::string& file, bool with_builtin_rules) {
  auto rules = std::make_shared<Rules>();
  MESHFLOW_TRY(auto own, rules_from_yaml(text, file));
  rules->own = RuleSet(std::move(own));
  rules->uses_builtin = with_builtin_rules;
  rules->is_empty = false;
  return Guardian(std::move(rules));
}

std::vector<Finding> Guardian::scan(std::string_view text, Direction direction) const {
  auto findings = rules_->own.scan(text, direction);
  if (!rules_->uses_builtin) return findings;
  auto builtin = builtin_set().scan(text, direction);
  if (findings.empty()) return builtin;
  std::vector<Finding> all;
  std::merge(builtin.begin(), builtin.end(), findings.begin(), findings.end(), std::back_inserter(all),
             [](const Finding& a, const Finding& b) { return a.begin < b.begin; });
  return all;
}

std::vector<Finding> Guardian::scan_builtin(std::string_view text, Direction direction) const {
  if (rules_->is_empty) return {};
  return builtin_set().scan(text, direction);
}

std::vector<Finding> Guardian::scan_health_data(std::string_view text) const {
  if (rules_->is_empty) return {};
  return health_set().scan(text, Direction::output);
}

std::string Guardian::scrub(std::string_view text) const {
  std::string clean;
  std::string_view rest = text;
  // A scan ends after kGuardianFindingsMax findings; what follows them is scanned anew.
  while (true) {
    const auto findings = scan_health_data(rest);
    if (findings.size() == 1 && findings.front().rule_id == kTooLarge) return fmt::format("[removed: {}]", kTooLarge);
    std::size_t done = 0;
    for (const Finding& finding : findings) {
      if (finding.end <= done) continue;
      if (finding.begin >= done) {
        clean += rest.substr(done, finding.begin - done);
        clean += fmt::format("[removed: {}]", finding.rule_id);
      }  // else: what is left of an overlapping finding goes with the one before it
      done = finding.end;
    }
    if (findings.size() < kGuardianFindingsMax || done == 0) return clean.append(rest.substr(done));
    rest.remove_prefix(done);
  }
}

std::vector<Guardian::RuleInfo> Guardian::rules() const {
  std::vector<RuleInfo> infos;
  const auto add = [&](const CompiledRule& rule) { infos.push_back({rule.id, rule.on_input, rule.on_output}); };
  if (rules_->uses_builtin) std::ranges::for_each(builtin_set().rules(), add);
  std::ranges::for_each(rules_->own.rules(), add);
  return infos;
}

const Finding* worst_of(const std::vector<Finding>& findings) noexcept {
  const auto worst = std::max_element(findings.begin(), findings.end(),
                                      [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return worst == findings.end() ? nullptr : &*worst;
}

}  // namespace meshflow::runtime
