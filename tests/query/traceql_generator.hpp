// Random queries: trees that keep to what query/traceql/ast.hpp says, so that print() and parse_query() must agree on
// them, and, where asked for, to the rules of check(). The same seed gives the same queries.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "query/traceql/ast.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {

// What queries ask for. Replace what the traces of a test have; each list has at least one.
struct GeneratorWords {
  std::vector<Field> numbers = {{Intrinsic::duration}, {Intrinsic::child_count}, {Attribute{Scope::span, "a.number"}}};
  std::vector<Field> texts = {{Intrinsic::name}, {Attribute{Scope::resource, "service.name"}}};
  std::vector<Field> booleans = {{Attribute{Scope::span, "is it"}}};
  // Of any type, several or none.
  std::vector<Field> others = {
      {Attribute{Scope::any, "3a\"\\b"}},          {Attribute{Scope::any, "span.x", true}},
      {Attribute{Scope::resource, "größe", true}}, {Attribute{Scope::event, "e"}},
      {Attribute{Scope::link, "l/+-*%"}},          {Attribute{Scope::instrumentation, "new\nline"}}};
  std::vector<std::string> text_values = {"", "a", "quote \" and \\", "\xff\x01 byte", "líne\nbreak"};
  std::vector<std::string> patterns = {"", "a.*", "a|b", "\\d+", "[^x]*"};
  std::vector<std::int64_t> integers = {
      0, 1, 2, -3, 200, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  std::vector<double> reals = {0.0, 0.5, -1.25, 1e300, 2.0, 5e-324};
  std::vector<std::int64_t> durations = {0, 1, 1'500, 2'000'000, 5'400'000'000'000, -1'000'000'001};
};

struct GeneratorOptions {
  bool is_well_typed = true;  // else anything may stand anywhere, as the grammar lets it
  bool has_metrics = true;
  bool has_structure = true;  // operators between sets of spans other than && and ||
  int depth_max = 4;          // of expressions, and of sets of spans
  GeneratorWords words = {};
};

// One thread.
class QueryGenerator {
 public:
  explicit QueryGenerator(std::uint64_t seed, GeneratorOptions options = {})
      : random_(seed), options_(std::move(options)) {}

  Query query() {
    Query out{Pipeline{}};
    if (options_.has_metrics && chance(2)) {
      out.of = metrics(2);
    } else {
      out.of = pipeline();
    }
    while (chance(5)) out.hints.push_back({one_of<std::string>({"most_recent", "sample", "rate"}), {value()}});
    return out;
  }

  Pipeline pipeline() {
    Pipeline out;
    if (chance(6)) {
      out.stages.emplace_back(later_stage(false));
    } else {
      out.stages.emplace_back(spanset(options_.depth_max));
    }
    while (chance(3)) out.stages.emplace_back(later_stage(true));
    return out;
  }

  Metrics metrics(int depth) {
    Metrics out{MetricsQuery{pipeline(), metrics_stage()}};
    const bool is_operation = depth > 0 && chance(3);
    if (is_operation) {
      const auto op = one_of<ArithmeticOperator>({ArithmeticOperator::add, ArithmeticOperator::subtract,
                                                  ArithmeticOperator::multiply, ArithmeticOperator::divide});
      MetricsOperation operation{op, operand(depth - 1), operand(depth - 1)};
      const bool is_constant =
          std::holds_alternative<Literal>(operation.left) && std::holds_alternative<Literal>(operation.right);
      if (is_constant) operation.right = Box<Metrics>(not_compared(depth - 1));
      out.of = std::move(operation);
    }
    if (options_.is_well_typed && is_compare(out)) return out;
    while (chance(3)) out.then.push_back(second_stage());
    return out;
  }

  // The condition of a filter.
  Expression condition(int depth) { return options_.is_well_typed ? boolean(depth) : anything(depth); }

  Expression boolean(int depth) {
    if (depth <= 0) return chance(2) ? one(options_.words.booleans) : Expression{Literal{chance(2)}};
    switch (below(8)) {
      case 0: return one(options_.words.booleans);
      case 1: return {Unary{UnaryOperator::logical_not, boolean(depth - 1)}};
      case 2: return {NilTest{chance(2), one(nillable())}};
      case 3: return {Compare{equality(), text(), text()}};
      case 4:
        return {Compare{chance(2) ? ComparisonOperator::matches : ComparisonOperator::matches_not,
                        one(chance(2) ? options_.words.texts : options_.words.others),
                        Expression{Literal{one_of(options_.words.patterns)}}}};
      case 5: return {Compare{order(), number(depth - 1), number(depth - 1)}};
      case 6: return status_or_kind();
      default: {
        Logical logical{chance(2) ? LogicalOperator::all : LogicalOperator::any, {}};
        const int operands = 2 + below(3);
        for (int i = 0; i < operands; ++i) logical.operands.push_back(boolean(depth - 1));
        return {std::move(logical)};
      }
    }
  }

  Expression number(int depth) {
    if (depth <= 0 || chance(2))
      return chance(3) ? number_literal() : one(chance(3) ? options_.words.others : options_.words.numbers);
    if (chance(4)) return negated_expression(number(depth - 1));
    return {Arithmetic{arithmetic(), number(depth - 1), number(depth - 1)}};
  }

  // Of the span: what by() and aggregates need.
  Expression number_of_span(int depth) {
    const Expression field = one(chance(4) ? options_.words.others : options_.words.numbers);
    if (depth <= 0 || chance(2)) return field;
    return {Arithmetic{arithmetic(), field, number(depth - 1)}};
  }

  Literal value() {
    switch (below(7)) {
      case 0: return {one_of(options_.words.text_values)};
      case 1: return {one_of(options_.words.reals)};
      case 2: return {Duration{one_of(options_.words.durations)}};
      case 3: return {chance(2)};
      case 4: return {static_cast<Status>(below(3))};
      case 5: return {static_cast<Kind>(below(6))};
      default: return {one_of(options_.words.integers)};
    }
  }

 private:
  // True once in `n` times.
  bool chance(int n) { return below(n) == 0; }
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  template <typename T>
  T one_of(const std::vector<T>& of) {
    return of.at(random_() % of.size());
  }
  Expression one(const std::vector<Field>& of) { return {one_of(of)}; }

  std::vector<Field> nillable() const {
    std::vector<Field> out = options_.words.others;
    for (const auto* list : {&options_.words.numbers, &options_.words.texts}) {
      for (const Field& field : *list) {
        const auto* attribute = std::get_if<Attribute>(&field.of);
        if (attribute != nullptr && *attribute != Attribute{Scope::resource, "service.name"}) out.push_back(field);
      }
    }
    return out;
  }

  ComparisonOperator equality() { return chance(2) ? ComparisonOperator::equal : ComparisonOperator::not_equal; }
  ComparisonOperator order() { return static_cast<ComparisonOperator>(below(6)); }
  ArithmeticOperator arithmetic() { return static_cast<ArithmeticOperator>(below(6)); }

  Expression text() {
    if (chance(2)) return {Literal{one_of(options_.words.text_values)}};
    return one(chance(3) ? options_.words.others : options_.words.texts);
  }

  Literal number_value() {
    switch (below(3)) {
      case 0: return {one_of(options_.words.reals)};
      case 1: return {Duration{one_of(options_.words.durations)}};
      default: return {one_of(options_.words.integers)};
    }
  }
  Expression number_literal() { return {number_value()}; }

  Expression status_or_kind() {
    const bool is_status = chance(2);
    Expression field{Field{is_status ? Intrinsic::status : Intrinsic::kind}};
    Expression value{is_status ? Literal{static_cast<Status>(below(3))} : Literal{static_cast<Kind>(below(6))}};
    return {Compare{equality(), std::move(field), std::move(value)}};
  }

  // The parser makes a negative number of the negation of one.
  static Expression negated_expression(Expression operand) {
    const auto* literal = std::get_if<Literal>(&operand.of);
    if (literal != nullptr && is_number(type_of(literal->value))) return operand;
    return {Unary{UnaryOperator::negate, std::move(operand)}};
  }

  Expression anything(int depth) {
    const std::array lists = {&options_.words.numbers, &options_.words.texts, &options_.words.booleans,
                              &options_.words.others};
    if (depth <= 0 || chance(5)) {
      return chance(2) ? Expression{value()} : one(*lists.at(static_cast<std::size_t>(below(4))));
    }
    switch (below(6)) {
      case 0: return negated_expression(anything(depth - 1));
      case 1: return {Unary{UnaryOperator::logical_not, anything(depth - 1)}};
      case 2: return {Arithmetic{arithmetic(), anything(depth - 1), anything(depth - 1)}};
      case 3: return {Compare{static_cast<ComparisonOperator>(below(8)), anything(depth - 1), anything(depth - 1)}};
      case 4: return {NilTest{chance(2), anything(depth - 1)}};
      default: {
        Logical logical{chance(2) ? LogicalOperator::all : LogicalOperator::any, {}};
        const int operands = 2 + below(3);
        for (int i = 0; i < operands; ++i) logical.operands.push_back(anything(depth - 1));
        return {std::move(logical)};
      }
    }
  }

  // ---- stages ----

  Spanset spanset(int depth) {
    if (depth <= 0 || !chance(3)) {
      if (chance(4)) return {SpansetFilter{{Literal{true}}}};
      return {SpansetFilter{condition(options_.depth_max)}};
    }
    const int operators = options_.has_structure ? 17 : 2;
    return {SpansetOperation{static_cast<SpansetOperator>(below(operators)), spanset_operand(depth - 1),
                             spanset_operand(depth - 1)}};
  }

  Spanset spanset_operand(int depth) {
    if (!chance(6)) return spanset(depth);
    Pipeline inner;
    inner.stages.emplace_back(spanset(0));
    inner.stages.emplace_back(scalar_filter());
    if (chance(3)) inner.stages.emplace_back(spanset(0));
    return {Box<Pipeline>(std::move(inner))};
  }

  Stage later_stage(bool has_one_before) {
    switch (below(has_one_before ? 5 : 3)) {
      case 0: return scalar_filter();
      case 1: return GroupBy{group()};
      case 2: return Select{fields()};
      case 3: return Coalesce{};
      default: return spanset(1);
    }
  }

  Expression group() {
    if (!options_.is_well_typed) return anything(2);
    return chance(3) ? number_of_span(1) : one(chance(2) ? options_.words.texts : options_.words.others);
  }

  std::vector<Field> fields() {
    const std::array lists = {&options_.words.numbers, &options_.words.texts, &options_.words.booleans,
                              &options_.words.others};
    std::vector<Field> out;
    do {
      out.push_back(one_of(*lists.at(static_cast<std::size_t>(below(4)))));
    } while (chance(3));
    return out;
  }

  Expression argument() { return options_.is_well_typed ? number_of_span(2) : anything(2); }

  Scalar aggregate() {
    const auto function = static_cast<AggregateFunction>(below(5));
    if (function == AggregateFunction::count) return {Aggregate{function, {}}};
    return {Aggregate{function, argument()}};
  }

  Scalar scalar(int depth) {
    if (depth <= 0 || chance(2)) return aggregate();
    const bool has_number = chance(2);
    Scalar other = has_number ? Scalar{number_value()} : scalar(depth - 1);
    ScalarOperation operation{arithmetic(), scalar(depth - 1), std::move(other)};
    if (chance(2)) std::swap(operation.left, operation.right);
    return {std::move(operation)};
  }

  ScalarFilter scalar_filter() {
    ScalarFilter out{order(), scalar(2), chance(4) ? scalar(1) : Scalar{number_value()}};
    if (chance(4)) std::swap(out.left, out.right);
    return out;
  }

  // ---- metrics ----

  MetricsStage metrics_stage() {
    MetricsStage out{.function = static_cast<MetricsFunction>(below(15))};
    if (out.function == MetricsFunction::compare) {
      out.compare = CompareArguments{{condition(2)}, 1 + below(1'000)};
      if (chance(2)) std::tie(out.compare->start, out.compare->end) = std::pair{below(100), 100 + below(100)};
      return out;
    }
    if (takes_argument(out.function)) out.argument = argument();
    if (takes_quantiles(out.function)) out.quantiles = {one_of<double>({0, 0.5, 0.99, 1})};
    if (takes_quantiles(out.function) && chance(2)) out.quantiles.push_back(0.123456789012345);
    if (chance(2)) out.by = fields();
    return out;
  }

  static bool is_compare(const Metrics& metrics) {
    const auto* query = std::get_if<MetricsQuery>(&metrics.of);
    return query != nullptr && query->stage.compare.has_value();
  }

  Metrics not_compared(int depth) {
    Metrics out = metrics(depth);
    while (options_.is_well_typed && is_compare(out)) out = metrics(depth);
    return out;
  }

  MetricsOperand operand(int depth) {
    if (chance(3)) return chance(2) ? Literal{one_of(options_.words.integers)} : Literal{one_of(options_.words.reals)};
    return Box<Metrics>(not_compared(depth));
  }

  SecondStage second_stage() {
    if (chance(2)) return TopK{chance(2), 1 + below(100)};
    return MetricsFilter{order(), number_value()};
  }

  std::mt19937_64 random_;
  GeneratorOptions options_;
};

}  // namespace meshflow::query::traceql
