#include "query/traceql/check.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "query/traceql/lexer.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

bool is_text_or_any(Type type) { return type == Type::text || type == Type::any; }
bool is_number_or_any(Type type) { return is_number(type) || type == Type::any; }
bool is_boolean_or_any(Type type) { return type == Type::boolean || type == Type::any; }

bool is_match(ComparisonOperator op) {
  return op == ComparisonOperator::matches || op == ComparisonOperator::matches_not;
}
bool is_equality(ComparisonOperator op) {
  return op == ComparisonOperator::equal || op == ComparisonOperator::not_equal;
}

// What arithmetic gives: a number, whatever an attribute turns out to be.
Type result_of(ArithmeticOperator op, Type left, Type right) {
  const bool is_duration_left = left == Type::duration;
  const bool is_duration_right = right == Type::duration;
  switch (op) {
    case ArithmeticOperator::add:
    case ArithmeticOperator::subtract:
    case ArithmeticOperator::modulo:
      if (is_duration_left || is_duration_right) return Type::duration;
      break;
    case ArithmeticOperator::multiply:
      if (is_duration_left != is_duration_right) return Type::duration;
      break;
    case ArithmeticOperator::divide:
      if (is_duration_left && !is_duration_right) return Type::duration;
      break;
    case ArithmeticOperator::power: break;
  }
  return left == Type::integer && right == Type::integer ? Type::integer : Type::real;
}

// Whether the expression looks at a span at all.
bool has_field(const Expression& expression) {
  struct Visitor {
    bool operator()(const Literal&) const { return false; }
    bool operator()(const Field&) const { return true; }
    bool operator()(const Unary& unary) const { return has_field(*unary.operand); }
    bool operator()(const Arithmetic& each) const { return has_field(*each.left) || has_field(*each.right); }
    bool operator()(const Compare& each) const { return has_field(*each.left) || has_field(*each.right); }
    bool operator()(const NilTest& test) const { return has_field(*test.operand); }
    bool operator()(const Logical& logical) const {
      return std::any_of(logical.operands.begin(), logical.operands.end(), has_field);
    }
  };
  return std::visit(Visitor{}, expression.of);
}

// `status = "error"` was meant as `status = error`, `duration > "5s"` as `duration > 5s`.
std::string unquoted_hint(const Expression& typed, std::string_view op, const Expression& other) {
  const auto* literal = std::get_if<Literal>(&other.of);
  const auto* text = literal == nullptr ? nullptr : std::get_if<std::string>(&literal->value);
  if (text == nullptr) return {};
  const auto value = value_of(*text);
  const bool is_word = value && type_of(*value) == typed.type;
  const bool is_number_text = is_number(typed.type) && !text->empty() &&
                              (duration_of(*text) || text->find_first_not_of("0123456789.") == std::string::npos);
  return is_word || is_number_text ? fmt::format("write {} {} {}", print(typed), op, *text) : std::string();
}

}  // namespace

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  Outcome<CheckedQuery> run(Query query) {
    if (auto* pipeline = std::get_if<Pipeline>(&query.of)) TRACEQL_CHECK(stages(*pipeline));
    if (auto* metrics = std::get_if<Metrics>(&query.of)) TRACEQL_CHECK(all_metrics(*metrics));
    return CheckedQuery(std::move(query), std::move(patterns_));
  }

 private:
  using Checked = Outcome<void>;

  [[nodiscard]] tl::unexpected<Problem> fail(Place place, std::string message, std::string hint = {}) const {
    return tl::unexpected(located({.message = std::move(message), .hint = std::move(hint)}, text_, place));
  }

  // ---- sets of spans ----

  Checked stages(Pipeline& pipeline) {
    for (Stage& stage : pipeline.stages) {
      TRACEQL_CHECK(std::visit([this](auto& each) { return this->stage(each); }, stage));
    }
    return {};
  }

  Checked stage(Spanset& spanset) {
    if (auto* filter = std::get_if<SpansetFilter>(&spanset.of)) return condition(*filter);
    if (auto* pipeline = std::get_if<Box<Pipeline>>(&spanset.of)) return stages(**pipeline);
    auto& operation = std::get<SpansetOperation>(spanset.of);
    TRACEQL_CHECK(stage(*operation.left));
    return stage(*operation.right);
  }

  Checked stage(ScalarFilter& filter) {
    TRACEQL_CHECK(scalar(filter.left));
    return scalar(filter.right);
  }

  Checked stage(GroupBy& group) {
    TRACEQL_CHECK(expression(group.by));
    if (has_field(group.by)) return {};
    return fail(group.by.place, "by() needs something of the span: this is the same for every span",
                "for example by(name) or by(resource.service.name)");
  }

  static Checked stage(Coalesce&) { return {}; }
  static Checked stage(Select&) { return {}; }

  Checked condition(SpansetFilter& filter) {
    TRACEQL_CHECK(expression(filter.condition));
    if (is_boolean_or_any(filter.condition.type)) return {};
    return fail(
        filter.condition.place,
        fmt::format("{{ }} needs a condition that is true or false, and this is {}", words_for(filter.condition.type)),
        is_number(filter.condition.type) ? "compare it, for example with > 0" : "compare it, for example with !=");
  }

  // ---- numbers of sets ----

  Checked scalar(Scalar& scalar) {
    if (const auto* literal = std::get_if<Literal>(&scalar.of)) {
      scalar.type = type_of(literal->value);
      return {};
    }
    if (auto* aggregate = std::get_if<Aggregate>(&scalar.of)) {
      if (aggregate->argument) TRACEQL_CHECK(number_of_span(*aggregate->argument, text_of(aggregate->function)));
      scalar.type = type_of_aggregate(*aggregate);
      return {};
    }
    auto& operation = std::get<ScalarOperation>(scalar.of);
    TRACEQL_CHECK(this->scalar(*operation.left));
    TRACEQL_CHECK(this->scalar(*operation.right));
    scalar.type = result_of(operation.op, operation.left->type, operation.right->type);
    return {};
  }

  static Type type_of_aggregate(const Aggregate& aggregate) {
    if (!aggregate.argument) return Type::integer;
    const Type type = aggregate.argument->type;
    const bool is_mean = aggregate.function == AggregateFunction::avg;
    return is_mean && type == Type::integer ? Type::real : type;
  }

  // What a function computes from: a number that differs from span to span.
  Checked number_of_span(Expression& argument, std::string_view function) {
    TRACEQL_CHECK(expression(argument));
    if (!is_number_or_any(argument.type)) {
      return fail(argument.place,
                  fmt::format("{}() takes a number or a duration, not {}", function, words_for(argument.type)),
                  argument.type == Type::any ? "" : "for example duration or span.http.response.size");
    }
    if (has_field(argument)) return {};
    return fail(argument.place,
                fmt::format("{}() needs something of the span: this is the same for every span", function),
                "for example duration or span.http.response.size");
  }

  // ---- metrics ----

  Checked all_metrics(Metrics& metrics) {
    if (auto* query = std::get_if<MetricsQuery>(&metrics.of)) {
      TRACEQL_CHECK(stages(query->pipeline));
      TRACEQL_CHECK(metrics_stage(query->stage));
    } else {
      auto& operation = std::get<MetricsOperation>(metrics.of);
      for (MetricsOperand* operand : {&operation.left, &operation.right}) {
        auto* inner = std::get_if<Box<Metrics>>(operand);
        if (inner == nullptr) continue;
        if (is_compare(**inner)) {
          return fail(operation.op_place, "compare() is not calculated with: it gives series of many attributes");
        }
        TRACEQL_CHECK(all_metrics(**inner));
      }
    }
    if (!is_compare(metrics) || metrics.then.empty()) return {};
    const Place place = std::visit([](const auto& each) { return each.place; }, metrics.then.front());
    return fail(place, "nothing follows compare(): it lists values of attributes",
                "give the number of values to compare() itself: compare({ … }, 10)");
  }

  static bool is_compare(const Metrics& metrics) {
    const auto* query = std::get_if<MetricsQuery>(&metrics.of);
    return query != nullptr && query->stage.function == MetricsFunction::compare;
  }

  Checked metrics_stage(MetricsStage& stage) {
    if (stage.compare) return condition(stage.compare->selection);
    if (stage.argument) return number_of_span(*stage.argument, text_of(stage.function));
    return {};
  }

  // ---- expressions ----

  Checked expression(Expression& expression) {
    return std::visit(
        [&](auto& each) -> Checked {
          TRACEQL_TRY(expression.type, type_of_node(each, expression.place));
          return {};
        },
        expression.of);
  }

  static Outcome<Type> type_of_node(const Literal& literal, Place /*place*/) { return type_of(literal.value); }

  static Outcome<Type> type_of_node(const Field& field, Place /*place*/) {
    const auto* intrinsic = std::get_if<Intrinsic>(&field.of);
    return intrinsic != nullptr ? type_of(*intrinsic) : Type::any;
  }

  Outcome<Type> type_of_node(Unary& unary, Place place) {
    TRACEQL_CHECK(expression(*unary.operand));
    const Type type = unary.operand->type;
    if (unary.op == UnaryOperator::negate) {
      if (is_number_or_any(type)) return type == Type::any ? Type::real : type;
      return fail(place, fmt::format("\"-\" takes a number or a duration, not {}", words_for(type)));
    }
    if (is_boolean_or_any(type)) return Type::boolean;
    return fail(place, fmt::format("\"!\" takes true or false, not {}", words_for(type)),
                "\"!\" binds tighter than a comparison: write !(a = b), or a != b");
  }

  Outcome<Type> type_of_node(Arithmetic& arithmetic, Place /*place*/) {
    TRACEQL_CHECK(expression(*arithmetic.left));
    TRACEQL_CHECK(expression(*arithmetic.right));
    for (const Expression* each : {&*arithmetic.left, &*arithmetic.right}) {
      if (is_number_or_any(each->type)) continue;
      return fail(arithmetic.op_place, fmt::format("\"{}\" takes numbers and durations, not {}", text_of(arithmetic.op),
                                                   words_for(each->type)));
    }
    return result_of(arithmetic.op, arithmetic.left->type, arithmetic.right->type);
  }

  Outcome<Type> type_of_node(Compare& compare, Place /*place*/) {
    TRACEQL_CHECK(expression(*compare.left));
    TRACEQL_CHECK(expression(*compare.right));
    if (is_match(compare.op)) return type_of_match(compare);
    const Type left = compare.left->type;
    const Type right = compare.right->type;
    const std::string_view op = text_of(compare.op);
    const bool are_alike =
        left == Type::any || right == Type::any || left == right || (is_number(left) && is_number(right));
    if (!are_alike) {
      std::string hint = unquoted_hint(*compare.left, op, *compare.right);
      if (hint.empty()) hint = unquoted_hint(*compare.right, op, *compare.left);
      return fail(compare.op_place,
                  fmt::format("\"{}\" can't compare {} with {}", op, words_for(left), words_for(right)), hint);
    }
    for (const Type type : {left, right}) {
      if (is_equality(compare.op) || type == Type::any || is_number(type) || type == Type::text) continue;
      return fail(compare.op_place, fmt::format("\"{}\" needs an order, which {} has not", op, words_for(type)),
                  "compare it with = or !=");
    }
    return Type::boolean;
  }

  Outcome<Type> type_of_match(const Compare& compare) {
    const std::string_view op = text_of(compare.op);
    if (!is_text_or_any(compare.left->type)) {
      return fail(compare.op_place, fmt::format("\"{}\" looks at text, not at {}", op, words_for(compare.left->type)));
    }
    const auto* literal = std::get_if<Literal>(&compare.right->of);
    const auto* text = literal == nullptr ? nullptr : std::get_if<std::string>(&literal->value);
    if (text == nullptr) {
      return fail(compare.op_place, fmt::format("\"{}\" needs a regular expression in quotes on its right", op),
                  fmt::format("for example {} \"a.*\"", op));
    }
    if (patterns_.contains(*text)) return Type::boolean;
    if (patterns_.size() == kPatternsMax) {
      return past_limit(literal->place, fmt::format("the query has more than {} regular expressions", kPatternsMax),
                        "kPatternsMax", "join them with |");
    }
    auto pattern = Pattern::compile(*text);
    if (pattern) {
      patterns_.emplace(*text, std::move(*pattern));
      return Type::boolean;
    }
    const Error& error = pattern.error();
    if (error.code != ErrorCode::limit_exceeded) return fail(literal->place, error.message, error.hint);
    return past_limit(literal->place, error.message,
                      text->size() > kPatternBytesMax ? "kPatternBytesMax" : "kPatternMemoryBytesMax", error.hint);
  }

  [[nodiscard]] tl::unexpected<Problem> past_limit(Place place, std::string message, std::string limit,
                                                   std::string hint) const {
    return tl::unexpected(located({.code = ErrorCode::limit_exceeded,
                                   .message = std::move(message),
                                   .hint = std::move(hint),
                                   .limit = std::move(limit)},
                                  text_, place));
  }

  // Attributes may be missing; what every span has is never nil.
  Outcome<Type> type_of_node(NilTest& test, Place /*place*/) {
    TRACEQL_CHECK(expression(*test.operand));
    const auto* field = std::get_if<Field>(&test.operand->of);
    if (!test.is_nil || field == nullptr) return Type::boolean;
    const auto* attribute = std::get_if<Attribute>(&field->of);
    if (attribute != nullptr && *attribute != Attribute{Scope::resource, "service.name", false}) return Type::boolean;
    const std::string_view written =
        text_.substr(std::min<std::size_t>(field->place.at, text_.size()), field->place.size);
    return fail(test.operand->place, fmt::format("{} is never nil: every span has it",
                                                 written.empty() ? print(*field) : std::string(written)));
  }

  Outcome<Type> type_of_node(Logical& logical, Place /*place*/) {
    for (Expression& operand : logical.operands) {
      TRACEQL_CHECK(expression(operand));
      if (is_boolean_or_any(operand.type)) continue;
      return fail(operand.place,
                  fmt::format("\"{}\" takes true or false, not {}", text_of(logical.op), words_for(operand.type)),
                  "compare it, for example with = or !=");
    }
    return Type::boolean;
  }

  std::string_view text_;
  std::map<std::string, Pattern> patterns_;
};

Outcome<CheckedQuery> check(Query query, std::string_view text) { return Checker(text).run(std::move(query)); }

Outcome<CheckedQuery> check_query(std::string_view text) {
  TRACEQL_TRY(Query query, parse_query(text));
  return check(std::move(query), text);
}

Result<CheckedQuery> compile_query(std::string_view text) { return check_query(text).map_error(to_error); }

}  // namespace meshflow::query::traceql
