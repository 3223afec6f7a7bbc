#include "runtime/condition.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "runtime/condition_tree.hpp"
#include "runtime/json_path.hpp"

namespace meshflow::runtime {
namespace {

namespace json = boost::json;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// What an operand is worth. Views live as long as the Evaluator and its scope.
using Missing = std::monostate;
using Value = std::variant<Missing, std::string_view, double, bool, const json::array*>;

Value value_of(const json::value& node) {
  switch (node.kind()) {
    case json::kind::string: return std::string_view(node.get_string().data(), node.get_string().size());
    case json::kind::int64: return static_cast<double>(node.get_int64());
    case json::kind::uint64: return static_cast<double>(node.get_uint64());
    case json::kind::double_: return node.get_double();
    case json::kind::bool_: return node.get_bool();
    case json::kind::array: return &node.get_array();
    case json::kind::null:
    case json::kind::object: return Missing{};
  }
  return Missing{};
}

class Evaluator {
 public:
  Evaluator(const ConditionTree& tree, const ConditionScope& scope) : tree_(tree), scope_(scope) {}

  bool holds(std::size_t index) {
    const auto& expression = tree_.expressions[index];
    const auto part_holds = [this](std::size_t part) { return holds(part); };
    switch (expression.kind) {
      case Expression::Kind::any: return std::ranges::any_of(expression.parts, part_holds);
      case Expression::Kind::all: return std::ranges::all_of(expression.parts, part_holds);
      case Expression::Kind::negation: return !holds(expression.parts.front());
      case Expression::Kind::truth: {
        const auto value = evaluate(expression.left);
        return std::holds_alternative<bool>(value) && std::get<bool>(value);
      }
      case Expression::Kind::comparison: return compare(expression);
    }
    return false;
  }

 private:
  Value evaluate(const Operand& operand) {
    return std::visit(Overloaded{[](const std::string& text) { return Value(std::string_view(text)); },
                                 [](double number) { return Value(number); }, [](bool truth) { return Value(truth); },
                                 [this](const VariableUse& use) { return evaluate(use); }},
                      operand);
  }

  Value evaluate(const VariableUse& use) {
    switch (use.variable) {
      case Variable::uncertainty: {
        const auto uncertainty = scope_.uncertainty();
        return uncertainty ? Value(*uncertainty) : Value(Missing{});
      }
      case Variable::cost_usd: return scope_.cost_usd();
      case Variable::tokens: return scope_.tokens();
      case Variable::verdict: return scope_.verdict();
      case Variable::status: return scope_.status();
      case Variable::iteration: return scope_.iteration();
      case Variable::output:
      case Variable::outputs:
      case Variable::task:
      case Variable::input: break;
    }
    const auto text = text_behind(use);
    if (!text) return Missing{};
    if (!use.json) return *text;
    const json::value* node = follow(parsed(*text), use.path);
    return node == nullptr ? Value(Missing{}) : value_of(*node);
  }

  std::optional<std::string_view> text_behind(const VariableUse& use) const {
    if (use.variable == Variable::task) return scope_.task();
    if (use.variable == Variable::input) return std::nullopt;  // a template's: no condition has it
    return use.variable == Variable::output ? scope_.output() : scope_.output_of(use.node_id);
  }

  // Nothing for what is not JSON. Each text is parsed once per evaluation.
  const json::value* parsed(std::string_view text) {
    for (const auto& [source, value] : parsed_) {
      if (source.data() == text.data() && source.size() == text.size()) return value ? &*value : nullptr;
    }
    const auto& kept = parsed_.emplace_back(text, read_json(text)).second;
    return kept ? &*kept : nullptr;
  }

  bool compare(const Expression& expression) {
    const auto left = evaluate(expression.left);
    const auto right = evaluate(expression.right);
    if (std::holds_alternative<Missing>(left) || std::holds_alternative<Missing>(right)) return false;
    if (const auto* array = std::get_if<const json::array*>(&left)) {
      return expression.comparison == Comparison::contains && holds_element(**array, right);
    }
    if (left.index() != right.index()) return expression.comparison == Comparison::unequal;
    if (expression.comparison == Comparison::equal) return left == right;
    if (expression.comparison == Comparison::unequal) return left != right;
    if (const auto* number = std::get_if<double>(&left)) {
      return in_order(expression.comparison, *number, std::get<double>(right));
    }
    const auto* text = std::get_if<std::string_view>(&left);
    return text != nullptr && matches(expression, *text, std::get<std::string_view>(right));
  }

  static bool holds_element(const json::array& array, const Value& wanted) {
    return std::ranges::any_of(array, [&](const json::value& element) {
      const auto value = value_of(element);
      return !std::holds_alternative<const json::array*>(value) && value == wanted;
    });
  }

  static bool in_order(Comparison comparison, double left, double right) {
    switch (comparison) {
      case Comparison::less: return left < right;
      case Comparison::less_equal: return left <= right;
      case Comparison::greater: return left > right;
      case Comparison::greater_equal: return left >= right;
      default: return false;
    }
  }

  static bool matches(const Expression& expression, std::string_view left, std::string_view right) {
    switch (expression.comparison) {
      case Comparison::contains: return left.find(right) != std::string_view::npos;
      case Comparison::starts_with: return left.starts_with(right);
      case Comparison::ends_with: return left.ends_with(right);
      case Comparison::matches:
        return re2::RE2::PartialMatch(re2::StringPiece(left.data(), left.size()), *expression.pattern);
      default: return false;
    }
  }

  const ConditionTree& tree_;
  const ConditionScope& scope_;
  // A deque: values are pointed to while others are added.
  std::deque<std::pair<std::string_view, std::optional<json::value>>> parsed_;
};

bool is_word(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && is_letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

std::string text_of(const VariableUse& use) {
  std::string out(name_of(use.variable));
  if (use.variable == Variable::outputs) out += "." + use.node_id;
  if (use.json && use.path.empty()) return "json(" + out + ")";
  for (const auto& step : use.path) {
    const auto* key = std::get_if<std::string>(&step);
    if (key == nullptr) {
      out += fmt::format("[{}]", std::get<std::size_t>(step));
    } else {
      out += is_word(*key) ? "." + *key : "[" + quoted(*key) + "]";
    }
  }
  return out;
}

// Parts that bind less tightly than the place they stand in, or equally, are put in parentheses.
std::string text_of(const ConditionTree& tree, std::size_t index) {
  const auto& expression = tree.expressions[index];
  const auto part_text = [&](std::size_t part) {
    const auto kind = tree.expressions[part].kind;
    const bool is_list = kind == Expression::Kind::any || kind == Expression::Kind::all;
    const bool bare = !is_list || (expression.kind == Expression::Kind::any && kind == Expression::Kind::all);
    return bare ? text_of(tree, part) : "(" + text_of(tree, part) + ")";
  };
  switch (expression.kind) {
    case Expression::Kind::any:
    case Expression::Kind::all: {
      const std::string_view word = expression.kind == Expression::Kind::any ? " or " : " and ";
      std::string out;
      for (const auto part : expression.parts) {
        if (!out.empty()) out += word;
        out += part_text(part);
      }
      return out;
    }
    case Expression::Kind::negation: return "not " + part_text(expression.parts.front());
    case Expression::Kind::truth: return text_of(expression.left);
    case Expression::Kind::comparison:
      return fmt::format("{} {} {}", text_of(expression.left), name_of(expression.comparison),
                         text_of(expression.right));
  }
  return {};
}

bool same(const ConditionTree& left, std::size_t left_index, const ConditionTree& right, std::size_t right_index) {
  const auto& a = left.expressions[left_index];
  const auto& b = right.expressions[right_index];
  if (a.kind != b.kind || a.comparison != b.comparison || a.left != b.left || a.right != b.right) return false;
  return std::ranges::equal(a.parts, b.parts, [&](std::size_t x, std::size_t y) { return same(left, x, right, y); });
}

}  // namespace

std::string_view name_of(Variable variable) noexcept {
  static constexpr std::array<std::string_view, 10> kNames = {"output", "outputs", "task",   "uncertainty", "cost_usd",
                                                              "tokens", "verdict", "status", "iteration",   "input"};
  return kNames.at(static_cast<std::size_t>(variable));
}

std::string_view name_of(Comparison comparison) noexcept {
  static constexpr std::array<std::string_view, 10> kNames = {"==", "!=",       "<",           "<=",        ">",
                                                              ">=", "contains", "starts_with", "ends_with", "matches"};
  return kNames.at(static_cast<std::size_t>(comparison));
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
  return out + "\"";
}

std::string text_of(const Operand& operand) {
  return std::visit(Overloaded{[](const std::string& text) { return quoted(text); },
                               [](double number) { return fmt::format("{}", number); },
                               [](bool truth) { return std::string(truth ? "true" : "false"); },
                               [](const VariableUse& use) { return text_of(use); }},
                    operand);
}

bool Condition::evaluate(const ConditionScope& scope) const { return Evaluator(*tree_, scope).holds(tree_->root); }

std::string Condition::text() const { return text_of(*tree_, tree_->root); }

const std::vector<Condition::Reference>& Condition::references() const noexcept { return tree_->references; }

bool Condition::asks_about_blocks() const noexcept { return tree_->asks_about_blocks; }

bool operator==(const Condition& left, const Condition& right) {
  return same(*left.tree_, left.tree_->root, *right.tree_, right.tree_->root);
}

}  // namespace meshflow::runtime
