#include "query/traceql_oracle.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace meshflow::query::traceql::test {
namespace {

using Spansets = std::vector<OracleSpanset>;
using Places = std::set<int>;

Places places_of(const Spansets& spansets) {
  Places out;
  for (const OracleSpanset& each : spansets) out.insert(each.spans.begin(), each.spans.end());
  return out;
}

class Walk {
 public:
  Walk(const OracleTrace& trace, std::vector<Field>& selected) : trace_(trace), selected_(selected) {}

  Spansets pipeline(const Pipeline& pipeline, Spansets spansets) {
    for (const Stage& stage : pipeline.stages) {
      spansets = std::visit([&](const auto& each) { return apply(each, spansets); }, stage);
    }
    return spansets;
  }

 private:
  // ---- sets ----

  Spansets apply(const Spanset& spanset, const Spansets& input) {
    Spansets out;
    for (const OracleSpanset& each : input) {
      for (OracleSpanset& made : sets_of(spanset, each)) out.push_back(std::move(made));
    }
    return out;
  }

  Spansets sets_of(const Spanset& spanset, const OracleSpanset& input) {
    if (const auto* filter = std::get_if<SpansetFilter>(&spanset.of)) {
      OracleSpanset out{input.attributes, {}};
      for (const int span : input.spans) {
        if (oracle_evaluate(trace_, span, filter->condition).is_true()) out.spans.push_back(span);
      }
      return out.spans.empty() ? Spansets{} : Spansets{out};
    }
    if (const auto* inner = std::get_if<Box<Pipeline>>(&spanset.of)) return pipeline(**inner, {input});
    return joined(std::get<SpansetOperation>(spanset.of), input);
  }

  Spansets joined(const SpansetOperation& operation, const OracleSpanset& input) {
    const Spansets left = sets_of(*operation.left, input);
    const Spansets right = sets_of(*operation.right, input);
    Places out;
    if (operation.op == SpansetOperator::all || operation.op == SpansetOperator::any) {
      const bool is_found =
          operation.op == SpansetOperator::all ? !left.empty() && !right.empty() : !left.empty() || !right.empty();
      if (!is_found) return {};
      out = places_of(left);
      out.merge(places_of(right));
    } else {
      if (right.empty()) return {};
      if (left.size() > 1 || right.size() > 1) throw Grouped{};
      out = related(operation.op, places_of(left), places_of(right));
    }
    if (out.empty()) return {};
    return {OracleSpanset{input.attributes, {out.begin(), out.end()}}};
  }

  // Whether `right` stands to `left` as the operator says.
  [[nodiscard]] bool are_related(SpansetOperator op, int left, int right) const {
    if (left == right) return false;
    switch (op) {
      case SpansetOperator::child:
      case SpansetOperator::not_child:
      case SpansetOperator::union_child: return at(right).parent == left;
      case SpansetOperator::parent:
      case SpansetOperator::not_parent:
      case SpansetOperator::union_parent: return at(left).parent == right;
      case SpansetOperator::descendant:
      case SpansetOperator::not_descendant:
      case SpansetOperator::union_descendant: return is_above(left, right);
      case SpansetOperator::ancestor:
      case SpansetOperator::not_ancestor:
      case SpansetOperator::union_ancestor: return is_above(right, left);
      default: return are_siblings(left, right);
    }
  }
  [[nodiscard]] const OracleSpan& at(int place) const { return trace_.spans[static_cast<std::size_t>(place)]; }

  [[nodiscard]] bool is_above(int above, int below) const {
    std::size_t steps = 0;
    for (int each = at(below).parent; each >= 0 && steps <= trace_.spans.size(); each = at(each).parent, ++steps) {
      if (each == above) return true;
    }
    return false;
  }

  [[nodiscard]] bool are_siblings(int a, int b) const {
    const otlp::Span& x = *at(a).span;
    const otlp::Span& y = *at(b).span;
    return otlp::is_set(x.parent_span_id) && x.parent_span_id == y.parent_span_id && x.span_id != x.parent_span_id &&
           y.span_id != y.parent_span_id;
  }

  static bool is_negated(SpansetOperator op) {
    return op >= SpansetOperator::not_child && op <= SpansetOperator::not_sibling;
  }
  static bool is_union(SpansetOperator op) { return op >= SpansetOperator::union_child; }

  [[nodiscard]] Places related(SpansetOperator op, const Places& left, const Places& right) const {
    Places out;
    for (const int each : right) {
      const bool is_related = std::any_of(left.begin(), left.end(), [&](int l) { return are_related(op, l, each); });
      if (is_related != is_negated(op)) out.insert(each);
    }
    if (!is_union(op)) return out;
    for (const int each : left) {
      if (std::any_of(right.begin(), right.end(), [&](int r) { return are_related(op, each, r); })) out.insert(each);
    }
    return out;
  }

  // ---- groups and numbers ----

  Spansets apply(const GroupBy& group, const Spansets& input) {
    Spansets out;
    for (const OracleSpanset& each : input) {
      std::map<std::string, std::size_t> places;
      for (const int span : each.spans) {
        const OracleValue value = oracle_evaluate(trace_, span, group.by);
        const auto [place, is_new] = places.try_emplace(oracle_text(value), out.size());
        if (is_new) {
          out.push_back({each.attributes, {}});
          out.back().attributes.emplace_back("by(" + oracle_name(group.by) + ")", value);
        }
        out[place->second].spans.push_back(span);
      }
    }
    return out;
  }

  Spansets apply(const Coalesce& /*coalesce*/, const Spansets& input) {
    const Places all = places_of(input);
    return all.empty() ? Spansets{} : Spansets{OracleSpanset{{}, {all.begin(), all.end()}}};
  }

  Spansets apply(const Select& select, const Spansets& input) {
    selected_.insert(selected_.end(), select.fields.begin(), select.fields.end());
    return input;
  }

  Spansets apply(const ScalarFilter& filter, const Spansets& input) {
    Spansets out;
    for (const OracleSpanset& each : input) {
      OracleSpanset made = each;
      const OracleValue left = scalar(filter.left, made);
      const OracleValue right = scalar(filter.right, made);
      if (oracle_compare(left, filter.op, right)) out.push_back(std::move(made));
    }
    return out;
  }

  // Notes each aggregate among the spanset's attributes.
  OracleValue scalar(const Scalar& scalar, OracleSpanset& spanset) {
    if (const auto* literal = std::get_if<Literal>(&scalar.of)) return oracle_value(literal->value);
    if (const auto* operation = std::get_if<ScalarOperation>(&scalar.of)) {
      const OracleValue left = this->scalar(*operation->left, spanset);
      return oracle_calculate(left, operation->op, this->scalar(*operation->right, spanset));
    }
    const auto& aggregate = std::get<Aggregate>(scalar.of);
    constexpr const char* kNames[] = {"count", "avg", "max", "min", "sum"};
    const std::string argument = aggregate.argument ? oracle_name(*aggregate.argument) : "";
    const OracleValue value = aggregated(aggregate, spanset);
    spanset.attributes.emplace_back(std::string(kNames[static_cast<int>(aggregate.function)]) + "(" + argument + ")",
                                    value);
    return value;
  }

  OracleValue aggregated(const Aggregate& aggregate, const OracleSpanset& spanset) {
    if (aggregate.function == AggregateFunction::count) return {static_cast<std::int64_t>(spanset.spans.size())};
    std::vector<OracleValue> numbers;
    for (const int span : spanset.spans) {
      OracleValue value = oracle_evaluate(trace_, span, *aggregate.argument);
      if (auto* several = std::get_if<OracleSeveral>(&value.of)) {
        if (several->each.empty()) continue;
        value = OracleValue(several->each.front());
      }
      if (value.is_number()) numbers.push_back(std::move(value));
    }
    if (numbers.empty()) return {};
    const auto less = [](const OracleValue& a, const OracleValue& b) {
      return oracle_compare(a, ComparisonOperator::less, b);
    };
    if (aggregate.function == AggregateFunction::min) return *std::min_element(numbers.begin(), numbers.end(), less);
    if (aggregate.function == AggregateFunction::max) return *std::max_element(numbers.begin(), numbers.end(), less);
    return total(numbers, aggregate.function == AggregateFunction::avg);
  }

  // Of integers an integer, of durations a duration; their mean a double, and a duration.
  static OracleValue total(const std::vector<OracleValue>& numbers, bool is_mean) {
    bool are_durations = true;
    bool are_integers = true;
    long double sum = 0;
    std::int64_t exact = 0;
    for (const OracleValue& each : numbers) {
      const auto* integer = std::get_if<std::int64_t>(&each.of);
      const auto* duration = std::get_if<Duration>(&each.of);
      are_integers = are_integers && integer != nullptr;
      are_durations = are_durations && duration != nullptr;
      sum += each.number();
      if (integer != nullptr) exact += *integer;
      if (duration != nullptr) exact += duration->nanos;
    }
    const auto count = static_cast<std::int64_t>(numbers.size());
    if (are_durations) return {Duration{is_mean ? exact / count : exact}};
    if (are_integers) sum = static_cast<long double>(exact);
    if (are_integers && !is_mean) return {exact};
    return {static_cast<double>(is_mean ? sum / static_cast<long double>(count) : sum)};
  }

  const OracleTrace& trace_;
  std::vector<Field>& selected_;
};

}  // namespace

std::vector<OracleSpanset> oracle_spansets(const OracleTrace& trace, const Pipeline& pipeline,
                                           std::vector<Field>& selected) {
  OracleSpanset all;
  for (std::size_t i = 0; i < trace.spans.size(); ++i) all.spans.push_back(static_cast<int>(i));
  return Walk(trace, selected).pipeline(pipeline, {all});
}

Answer oracle_search(const Pipeline& pipeline, const otlp::TracesData& data) try {
  Traces out;
  for (const OracleTrace& trace : oracle_traces(data)) {
    std::vector<Field> selected;
    AnswerTrace found{trace.id, {}};
    for (const OracleSpanset& spanset : oracle_spansets(trace, pipeline, selected)) {
      AnswerSpanset made;
      for (const auto& [name, value] : spanset.attributes) made.attributes.emplace_back(name, oracle_text(value));
      for (const int span : spanset.spans) {
        AnswerSpan& shown = made.spans.emplace_back();
        shown.id = trace.spans[static_cast<std::size_t>(span)].span->span_id;
        for (const Field& field : selected) {
          const OracleValue value = oracle_field(trace, span, field);
          if (!value.is_missing()) shown.fields.emplace_back(oracle_name(field), oracle_text(value));
        }
      }
      found.spansets.push_back(std::move(made));
    }
    if (!found.spansets.empty()) out.push_back(std::move(found));
  }
  sort(out);
  return out;
} catch (const Grouped&) {
  return Refusal{"a structural operator beside groups"};
}

}  // namespace meshflow::query::traceql::test
