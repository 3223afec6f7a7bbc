#include "query/traceql/evaluate.hpp"

#include <algorithm>
#include <vector>

#include <re2/re2.h>

#include "query/traceql/plan.hpp"

namespace meshflow::query::traceql {

using Cells = std::span<const Cell>;

class Evaluator::Node {
 public:
  virtual ~Node() = default;
  [[nodiscard]] virtual Cell value(Cells cells) const = 0;
  // Without a copy, where a node has its value lying somewhere.
  [[nodiscard]] virtual const Cell* lying(Cells /*cells*/) const { return nullptr; }
  [[nodiscard]] virtual bool holds(Cells cells) const {
    const Cell made = value(cells);
    const bool* const flag = std::get_if<bool>(&made.value);
    return flag != nullptr && *flag;
  }
};

namespace {

using Node = Evaluator::Node;
using NodePointer = std::unique_ptr<const Node>;

NodePointer make(const Expression& expression, const Fields& fields);

// Calls `work` with a node's value.
template <typename Work>
auto with_value(const Node& node, Cells cells, Work work) {
  if (const Cell* const lying = node.lying(cells)) return work(*lying);
  return work(node.value(cells));
}

class Constant final : public Node {
 public:
  explicit Constant(const Value& value) : cell_(cell_of(value)) {}
  [[nodiscard]] Cell value(Cells /*cells*/) const override { return cell_; }
  [[nodiscard]] const Cell* lying(Cells /*cells*/) const override { return &cell_; }

 private:
  const Cell cell_;
};

class OfField final : public Node {
 public:
  explicit OfField(std::size_t place) : place_(place) {}
  [[nodiscard]] Cell value(Cells cells) const override { return cells[place_]; }
  [[nodiscard]] const Cell* lying(Cells cells) const override { return &cells[place_]; }

 private:
  const std::size_t place_;
};

class Negation final : public Node {
 public:
  explicit Negation(NodePointer operand) : operand_(std::move(operand)) {}
  [[nodiscard]] Cell value(Cells cells) const override {
    return with_value(*operand_, cells, [](const Cell& cell) { return negate(cell); });
  }

 private:
  const NodePointer operand_;
};

// The opposite of a truth value; nil for all else.
class Opposite final : public Node {
 public:
  explicit Opposite(NodePointer operand) : operand_(std::move(operand)) {}
  [[nodiscard]] Cell value(Cells cells) const override {
    return with_value(*operand_, cells, [](const Cell& cell) {
      const bool* const flag = std::get_if<bool>(&cell.value);
      return flag == nullptr ? Cell{} : Cell{!*flag};
    });
  }

 private:
  const NodePointer operand_;
};

class Calculation final : public Node {
 public:
  Calculation(ArithmeticOperator op, NodePointer left, NodePointer right)
      : op_(op), left_(std::move(left)), right_(std::move(right)) {}
  [[nodiscard]] Cell value(Cells cells) const override {
    return with_value(*left_, cells, [&](const Cell& left) {
      return with_value(*right_, cells, [&](const Cell& right) { return calculate(left, op_, right); });
    });
  }

 private:
  const ArithmeticOperator op_;
  const NodePointer left_;
  const NodePointer right_;
};

class Comparison final : public Node {
 public:
  Comparison(ComparisonOperator op, NodePointer left, NodePointer right)
      : op_(op), left_(std::move(left)), right_(std::move(right)) {}
  [[nodiscard]] Cell value(Cells cells) const override { return {holds(cells)}; }
  [[nodiscard]] bool holds(Cells cells) const override {
    return with_value(*left_, cells, [&](const Cell& left) {
      return with_value(*right_, cells, [&](const Cell& right) { return compare(left, op_, right); });
    });
  }

 private:
  const ComparisonOperator op_;
  const NodePointer left_;
  const NodePointer right_;
};

class Match final : public Node {
 public:
  Match(bool wanted, NodePointer operand, const std::string& pattern)
      : wanted_(wanted), operand_(std::move(operand)), regex_(pattern, options()) {}
  [[nodiscard]] Cell value(Cells cells) const override { return {holds(cells)}; }
  [[nodiscard]] bool holds(Cells cells) const override {
    return with_value(*operand_, cells, [this](const Cell& cell) { return fits(cell); });
  }

 private:
  static RE2::Options options() {
    RE2::Options made;
    made.set_log_errors(false);
    made.set_dot_nl(true);
    return made;
  }
  [[nodiscard]] bool fits(const Cell& cell) const {
    if (const auto* const text = std::get_if<std::string>(&cell.value)) {
      return regex_.ok() && RE2::FullMatch(*text, regex_) == wanted_;
    }
    const auto each_fits = [this](const Cell& each) { return fits(each); };
    if (const auto* const several = std::get_if<Several>(&cell.value)) {
      return std::any_of(several->of.begin(), several->of.end(), each_fits);
    }
    if (const auto* const array = std::get_if<Array>(&cell.value)) {
      return wanted_ ? std::any_of(array->of.begin(), array->of.end(), each_fits)
                     : std::all_of(array->of.begin(), array->of.end(), each_fits);
    }
    return false;
  }

  const bool wanted_;
  const NodePointer operand_;
  const RE2 regex_;
};

class Presence final : public Node {
 public:
  Presence(bool is_nil, NodePointer operand) : is_nil_(is_nil), operand_(std::move(operand)) {}
  [[nodiscard]] Cell value(Cells cells) const override { return {holds(cells)}; }
  [[nodiscard]] bool holds(Cells cells) const override {
    return with_value(*operand_, cells, [this](const Cell& cell) { return is_nothing(cell) == is_nil_; });
  }

 private:
  static bool is_nothing(const Cell& cell) {
    const auto* const several = std::get_if<Several>(&cell.value);
    return several == nullptr ? cell.is_nil() : std::all_of(several->of.begin(), several->of.end(), is_nothing);
  }
  const bool is_nil_;
  const NodePointer operand_;
};

class Junction final : public Node {
 public:
  Junction(bool is_all, std::vector<NodePointer> operands) : is_all_(is_all), operands_(std::move(operands)) {}
  [[nodiscard]] Cell value(Cells cells) const override { return {holds(cells)}; }
  [[nodiscard]] bool holds(Cells cells) const override {
    const auto each_holds = [&](const NodePointer& each) { return each->holds(cells); };
    return is_all_ ? std::all_of(operands_.begin(), operands_.end(), each_holds)
                   : std::any_of(operands_.begin(), operands_.end(), each_holds);
  }

 private:
  const bool is_all_;
  const std::vector<NodePointer> operands_;
};

struct Make {
  const Fields& fields;

  NodePointer operator()(const Literal& literal) const { return std::make_unique<Constant>(literal.value); }
  NodePointer operator()(const Field& field) const { return std::make_unique<OfField>(fields.place_of(field)); }
  NodePointer operator()(const Unary& unary) const {
    NodePointer operand = make(*unary.operand, fields);
    if (unary.op == UnaryOperator::negate) return std::make_unique<Negation>(std::move(operand));
    return std::make_unique<Opposite>(std::move(operand));
  }
  NodePointer operator()(const Arithmetic& operation) const {
    return std::make_unique<Calculation>(operation.op, make(*operation.left, fields), make(*operation.right, fields));
  }
  NodePointer operator()(const Compare& written) const {
    const Compare operation = with_whole_ids(written);
    const bool is_match = operation.op == ComparisonOperator::matches;
    if (!is_match && operation.op != ComparisonOperator::matches_not) {
      return std::make_unique<Comparison>(operation.op, make(*operation.left, fields), make(*operation.right, fields));
    }
    const auto* const literal = std::get_if<Literal>(&operation.right->of);
    const auto* const pattern = literal == nullptr ? nullptr : std::get_if<std::string>(&literal->value);
    if (pattern == nullptr) return std::make_unique<Constant>(Value{false});  // check() lets no other pass
    return std::make_unique<Match>(is_match, make(*operation.left, fields), *pattern);
  }
  NodePointer operator()(const NilTest& test) const {
    return std::make_unique<Presence>(test.is_nil, make(*test.operand, fields));
  }
  NodePointer operator()(const Logical& logical) const {
    std::vector<NodePointer> operands;
    for (const Expression& each : logical.operands) operands.push_back(make(each, fields));
    return std::make_unique<Junction>(logical.op == LogicalOperator::all, std::move(operands));
  }
};

NodePointer make(const Expression& expression, const Fields& fields) { return std::visit(Make{fields}, expression.of); }

}  // namespace

Evaluator::Evaluator(const Expression& expression, const Fields& fields) : root_(make(expression, fields)) {}
Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;

Cell Evaluator::value(std::span<const Cell> cells) const { return root_->value(cells); }
bool Evaluator::holds(std::span<const Cell> cells) const { return root_->holds(cells); }

}  // namespace meshflow::query::traceql
