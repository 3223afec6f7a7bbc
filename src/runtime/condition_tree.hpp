// What a condition is parsed into. Private to condition*.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <re2/re2.h>

#include "runtime/condition.hpp"

namespace meshflow::runtime {

// Types as far as they are known before anything has run; what lies inside JSON is not.
enum class ConditionType { text, number, boolean, json };

// `input` stands in templates only.
enum class Variable { output, outputs, task, uncertainty, cost_usd, tokens, verdict, status, iteration, input };

using PathStep = std::variant<std::string, std::size_t>;  // a member's name, an element's number

struct VariableUse {
  Variable variable = Variable::output;
  std::string node_id;  // of `outputs`
  bool json = false;    // the text is read as JSON, then `path` is followed
  std::vector<PathStep> path;
  friend bool operator==(const VariableUse&, const VariableUse&) = default;
};

using Operand = std::variant<std::string, double, bool, VariableUse>;

enum class Comparison {
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  contains,
  starts_with,
  ends_with,
  matches
};

struct Expression {
  enum class Kind { any, all, negation, comparison, truth };
  Kind kind = Kind::truth;
  std::vector<std::size_t> parts;  // of any, all and negation: indices into the tree
  Comparison comparison = Comparison::equal;
  Operand left;                    // of comparison and truth
  Operand right;                   // of comparison
  std::shared_ptr<const re2::RE2> pattern;  // of matches; shared, as RE2 neither copies nor moves
};

// What stands between the braces of a template: a string, or input, task or outputs.NODE with what follows them.
struct TemplateOperand {
  Operand operand;
  std::vector<Condition::Reference> references;
};
// Errors as of parse_condition.
[[nodiscard]] Result<TemplateOperand> parse_template_operand(std::string_view text, const SourcePosition& base);

struct ConditionTree {
  std::vector<Expression> expressions;
  std::size_t root = 0;
  std::vector<Condition::Reference> references;
  bool asks_about_blocks = false;
};

// The word of each, as it is written; indexed by the enumerator.
[[nodiscard]] std::string_view name_of(Variable variable) noexcept;
[[nodiscard]] std::string_view name_of(Comparison comparison) noexcept;
[[nodiscard]] std::string quoted(std::string_view text);  // as a string literal of the language
[[nodiscard]] std::string text_of(const Operand& operand);

}  // namespace meshflow::runtime
