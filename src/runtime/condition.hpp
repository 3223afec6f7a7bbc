// The language of `when` and `until`: a small, total expression over a run's outputs and figures. No loops, no host
// code, no failure at evaluation; docs/workflows.md describes it for people.
//
//   or_expr    = and_expr { "or" and_expr }
//   and_expr   = not_expr { "and" not_expr }
//   not_expr   = "not" not_expr | comparison
//   comparison = operand [ operator operand ] | "(" or_expr ")"
//   operator   = "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "starts_with" | "ends_with" | "matches"
//   operand    = string | number | "true" | "false" | variable
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kConditionBytesMax = 4096;
inline constexpr std::size_t kConditionDepthMax = 32;  // parentheses and `not` inside one another
inline constexpr std::size_t kConditionPathMax = 16;   // steps of a JSON path
inline constexpr std::int64_t kPatternMemoryBytesMax = std::int64_t{1} << 20;  // of one compiled `matches`
// A larger output is not looked at as JSON: its fields are missing.
inline constexpr std::size_t kConditionJsonBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kConditionJsonDepthMax = 64;

// What the variables of a condition mean where it is evaluated. Absent values are missing: every comparison with one is
// false.
class ConditionScope {
 public:
  // `output`: what the node that the edge or loop leaves has given.
  [[nodiscard]] virtual std::optional<std::string_view> output() const = 0;
  // `outputs.NODE`: nothing for a node that was skipped, was blocked or has not run.
  [[nodiscard]] virtual std::optional<std::string_view> output_of(std::string_view node_id) const = 0;
  [[nodiscard]] virtual std::string_view task() const = 0;
  // Of the node that the edge or loop leaves.
  [[nodiscard]] virtual std::optional<double> uncertainty() const = 0;
  [[nodiscard]] virtual double cost_usd() const = 0;
  [[nodiscard]] virtual double tokens() const = 0;
  [[nodiscard]] virtual std::string_view verdict() const = 0;  // allowed, blocked
  [[nodiscard]] virtual std::string_view status() const = 0;  // ok, blocked
  [[nodiscard]] virtual double iteration() const = 0;  // of the innermost loop around it, from 1

 protected:
  ~ConditionScope() = default;
};

struct ConditionTree;  // private to condition*.cpp

// A parsed condition. A value; copies share the tree, which never changes. Safe to evaluate concurrently.
class Condition {
 public:
  [[nodiscard]] bool evaluate(const ConditionScope& scope) const;
  // The canonical text: parsing it gives this condition again.
  [[nodiscard]] std::string text() const;

  // The nodes named by `outputs.NODE`, each once, with where they stand.
  struct Reference {
    std::string node_id;
    SourcePosition position;
  };
  [[nodiscard]] const std::vector<Reference>& references() const noexcept;
  // It mentions `verdict` or `status`: an edge with it is looked at after a block, too.
  [[nodiscard]] bool asks_about_blocks() const noexcept;

  friend bool operator==(const Condition& left, const Condition& right);  // of the trees, positions apart

 private:
  friend class ConditionParser;
  explicit Condition(std::shared_ptr<const ConditionTree> tree) noexcept : tree_(std::move(tree)) {}
  std::shared_ptr<const ConditionTree> tree_;
};

// Errors are invalid_input (limit_exceeded past a limit above) at the exact column, counted from `base`, which is where
// the text begins. With an unknown base (line 0) the column is in the message.
[[nodiscard]] Result<Condition> parse_condition(std::string_view text, const SourcePosition& base = {});

}  // namespace meshflow::runtime
