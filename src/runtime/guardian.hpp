// Looks for what must not pass in what an agent is asked and what it answers. See docs/guardian.md for the rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "meshflow/runtime/policy.hpp"

namespace meshflow::runtime {

enum class Severity { info, warn, block };
[[nodiscard]] std::string_view name_of(Severity severity) noexcept;

// What is asked of an agent, or what it answered.
enum class Direction { input, output };
[[nodiscard]] std::string_view name_of(Direction direction) noexcept;

// Part of a text, in bytes. Never the text itself.
struct Finding {
  std::string rule_id;
  Severity severity = Severity::info;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// A text is scanned in windows of this size, so that the memory of a scan does not grow with it; windows overlap, so
// that what lies across a border is found. A finding longer than the overlap may be cut.
inline constexpr std::size_t kGuardianWindowBytes = std::size_t{64} << 10;
inline constexpr std::size_t kGuardianOverlapBytes = std::size_t{4} << 10;
// A larger text is not scanned: one finding of rule guardian.too_large blocks it.
inline constexpr std::size_t kGuardianTextBytesMax = std::size_t{32} << 20;
// Past it a scan stops: what was found so far is reason enough.
inline constexpr std::size_t kGuardianFindingsMax = 100;
// Of rules of the user's.
inline constexpr std::size_t kGuardianRulesMax = 1000;
inline constexpr std::size_t kGuardianPatternBytesMax = 4096;
inline constexpr std::int64_t kGuardianPatternMemoryBytes = std::int64_t{1} << 20;  // RE2's program and caches, a rule

// Constant once made: every method may be called from several threads. Patterns are RE2's, so no pattern or text makes
// a scan take more than linear time. Movable; cheap to copy.
class Guardian {
 public:
  // Without rules: finds nothing.
  Guardian();
  // The built-in rules and those of `policy.rules_file`, read through `files`. Errors carry file, line and column.
  [[nodiscard]] static Result<Guardian> make(const ContentPolicy& policy, FileSystem& files = system_files());
  // The same with the text of a rules file in hand.
  [[nodiscard]] static Result<Guardian> from_yaml(std::string_view text, const std::string& file,
                                                  bool with_builtin_rules);

  // Findings in the order of their place. Rules for health data are left out: see scan_health_data.
  [[nodiscard]] std::vector<Finding> scan(std::string_view text, Direction direction) const;
  // The built-in rules alone, also where the policy switches them off: for what a compliance mode demands.
  [[nodiscard]] std::vector<Finding> scan_builtin(std::string_view text, Direction direction) const;
  // Health data, and the identifiers that make it someone's (HIPAA, 45 CFR 164.514(b)(2), as far as patterns reach).
  [[nodiscard]] std::vector<Finding> scan_health_data(std::string_view text) const;
  // `text` with each of those replaced by "[removed: RULE]". A text over kGuardianTextBytesMax is removed whole.
  [[nodiscard]] std::string scrub(std::string_view text) const;

  // The rules that `scan` goes by, in order.
  struct RuleInfo {
    std::string id;
    Severity on_input = Severity::info;
    Severity on_output = Severity::info;
  };
  [[nodiscard]] std::vector<RuleInfo> rules() const;

 private:
  struct Rules;
  explicit Guardian(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const Rules> rules_;  // shared: copies of a Guardian have the same constant rules
};

// The finding that decides: the first of the highest severity. Null where there is none.
[[nodiscard]] const Finding* worst_of(const std::vector<Finding>& findings) noexcept;

}  // namespace meshflow::runtime
