// The random queries.
#include "query/traceql_case.hpp"

namespace meshflow::query::traceql::test {
namespace {

template <typename Node>
Expression node(Node made) {
  return {std::move(made), {}};
}
Expression literal(Value value) { return node(Literal{std::move(value)}); }
Expression attribute(Scope scope, std::string name, bool of_parent = false) {
  return node(Field{Attribute{scope, std::move(name), of_parent}});
}
Expression intrinsic(Intrinsic which) { return node(Field{which}); }
Expression compare(Expression left, ComparisonOperator op, Expression right) {
  return node(Compare{op, std::move(left), std::move(right)});
}

class Maker {
 public:
  explicit Maker(Dice& dice) : dice_(dice) {}

  traceql::Query query() {
    traceql::Query out{Pipeline{}, {}};
    if (dice_.chance(55)) {
      out.of = pipeline(true);
    } else {
      out.of = metrics(0);
    }
    return out;
  }

 private:
  // ---- fields ----

  // Of a type that is only known span by span.
  Expression attribute_of_any_type() {
    switch (dice_.below(12)) {
      case 0: return attribute(Scope::span, "any");
      case 1: return attribute(Scope::any, "both");
      case 2: return attribute(Scope::resource, "r");
      case 3: return attribute(Scope::any, "r");
      case 4: return attribute(Scope::span, "list");
      case 5: return attribute(Scope::span, "i", true);
      case 6: return attribute(Scope::any, "both", true);
      case 7: return attribute(Scope::event, "e");
      case 8: return attribute(Scope::link, "k");
      case 9: return attribute(Scope::span, "meshflow.verdict");
      case 10: return attribute(Scope::any, "verdict");
      default: return attribute(Scope::span, "nowhere");
    }
  }
  Expression number_field() {
    switch (dice_.below(13)) {
      case 0:
      case 1: return attribute(Scope::span, "i");
      case 2: return attribute(Scope::any, "i");
      case 3:
      case 4: return attribute(Scope::span, "x");
      case 5: return intrinsic(Intrinsic::duration);
      case 6: return intrinsic(Intrinsic::trace_duration);
      case 7: return intrinsic(Intrinsic::child_count);
      case 8: return attribute(Scope::span, "meshflow.tokens");
      case 9: return attribute(Scope::any, "cost_usd");
      case 10:
        return intrinsic(dice_.of<Intrinsic>(
            {Intrinsic::nested_set_left, Intrinsic::nested_set_right, Intrinsic::nested_set_parent}));
      default: return attribute_of_any_type();
    }
  }
  Expression text_field() {
    switch (dice_.below(13)) {
      case 0:
      case 1: return attribute(Scope::span, "s");
      case 2: return attribute(Scope::any, "s");
      case 3: return intrinsic(Intrinsic::name);
      case 4: return attribute(Scope::resource, "service.name");
      case 5: return intrinsic(Intrinsic::status_message);
      case 6: return intrinsic(dice_.of<Intrinsic>({Intrinsic::root_name, Intrinsic::root_service}));
      case 7:
        return intrinsic(dice_.of<Intrinsic>({Intrinsic::instrumentation_name, Intrinsic::instrumentation_version}));
      case 8: return intrinsic(Intrinsic::event_name);
      case 9: return attribute(Scope::span, "meshflow.role");
      case 10: return attribute(Scope::span, "http.method");
      case 11: return attribute(Scope::instrumentation, "g");
      default: return attribute_of_any_type();
    }
  }

  // ---- expressions ----

  Value number() {
    switch (dice_.below(5)) {
      case 0: return Duration{static_cast<std::int64_t>(dice_.below(200)) * (1'000'000'000 / 128)};
      case 1: return (static_cast<double>(dice_.below(20)) - 4) / 4;
      default: return static_cast<std::int64_t>(dice_.below(12)) - 3;
    }
  }
  std::string word() { return dice_.of<std::string>({"a", "b", "ab", "", "red", "web", "pay", "step", "start", "5"}); }

  Expression calculated(int depth) {
    if (depth <= 0 || dice_.chance(60)) return number_field();
    if (dice_.chance(15)) return node(Unary{UnaryOperator::negate, calculated(depth - 1)});
    const auto op = static_cast<ArithmeticOperator>(dice_.below(6));
    if (op == ArithmeticOperator::power) {
      return node(Arithmetic{op, calculated(depth - 1), literal(std::int64_t(dice_.below(3)))});
    }
    return node(Arithmetic{op, calculated(depth - 1), dice_.chance(60) ? literal(number()) : calculated(depth - 1)});
  }

  ComparisonOperator plain_comparison() { return static_cast<ComparisonOperator>(dice_.below(6)); }
  ComparisonOperator equality() { return static_cast<ComparisonOperator>(dice_.below(2)); }

  Expression ids() {
    const auto span = std::string("000000000000736") + static_cast<char>('1' + dice_.below(4));
    switch (dice_.below(5)) {
      case 0: return compare(intrinsic(Intrinsic::span_id), equality(), literal(span));
      case 1: return compare(intrinsic(Intrinsic::parent_id), equality(), literal(dice_.chance(80) ? span : ""));
      case 2: return compare(intrinsic(Intrinsic::link_span_id), equality(), literal(span));
      case 3:
        return compare(intrinsic(Intrinsic::trace_id), equality(),
                       literal(dice_.of<std::string>(
                           {"1", "00000000000000000000000000000001", "4a000000000000000000000000000002", "4a"})));
      default:
        return compare(
            intrinsic(Intrinsic::link_trace_id), equality(),
            literal(std::string("4a00000000000000000000000000000") + static_cast<char>('1' + dice_.below(3))));
    }
  }

  Expression leaf() {
    switch (dice_.below(14)) {
      case 0:
      case 1:
      case 2: return compare(calculated(2), plain_comparison(), literal(number()));
      case 3: return compare(literal(number()), plain_comparison(), calculated(1));
      case 4: return compare(calculated(1), plain_comparison(), calculated(1));
      case 5:
      case 6: return compare(text_field(), plain_comparison(), literal(word()));
      case 7:
        return compare(
            text_field(), dice_.chance(50) ? ComparisonOperator::matches : ComparisonOperator::matches_not,
            literal(dice_.of<std::string>({"a", "a.*", ".*b", "(web|pay)", ".", ".*", "", "[a-c]+", "st.+"})));
      case 8: return compare(intrinsic(Intrinsic::status), equality(), literal(static_cast<Status>(dice_.below(3))));
      case 9: return compare(intrinsic(Intrinsic::kind), equality(), literal(static_cast<Kind>(dice_.below(6))));
      case 10:
        return node(
            NilTest{dice_.chance(50), dice_.chance(50) ? attribute_of_any_type() : attribute(Scope::span, "s")});
      case 11:
        if (dice_.chance(50)) return attribute(Scope::span, "f");
        return compare(dice_.chance(50) ? attribute(Scope::span, "f") : attribute_of_any_type(), equality(),
                       literal(dice_.chance(50)));
      case 12: return ids();
      default: return compare(intrinsic(Intrinsic::event_time_since_start), plain_comparison(), literal(number()));
    }
  }

  Expression condition(int depth) {
    if (depth <= 0 || dice_.chance(50)) return leaf();
    if (dice_.chance(20)) return node(Unary{UnaryOperator::logical_not, condition(depth - 1)});
    Logical out{dice_.chance(35) ? LogicalOperator::all : LogicalOperator::any, {}};
    for (auto count = 2 + dice_.below(2); count > 0; --count) out.operands.push_back(condition(depth - 1));
    return node(std::move(out));
  }

  // ---- sets ----

  Spanset filter() {
    if (dice_.chance(25)) return {SpansetFilter{literal(true)}};
    return {SpansetFilter{condition(2)}};
  }
  // A stage by itself is never a pipeline in parentheses.
  Spanset stage(int depth) {
    Spanset made = spanset(depth);
    return std::holds_alternative<Box<Pipeline>>(made.of) ? filter() : made;
  }
  Spanset spanset(int depth) {
    if (depth <= 0 || dice_.chance(45)) return filter();
    if (dice_.chance(15)) {
      Pipeline inner;
      inner.stages.emplace_back(stage(depth - 1));
      inner.stages.emplace_back(scalar_filter());
      if (dice_.chance(30)) inner.stages.emplace_back(filter());
      return {Box<Pipeline>(std::move(inner))};
    }
    const auto op = static_cast<SpansetOperator>(dice_.below(17));
    return {SpansetOperation{op, spanset(depth - 1), spanset(depth - 1)}};
  }

  // ---- stages ----

  Aggregate aggregate() {
    const auto function = static_cast<AggregateFunction>(dice_.below(5));
    if (function == AggregateFunction::count) return {function, std::nullopt};
    return {function, calculated(1)};
  }
  ScalarFilter scalar_filter() {
    Aggregate made = aggregate();
    const bool is_count = made.function == AggregateFunction::count;
    const Value value = is_count ? Value(std::int64_t(dice_.below(5))) : number();
    Scalar left{std::move(made)};
    Scalar right{Literal{value}};
    if (dice_.chance(10)) std::swap(left, right);
    return {plain_comparison(), std::move(left), std::move(right)};
  }
  Expression group() {
    switch (dice_.below(6)) {
      case 0: return intrinsic(Intrinsic::status);
      case 1: return intrinsic(Intrinsic::name);
      case 2: return attribute(Scope::resource, "service.name");
      case 3: return compare(calculated(1), plain_comparison(), literal(number()));
      case 4: return attribute(Scope::span, dice_.of<std::string>({"s", "i", "any"}));
      default: return calculated(1);
    }
  }
  Pipeline pipeline(bool with_groups) {
    Pipeline out;
    bool is_grouped = false;
    if (dice_.chance(90)) {
      out.stages.emplace_back(stage(2));
    } else {
      out.stages.emplace_back(scalar_filter());
    }
    while (dice_.chance(30)) {
      switch (dice_.below(5)) {
        case 0:
        case 1: out.stages.emplace_back(scalar_filter()); break;
        case 2: out.stages.emplace_back(is_grouped ? filter() : stage(1)); break;
        case 3:
          if (with_groups) {
            out.stages.emplace_back(GroupBy{group()});
            is_grouped = true;
          }
          break;
        default:
          if (is_grouped) {
            out.stages.emplace_back(Coalesce{});
            is_grouped = false;
          } else if (with_groups) {
            out.stages.emplace_back(Select{{std::get<Field>(text_field().of), std::get<Field>(number_field().of)}});
          }
      }
    }
    return out;
  }

  // ---- metrics ----

  Field label() { return std::get<Field>((dice_.chance(60) ? text_field() : number_field()).of); }

  MetricsStage metrics_stage(bool is_whole) {
    MetricsStage out;
    out.function = is_whole ? static_cast<MetricsFunction>(static_cast<int>(MetricsFunction::count) + dice_.below(6))
                            : static_cast<MetricsFunction>(dice_.below(8));
    const bool counts = out.function == MetricsFunction::rate || out.function == MetricsFunction::count_over_time ||
                        out.function == MetricsFunction::count;
    if (!counts) out.argument = number_field();
    if (out.function == MetricsFunction::quantile || out.function == MetricsFunction::quantile_over_time) {
      out.quantiles.push_back(dice_.of<double>({0, 0.25, 0.5, 1}));
      if (dice_.chance(30)) out.quantiles.push_back(0.75);
    }
    while (out.by.size() < 2 && dice_.chance(35)) {
      Field field = label();
      if (out.by.empty() || !(out.by.front() == field)) out.by.push_back(std::move(field));
    }
    return out;
  }

  Metrics metrics(int depth) {
    Metrics out{MetricsQuery{}, {}};
    if (depth == 0) is_whole_ = dice_.chance(20);
    if (depth < 2 && dice_.chance(25)) {
      MetricsOperand left = Box<Metrics>(metrics(depth + 1));
      MetricsOperand right = dice_.chance(60) ? MetricsOperand(Box<Metrics>(metrics(depth + 1)))
                                              : MetricsOperand(Literal{static_cast<std::int64_t>(dice_.below(5))});
      if (dice_.chance(30)) std::swap(left, right);
      out.of = MetricsOperation{static_cast<ArithmeticOperator>(dice_.below(4)), std::move(left), std::move(right)};
    } else {
      out.of = MetricsQuery{pipeline(false), metrics_stage(is_whole_)};
    }
    while (dice_.chance(15)) {
      if (dice_.chance(50)) {
        out.then.emplace_back(TopK{dice_.chance(50), std::int64_t(1 + dice_.below(3))});
      } else {
        const Value value = dice_.chance(50) ? Value(std::int64_t(dice_.below(4))) : Value(dice_.below(8) / 4.0);
        out.then.emplace_back(MetricsFilter{plain_comparison(), Literal{value}});
      }
    }
    return out;
  }

  Dice& dice_;
  bool is_whole_ = false;  // every part of a query over the whole range, or none
};

}  // namespace

traceql::Query random_query(Dice& dice) { return Maker(dice).query(); }

}  // namespace meshflow::query::traceql::test
