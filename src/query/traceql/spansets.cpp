#include "query/traceql/spansets.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "base/try.hpp"
#include "query/traceql/evaluate.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/sum.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

using Sets = std::vector<SpanSet>;

// A stage, or the source of one, made ready.
class Step {
 public:
  virtual ~Step() = default;
  [[nodiscard]] virtual Result<Sets> apply(const Trace& trace, Sets input) const = 0;
};
using StepPointer = std::unique_ptr<const Step>;

StepPointer make_step(const Spanset& spanset, const Fields& fields);
StepPointer make_step(const Stage& stage, const Fields& fields);

class Filter final : public Step {
 public:
  Filter(const SpansetFilter& filter, const Fields& fields) : condition_(filter.condition, fields) {}
  [[nodiscard]] Result<Sets> apply(const Trace& trace, Sets input) const override {
    for (SpanSet& set : input) {
      std::erase_if(set.spans, [&](std::size_t span) { return !condition_.holds(trace.rows[span].cells); });
    }
    std::erase_if(input, [](const SpanSet& set) { return set.spans.empty(); });
    return input;
  }

 private:
  const Evaluator condition_;
};

std::vector<std::size_t> all_of(const Sets& sets) {
  std::vector<std::size_t> spans;
  for (const SpanSet& set : sets) spans.insert(spans.end(), set.spans.begin(), set.spans.end());
  std::sort(spans.begin(), spans.end());
  spans.erase(std::unique(spans.begin(), spans.end()), spans.end());
  return spans;
}

class Operation final : public Step {
 public:
  Operation(const SpansetOperation& operation, const Fields& fields)
      : op_(operation.op), left_(make_step(*operation.left, fields)), right_(make_step(*operation.right, fields)) {}
  // Each set for itself.
  [[nodiscard]] Result<Sets> apply(const Trace& trace, Sets input) const override {
    Sets output;
    for (SpanSet& set : input) {
      MESHFLOW_TRY(const Sets left, left_->apply(trace, {{set.spans}}));
      MESHFLOW_TRY(const Sets right, right_->apply(trace, {{set.spans}}));
      MESHFLOW_TRY(set.spans, joined(trace, left, right));
      if (!set.spans.empty()) output.push_back(std::move(set));
    }
    return output;
  }

 private:
  [[nodiscard]] Result<std::vector<std::size_t>> joined(const Trace& trace, const Sets& left, const Sets& right) const {
    if (op_ == SpansetOperator::all || op_ == SpansetOperator::any) {
      if (op_ == SpansetOperator::all && (left.empty() || right.empty())) return std::vector<std::size_t>{};
      Sets both = left;
      both.insert(both.end(), right.begin(), right.end());
      return all_of(both);
    }
    if (right.empty()) return std::vector<std::size_t>{};
    if (left.size() > 1 || right.size() > 1) {
      return fail(ErrorCode::invalid_input, "a structural operator has several sets of spans on one side",
                  "make them one with coalesce()");
    }
    static const std::vector<std::size_t> none;
    return trace.structure.related(op_, left.empty() ? none : left.front().spans, right.front().spans);
  }

  const SpansetOperator op_;
  const StepPointer left_;
  const StepPointer right_;
};

// The stages of a pipeline, one after the other.
class Chain final : public Step {
 public:
  Chain(const Pipeline& pipeline, const Fields& fields) {
    for (const Stage& stage : pipeline.stages) steps_.push_back(make_step(stage, fields));
  }
  [[nodiscard]] Result<Sets> apply(const Trace& trace, Sets input) const override {
    for (const StepPointer& step : steps_) {
      MESHFLOW_TRY(input, step->apply(trace, std::move(input)));
      if (input.empty()) break;
    }
    return input;
  }

 private:
  std::vector<StepPointer> steps_;
};

const Cell& first_of(const Cell& cell) {
  static const Cell nil;
  const auto* const several = std::get_if<Several>(&cell.value);
  if (several == nullptr) return cell;
  return several->of.empty() ? nil : several->of.front();
}

class Grouping final : public Step {
 public:
  Grouping(const GroupBy& group, const Fields& fields) : by_(group.by, fields), name_("by(" + print(group.by) + ")") {}
  // In the order of their first spans.
  [[nodiscard]] Result<Sets> apply(const Trace& trace, Sets input) const override {
    Sets output;
    for (const SpanSet& set : input) {
      std::map<std::string, std::size_t> places;
      for (const std::size_t span : set.spans) {
        const Cell value = first_of(by_.value(trace.rows[span].cells));
        const auto [place, is_new] = places.try_emplace(key_of(value), output.size());
        if (is_new) {
          output.push_back({{}, set.attributes});
          output.back().attributes.emplace_back(name_, value);
        }
        output[place->second].spans.push_back(span);
      }
    }
    return output;
  }

 private:
  const Evaluator by_;
  const std::string name_;
};

class Joining final : public Step {
 public:
  [[nodiscard]] Result<Sets> apply(const Trace& /*trace*/, Sets input) const override {
    if (input.empty()) return input;
    return Sets{{all_of(input)}};
  }
};

// An aggregate, a number, or what is computed of them.
class Number {
 public:
  Number(const Scalar& scalar, const Fields& fields) {
    if (const auto* const literal = std::get_if<Literal>(&scalar.of)) {
      constant_ = cell_of(literal->value);
    } else if (const auto* const aggregate = std::get_if<Aggregate>(&scalar.of)) {
      function_ = aggregate->function;
      name_ = std::string(text_of(function_)) + "(" + (aggregate->argument ? print(*aggregate->argument) : "") + ")";
      if (aggregate->argument) {
        argument_.emplace(*aggregate->argument, fields);
        in_billionths_ = is_in_billionths(*aggregate->argument);
      }
    } else {
      const auto& operation = std::get<ScalarOperation>(scalar.of);
      op_ = operation.op;
      left_ = std::make_unique<const Number>(*operation.left, fields);
      right_ = std::make_unique<const Number>(*operation.right, fields);
    }
  }
  // Adds what aggregates say to the set's attributes.
  [[nodiscard]] Cell value(const Trace& trace, SpanSet& set) const {
    if (left_ != nullptr) {
      const Cell left = left_->value(trace, set);
      return calculate(left, op_, right_->value(trace, set));
    }
    if (name_.empty()) return constant_;
    Cell made = aggregate(trace, set.spans);
    if (!made.is_nil()) set.attributes.emplace_back(name_, made);
    return made;
  }

 private:
  [[nodiscard]] Cell aggregate(const Trace& trace, const std::vector<std::size_t>& spans) const {
    if (function_ == AggregateFunction::count) return {static_cast<std::int64_t>(spans.size())};
    Sum sum(in_billionths_);
    Cell extreme;
    for (const std::size_t span : spans) {
      const Cell value = first_of(argument_->value(trace.rows[span].cells));
      if (!is_number(value)) continue;
      sum.add(value);
      const auto better = function_ == AggregateFunction::max ? ComparisonOperator::greater : ComparisonOperator::less;
      if (extreme.is_nil() || compare(value, better, extreme)) extreme = value;
    }
    if (function_ == AggregateFunction::sum) return sum.sum();
    return function_ == AggregateFunction::avg ? sum.average() : extreme;
  }

  Cell constant_;
  std::string name_;  // of an aggregate
  AggregateFunction function_ = AggregateFunction::count;
  std::optional<Evaluator> argument_;
  bool in_billionths_ = false;
  ArithmeticOperator op_ = ArithmeticOperator::add;
  std::unique_ptr<const Number> left_;
  std::unique_ptr<const Number> right_;
};

class NumberFilter final : public Step {
 public:
  NumberFilter(const ScalarFilter& filter, const Fields& fields)
      : op_(filter.op), left_(filter.left, fields), right_(filter.right, fields) {}
  [[nodiscard]] Result<Sets> apply(const Trace& trace, Sets input) const override {
    std::erase_if(input, [&](SpanSet& set) {
      const Cell left = left_.value(trace, set);
      return !compare(left, op_, right_.value(trace, set));
    });
    return input;
  }

 private:
  const ComparisonOperator op_;
  const Number left_;
  const Number right_;
};

// select() changes what is shown, not what is found.
class Pass final : public Step {
 public:
  [[nodiscard]] Result<Sets> apply(const Trace& /*trace*/, Sets input) const override { return input; }
};

StepPointer make_step(const Spanset& spanset, const Fields& fields) {
  if (const auto* const filter = std::get_if<SpansetFilter>(&spanset.of)) {
    return std::make_unique<Filter>(*filter, fields);
  }
  if (const auto* const operation = std::get_if<SpansetOperation>(&spanset.of)) {
    return std::make_unique<Operation>(*operation, fields);
  }
  return std::make_unique<Chain>(*std::get<Box<Pipeline>>(spanset.of), fields);
}

StepPointer make_step(const Stage& stage, const Fields& fields) {
  struct Make {
    const Fields& fields;
    StepPointer operator()(const Spanset& spanset) const { return make_step(spanset, fields); }
    StepPointer operator()(const ScalarFilter& filter) const { return std::make_unique<NumberFilter>(filter, fields); }
    StepPointer operator()(const GroupBy& group) const { return std::make_unique<Grouping>(group, fields); }
    StepPointer operator()(const Coalesce&) const { return std::make_unique<Joining>(); }
    StepPointer operator()(const Select&) const { return std::make_unique<Pass>(); }
  };
  return std::visit(Make{fields}, stage);
}

}  // namespace

class Pipelines::Implementation {
 public:
  Implementation(const Pipeline& pipeline, const Fields& fields) : chain(pipeline, fields) {}
  Chain chain;
};

Pipelines::Pipelines(const Pipeline& pipeline, const Fields& fields)
    : implementation_(std::make_unique<const Implementation>(pipeline, fields)) {}
Pipelines::~Pipelines() = default;
Pipelines::Pipelines(Pipelines&&) noexcept = default;
Pipelines& Pipelines::operator=(Pipelines&&) noexcept = default;

Result<std::vector<SpanSet>> Pipelines::evaluate(const Trace& trace) const {
  std::vector<std::size_t> all(trace.rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (all.empty()) return Sets{};
  return implementation_->chain.apply(trace, {{std::move(all)}});
}

}  // namespace meshflow::query::traceql
