// Compiled rules, and how they are looked for together.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>
#include <re2/set.h>

#include "meshflow/base/error.hpp"
#include "runtime/guardian.hpp"
#include "runtime/guardian_rules.hpp"
#include "runtime/yaml.hpp"

namespace meshflow::runtime {

struct CompiledRule {
  std::string id;
  Severity on_input = Severity::info;
  Severity on_output = Severity::info;
  std::shared_ptr<const re2::RE2> pattern;  // shared by the copies of a rule
  MatchCheck check = nullptr;
};

// Patterns are compiled alike everywhere: bounded memory, no messages of RE2's own.
[[nodiscard]] std::shared_ptr<const re2::RE2> compile_pattern(std::string_view pattern);

// A rules file (docs/guardian.md); no rules where `text` is empty.
[[nodiscard]] Result<std::vector<CompiledRule>> rules_from_yaml(std::string_view text, const std::string& file);

// Constant once made; thread-safe.
class RuleSet {
 public:
  RuleSet() = default;
  explicit RuleSet(std::vector<CompiledRule> rules);
  [[nodiscard]] std::vector<Finding> scan(std::string_view text, Direction direction) const;
  [[nodiscard]] const std::vector<CompiledRule>& rules() const noexcept { return rules_; }

 private:
  [[nodiscard]] std::vector<int> candidates_in(std::string_view window) const;

  std::vector<CompiledRule> rules_;
  // All patterns as one automaton: says in one pass which rules are worth a look. Null where it could not be built.
  std::unique_ptr<re2::RE2::Set> together_;
};

}  // namespace meshflow::runtime
