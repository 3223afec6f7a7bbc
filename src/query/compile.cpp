#include "query/compile.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/typed_test.hpp"
#include "store/columns.hpp"
#include "store/functions.hpp"

namespace meshflow::query {
namespace {

std::string_view operator_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal: return "=";
    case Comparison::not_equal: return "<>";
    case Comparison::less: return "<";
    case Comparison::less_equal: return "<=";
    case Comparison::greater: return ">";
    case Comparison::greater_equal: return ">=";
  }
  return "=";
}

bool is_upward(Comparison comparison) {
  return comparison == Comparison::greater || comparison == Comparison::greater_equal;
}

// Appends to one statement. Every method writes a whole boolean expression or a whole operand.
class Writer {
 public:
  explicit Writer(const Surroundings& surroundings)
      : resources_(surroundings.resources),
        scopes_(surroundings.scopes),
        columns_in_rest_(surroundings.columns_in_rest) {}

  Result<void> condition(const Condition& condition, std::size_t depth);
  Sql take() && { return std::move(sql_); }

 private:
  Result<void> joined(const std::vector<Condition>& conditions, std::string_view word, std::string_view none,
                      std::size_t depth);
  Result<void> none_of(const std::vector<Condition>& conditions, std::size_t depth);
  Result<void> leaf(const CompareAttribute& leaf);
  Result<void> leaf(const CompareIntrinsic& leaf);
  Result<void> leaf(const HasAttribute& leaf);
  Result<void> leaf(const ReadsAs& leaf);
  Result<void> leaf(const EventReadsAs& leaf);
  Result<void> leaf(const TestAttribute& leaf);
  Result<void> leaf(const TestPart& leaf);
  Result<void> leaf(const TestInstrumentation& leaf);
  Result<void> leaf(const MatchIntrinsic& leaf);

  // `on_span` and `keys` (of resources that fit), as the scope asks.
  template <typename OnSpan, typename Keys>
  Result<void> by_scope(AttributeScope scope, OnSpan on_span, Keys keys);
  Result<void> resource_in(const std::vector<std::uint64_t>& keys);
  Result<void> service(Comparison comparison, const std::string& name);

  void compare_on_span(const CompareAttribute& leaf);
  void compare_text(const std::string& key, Comparison comparison, const std::string& text);
  void compare_number(const std::string& key, Comparison comparison, const Number& number);
  // One numeric operand, written by `operand`, against the number.
  template <typename Operand>
  void number_leaf(const std::string& key, Operand operand, bool is_integer, Comparison comparison,
                   const Number& number);
  Result<void> nearest(const TestAttribute& leaf);
  void test_on_span(const TestAttribute& leaf);
  // Nothing where the column cannot hold what the test asks for.
  [[nodiscard]] bool test_column(const store::AttributeColumn& column, const TestAttribute& leaf);
  void rest_holds(store::RestPredicate predicate) {
    sql_.reads_rest = true;
    text(store::kRestHolds);
    text("(rest, ");
    parameter(store::encode(predicate));
    text(")");
  }
  Result<void> key_in(std::string_view column, const std::vector<std::uint64_t>& keys);

  void reads_as_on_span(const std::string& key, const std::string& text);
  void reads_as_in_rest(const std::string& key, const std::string& text);

  void text(std::string_view sql) { sql_.text += sql; }
  void parameter(store::Value value) {
    sql_.text += '?';
    sql_.parameters.push_back(std::move(value));
  }
  // rest_int(rest, ?)
  void rest(const char* function, const std::string& key) {
    sql_.reads_rest = true;
    text(function);
    text("(rest, ");
    parameter(key);
    text(")");
  }
  static const store::AttributeColumn* column_of(const std::string& key) {
    const std::optional<std::size_t> found = store::find_attribute_column(key);
    return found ? &store::attribute_columns()[*found] : nullptr;
  }

  const ResourceSet& resources_;
  const ScopeSet& scopes_;
  const std::uint64_t columns_in_rest_;
  Sql sql_;
  std::size_t leaves_ = 0;
};

Result<void> Writer::condition(const Condition& condition, std::size_t depth) {
  if (depth > kConditionDepthMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the condition is nested deeper than kConditionDepthMax ({})", kConditionDepthMax));
  }
  if (const auto* const all = std::get_if<AllOf>(&condition.value)) return joined(all->of, " AND ", "TRUE", depth);
  if (const auto* const any = std::get_if<AnyOf>(&condition.value)) return joined(any->of, " OR ", "FALSE", depth);
  if (const auto* const none = std::get_if<NoneOf>(&condition.value)) return none_of(none->of, depth);
  if (++leaves_ > kConditionLeavesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the condition has more comparisons than kConditionLeavesMax ({})", kConditionLeavesMax));
  }
  return std::visit(
      [&](const auto& each) -> Result<void> {
        if constexpr (requires { leaf(each); }) return leaf(each);
        return {};
      },
      condition.value);
}

Result<void> Writer::joined(const std::vector<Condition>& conditions, std::string_view word, std::string_view none,
                            std::size_t depth) {
  if (conditions.empty()) {
    text(none);
    return {};
  }
  text("(");
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    if (i > 0) text(word);
    MESHFLOW_CHECK(condition(conditions[i], depth + 1));
  }
  text(")");
  return {};
}

// NULL is false before it is turned round.
Result<void> Writer::none_of(const std::vector<Condition>& conditions, std::size_t depth) {
  text("(NOT coalesce(");
  MESHFLOW_CHECK(joined(conditions, " OR ", "FALSE", depth));
  text(", FALSE))");
  return {};
}

template <typename OnSpan, typename Keys>
Result<void> Writer::by_scope(AttributeScope scope, OnSpan on_span, Keys keys) {
  if (scope == AttributeScope::span) {
    on_span();
    return {};
  }
  if (scope == AttributeScope::resource) return resource_in(keys());
  text("(");
  on_span();
  if (const std::vector<std::uint64_t> found = keys(); !found.empty()) {
    text(" OR ");
    MESHFLOW_CHECK(resource_in(found));
  }
  text(")");
  return {};
}

Result<void> Writer::resource_in(const std::vector<std::uint64_t>& keys) { return key_in("resource", keys); }

Result<void> Writer::key_in(std::string_view column, const std::vector<std::uint64_t>& keys) {
  if (keys.size() > kResourceParametersMax) {
    return fail(
        ErrorCode::limit_exceeded,
        fmt::format("{} {}s fit, more than kResourceParametersMax ({})", keys.size(), column, kResourceParametersMax),
        "narrow the time range");
  }
  if (keys.empty()) {
    text("FALSE");
    return {};
  }
  text(column);
  text(" IN (");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) text(", ");
    parameter(keys[i]);
  }
  text(")");
  return {};
}

// ---- attributes -----------------------------------------------------------------------------------------------------

Result<void> Writer::leaf(const CompareAttribute& leaf) {
  return by_scope(
      leaf.attribute.scope, [&] { compare_on_span(leaf); },
      [&] { return resources_.keys_where(leaf.attribute.key, [&](const auto& value) { return holds(leaf, value); }); });
}

void Writer::compare_on_span(const CompareAttribute& leaf) {
  const std::string& key = leaf.attribute.key;
  if (const auto* const literal = std::get_if<std::string>(&leaf.literal)) {
    compare_text(key, leaf.comparison, *literal);
  } else if (const auto* const number = std::get_if<Number>(&leaf.literal)) {
    compare_number(key, leaf.comparison, *number);
  } else if (const bool* const flag = std::get_if<bool>(&leaf.literal)) {
    rest(store::kRestBool, key);
    text(fmt::format(" {} ", operator_of(leaf.comparison)));
    parameter(*flag);
  } else {
    text("FALSE");  // no attribute is an id
  }
}

void Writer::compare_text(const std::string& key, Comparison comparison, const std::string& literal) {
  const store::AttributeColumn* const column = column_of(key);
  if (column != nullptr && column->type == store::ColumnType::text) {
    text(column->column);
  } else {
    rest(store::kRestText, key);
  }
  text(fmt::format(" {} ", operator_of(comparison)));
  parameter(literal);
}

void Writer::compare_number(const std::string& key, Comparison comparison, const Number& number) {
  const store::AttributeColumn* const column = column_of(key);
  const bool has_integers = column != nullptr && column->type == store::ColumnType::i64;
  const bool has_doubles = column != nullptr && column->type == store::ColumnType::f64;
  text("(");
  if (has_integers || has_doubles) {
    number_leaf(key, [&] { text(column->column); }, has_integers, comparison, number);
    text(fmt::format(" OR ({} IS NULL AND (", column->column));
  }
  if (!has_integers) {
    number_leaf(key, [&] { rest(store::kRestInt, key); }, true, comparison, number);
    if (!has_doubles) text(" OR ");
  }
  if (!has_doubles) number_leaf(key, [&] { rest(store::kRestDouble, key); }, false, comparison, number);
  if (has_integers || has_doubles) text("))");
  text(")");
}

template <typename Operand>
void Writer::number_leaf(const std::string& key, Operand operand, bool is_integer, Comparison comparison,
                         const Number& number) {
  text("(");
  if (is_counted_in_billionths(key)) {
    // x > 0.5 of a billionth is x > 0 for whole ones, and so on for each comparison.
    Comparison whole = comparison;
    if (!number.nano_is_exact) {
      if (comparison == Comparison::equal) return text("FALSE)");
      if (comparison == Comparison::less) whole = Comparison::less_equal;
      if (comparison == Comparison::greater_equal) whole = Comparison::greater;
    }
    if (comparison == Comparison::not_equal && !number.nano_is_exact) {
      operand();
      return text(" IS NOT NULL)");
    }
    text("round(");
    operand();
    text(fmt::format(" * 1000000000.0) {} ", operator_of(whole)));
    parameter(static_cast<double>(number.nano_floor));
    // So that a row group whose values are all too small is skipped by its statistics.
    if (is_upward(whole) && !is_integer) {
      text(" AND ");
      operand();
      text(" >= ");
      parameter(std::nextafter((static_cast<double>(number.nano_floor) - 1) / 1e9, -HUGE_VAL));
    }
  } else {
    operand();
    text(fmt::format(" {} ", operator_of(comparison)));
    if (is_integer && number.integer) {
      parameter(*number.integer);
    } else {
      parameter(number.value);
    }
  }
  // DuckDB orders NaN above all numbers; for a query it is beside them.
  if (!is_integer && is_upward(comparison)) {
    text(" AND NOT isnan(");
    operand();
    text(")");
  }
  text(")");
}

Result<void> Writer::leaf(const HasAttribute& leaf) {
  const std::string& key = leaf.attribute.key;
  return by_scope(
      leaf.attribute.scope,
      [&] {
        text("(");
        if (const store::AttributeColumn* const column = column_of(key)) {
          text(fmt::format("{} IS NOT NULL OR ", column->column));
        }
        rest(store::kRestString, key);
        text(" IS NOT NULL)");
      },
      [&] { return resources_.keys_where(key, [](const auto& /*value*/) { return true; }); });
}

// ---- as TraceQL tests it --------------------------------------------------------------------------------------------

std::string_view operator_of(store::RestTest test) {
  switch (test) {
    case store::RestTest::not_equal: return "<>";
    case store::RestTest::less: return "<";
    case store::RestTest::less_equal: return "<=";
    case store::RestTest::greater: return ">";
    case store::RestTest::greater_equal: return ">=";
    default: return "=";
  }
}
bool is_regex(store::RestTest test) { return test == store::RestTest::matches || test == store::RestTest::not_matches; }
// The dot is every character, as for the same expression in memory.
std::string for_duckdb(const std::string& pattern) { return "(?s:" + pattern + ")"; }

bool Writer::test_column(const store::AttributeColumn& column, const TestAttribute& leaf) {
  if (leaf.test == store::RestTest::exists) {
    text(fmt::format("{} IS NOT NULL", column.column));
    return true;
  }
  const auto* const literal = std::get_if<std::string>(&leaf.literal);
  if (column.type == store::ColumnType::text) {
    if (literal == nullptr) return false;
    if (is_regex(leaf.test)) {
      text(fmt::format("{}regexp_full_match({}, ", leaf.test == store::RestTest::not_matches ? "NOT " : "",
                       column.column));
      parameter(for_duckdb(*literal));
      text(")");
      return true;
    }
    text(fmt::format("{} {} ", column.column, operator_of(leaf.test)));
    parameter(*literal);
    return true;
  }
  const auto* const integer = std::get_if<std::int64_t>(&leaf.literal);
  const auto* const real = std::get_if<double>(&leaf.literal);
  if (integer == nullptr && real == nullptr) return false;
  // DuckDB would turn the column into what the literal is: a double is compared with doubles.
  const bool as_double = real != nullptr && column.type == store::ColumnType::i64;
  text(fmt::format("({}{} {} ", column.column, as_double ? "::DOUBLE" : "", operator_of(leaf.test)));
  if (integer != nullptr && column.type == store::ColumnType::i64) {
    parameter(*integer);
  } else {
    parameter(integer != nullptr ? static_cast<double>(*integer) : *real);
  }
  // DuckDB orders NaN above all numbers; for a query it is beside them.
  const bool is_upward = leaf.test == store::RestTest::greater || leaf.test == store::RestTest::greater_equal;
  if (column.type == store::ColumnType::f64 && is_upward) text(fmt::format(" AND NOT isnan({})", column.column));
  text(")");
  return true;
}

void Writer::test_on_span(const TestAttribute& leaf) {
  const store::RestPredicate in_rest{store::RestPart::attribute, leaf.test, leaf.attribute.key, leaf.literal};
  const std::optional<std::size_t> index = store::find_attribute_column(leaf.attribute.key);
  if (!index) return rest_holds(in_rest);
  const store::AttributeColumn& column = store::attribute_columns()[*index];
  text("(");
  if (!test_column(column, leaf)) text("FALSE");
  if ((columns_in_rest_ >> *index & 1) != 0) {
    text(fmt::format(" OR ({} IS NULL AND ", column.column));
    rest_holds(in_rest);
    text(")");
  }
  text(")");
}

Result<void> Writer::leaf(const TestAttribute& leaf) {
  const TypedTest test(leaf.test, leaf.literal);
  const std::string& key = leaf.attribute.key;
  const store::RestPredicate predicate{store::RestPart::event_attribute, leaf.test, key, leaf.literal};
  switch (leaf.attribute.scope) {
    case AttributeScope::span: test_on_span(leaf); return {};
    case AttributeScope::resource:
      return resource_in(resources_.keys_where(key, [&](const auto& value) { return test.holds(value); }));
    case AttributeScope::instrumentation:
      return key_in("scope", scopes_.keys_where(key, [&](const auto& value) { return test.holds(value); }));
    case AttributeScope::event:
    case AttributeScope::link:
      if ((columns_in_rest_ & store::kEventOrLinkAttributes) == 0) {
        text("FALSE");
      } else {
        store::RestPredicate of_part = predicate;
        if (leaf.attribute.scope == AttributeScope::link) of_part.part = store::RestPart::link_attribute;
        rest_holds(std::move(of_part));
      }
      return {};
    default: return nearest(leaf);
  }
}

Result<void> Writer::nearest(const TestAttribute& leaf) {
  const TypedTest test(leaf.test, leaf.literal);
  const auto fitting = resources_.keys_where(leaf.attribute.key, [&](const auto& value) { return test.holds(value); });
  if (fitting.empty()) {
    test_on_span(leaf);
    return {};
  }
  text("(");
  test_on_span(leaf);
  text(" OR (NOT ");
  test_on_span({leaf.attribute, store::RestTest::exists, {}});
  text(" AND ");
  MESHFLOW_CHECK(resource_in(fitting));
  text("))");
  return {};
}

Result<void> Writer::leaf(const TestPart& leaf) {
  rest_holds({leaf.part, leaf.test, {}, leaf.literal});
  return {};
}

// A span whose scope is not written down has an empty one.
Result<void> Writer::leaf(const TestInstrumentation& leaf) {
  const TypedTest test(leaf.test, leaf.literal);
  const bool fits_empty = test.holds(std::string_view());
  const auto keys = scopes_.keys_where([&](const otlp::InstrumentationScope& scope) {
    return test.holds(std::string_view(leaf.is_version ? scope.version : scope.name)) != fits_empty;
  });
  if (!fits_empty) return key_in("scope", keys);
  text("(NOT ");
  MESHFLOW_CHECK(key_in("scope", keys));
  text(")");
  return {};
}

Result<void> Writer::leaf(const MatchIntrinsic& leaf) {
  const std::string_view operand =
      leaf.intrinsic == Intrinsic::status_message ? "coalesce(status_message, '')" : "name";
  text(fmt::format("{}regexp_full_match({}, ", leaf.matches ? "" : "NOT ", operand));
  parameter(for_duckdb(leaf.pattern));
  text(")");
  return {};
}

// ---- as Jaeger reads it ---------------------------------------------------------------------------------------------

Result<void> Writer::leaf(const ReadsAs& leaf) {
  return by_scope(
      leaf.attribute.scope, [&] { reads_as_on_span(leaf.attribute.key, leaf.text); },
      [&] {
        return resources_.keys_where(leaf.attribute.key, [&](const auto& value) { return reads_as(value, leaf.text); });
      });
}

// True where a value that is neither text nor bytes may read as `text`.
bool may_be_another_type(const std::string& text) {
  if (text == "true" || text == "false" || text.empty()) return true;
  if (text == "NaN" || text == "+Inf" || text == "-Inf") return true;
  return text.front() == '[' || text.front() == '{' || parse_number(text).has_value();
}

void Writer::reads_as_on_span(const std::string& key, const std::string& literal) {
  const store::AttributeColumn* const column = column_of(key);
  if (column == nullptr) return reads_as_in_rest(key, literal);
  // Bytes under a key that has a column would cost a look into every span's rest for words such as "executor", which is
  // base64 too: they are not looked for.
  const std::optional<Number> number = parse_number(literal);
  const std::optional<DoubleRange> doubles = doubles_written(literal);
  text("(");
  bool looks_into_rest = true;
  if (column->type == store::ColumnType::text) {
    text(fmt::format("{} = ", column->column));
    parameter(literal);
    looks_into_rest = may_be_another_type(literal);
  } else if (column->type == store::ColumnType::i64 && number && number->integer &&
             fmt::format("{}", *number->integer) == literal) {
    text(fmt::format("{} = ", column->column));
    parameter(*number->integer);
  } else if (column->type == store::ColumnType::f64 && number) {
    text(fmt::format("{} BETWEEN ", column->column));
    parameter(doubles ? doubles->from : number->value);
    text(" AND ");
    parameter(doubles ? doubles->to : number->value);
  } else {
    text("FALSE");
  }
  if (looks_into_rest) {
    text(fmt::format(" OR ({} IS NULL AND ", column->column));
    reads_as_in_rest(key, literal);
    text(")");
  }
  text(")");
}

void Writer::reads_as_in_rest(const std::string& key, const std::string& literal) {
  text("(");
  rest(store::kRestString, key);
  text(" = ");
  parameter(literal);
  // A double with more than ten digits reads as its first ten.
  if (const std::optional<DoubleRange> doubles = doubles_written(literal)) {
    text(" OR ");
    rest(store::kRestDouble, key);
    text(" BETWEEN ");
    parameter(doubles->from);
    text(" AND ");
    parameter(doubles->to);
  }
  text(")");
}

Result<void> Writer::leaf(const EventReadsAs& leaf) {
  sql_.reads_rest = true;
  text(store::kRestEventHas);
  text("(rest, ");
  parameter(leaf.key);
  text(", ");
  parameter(leaf.text);
  text(")");
  return {};
}

// ---- what every span has --------------------------------------------------------------------------------------------

std::string_view column_name(Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::name: return store::name_of(store::Column::name);
    case Intrinsic::service: return store::name_of(store::Column::service);
    case Intrinsic::kind: return store::name_of(store::Column::kind);
    case Intrinsic::status: return store::name_of(store::Column::status);
    case Intrinsic::status_message: return store::name_of(store::Column::status_message);
    case Intrinsic::duration: return store::name_of(store::Column::duration);
    case Intrinsic::start: return store::name_of(store::Column::start);
    case Intrinsic::trace_id: return store::name_of(store::Column::trace_id);
    case Intrinsic::span_id: return store::name_of(store::Column::span_id);
    case Intrinsic::parent_id: return store::name_of(store::Column::parent_id);
  }
  return store::name_of(store::Column::name);
}

// A literal as the parameter that a column of this type is compared with; nothing where the types do not compare.
std::optional<store::Value> parameter_for(Intrinsic intrinsic, const Literal& literal) {
  switch (intrinsic) {
    case Intrinsic::name:
    case Intrinsic::service:
    case Intrinsic::status_message:
      if (const auto* const text = std::get_if<std::string>(&literal)) return *text;
      return std::nullopt;
    case Intrinsic::trace_id:
      if (const auto* const id = std::get_if<store::U128>(&literal)) return *id;
      return std::nullopt;
    case Intrinsic::start:
    case Intrinsic::span_id:
    case Intrinsic::parent_id:
      if (const auto* const id = std::get_if<std::uint64_t>(&literal)) return *id;
      [[fallthrough]];
    default:
      if (const auto* const number = std::get_if<Number>(&literal)) {
        if (number->integer) return *number->integer;
        return number->value;
      }
      return std::nullopt;
  }
}

Result<void> Writer::leaf(const CompareIntrinsic& leaf) {
  if (leaf.intrinsic == Intrinsic::service) {
    if (const auto* const name = std::get_if<std::string>(&leaf.literal)) return service(leaf.comparison, *name);
  }
  std::optional<store::Value> value = parameter_for(leaf.intrinsic, leaf.literal);
  if (!value) {
    text("FALSE");
    return {};
  }
  // The one column that is NULL where the text is empty.
  const std::string_view column = column_name(leaf.intrinsic);
  // The one column that is NULL where the text is empty.
  const bool is_nullable = leaf.intrinsic == Intrinsic::status_message;
  text(is_nullable ? fmt::format("coalesce({}, '')", column) : std::string(column));
  text(fmt::format(" {} ", operator_of(leaf.comparison)));
  parameter(std::move(*value));
  return {};
}

// The column has what the resource says; the names for resources that say nothing are ours.
Result<void> Writer::service(Comparison comparison, const std::string& name) {
  const bool is_ours = name == kEmptyServiceName || name == kNoServiceName;
  if (comparison == Comparison::equal && !is_ours) {
    if (resources_.are_all_of_service(name)) {
      text("TRUE");
      return {};
    }
    text("service = ");
    parameter(name);
    return {};
  }
  const CompareAttribute compare{{AttributeScope::resource, {}}, comparison, name};
  return resource_in(resources_.keys_where(
      [&](const otlp::Resource& resource) { return holds(compare, otlp::AnyValue{service_name_of(resource)}); }));
}

bool is_over_events(const Condition& condition);
bool any_is_over_events(const std::vector<Condition>& conditions) {
  return std::any_of(conditions.begin(), conditions.end(), is_over_events);
}
bool is_over_events(const Condition& condition) {
  if (const auto* const all = std::get_if<AllOf>(&condition.value)) return any_is_over_events(all->of);
  if (const auto* const any = std::get_if<AnyOf>(&condition.value)) return any_is_over_events(any->of);
  if (const auto* const none = std::get_if<NoneOf>(&condition.value)) return any_is_over_events(none->of);
  return std::holds_alternative<EventReadsAs>(condition.value);
}

// The condition as it is for a span without events. Its depth was checked.
Condition without_events(const Condition& condition) {
  const auto each = [](const std::vector<Condition>& conditions) {
    std::vector<Condition> changed;
    for (const Condition& one : conditions) changed.push_back(without_events(one));
    return changed;
  };
  // What is false in any way is left out of alternatives.
  const auto each_that_may_be = [&each](const std::vector<Condition>& conditions) {
    std::vector<Condition> changed = each(conditions);
    std::erase(changed, Condition{AnyOf{}});
    return changed;
  };
  if (const auto* const all = std::get_if<AllOf>(&condition.value)) return {AllOf{each(all->of)}};
  if (const auto* const any = std::get_if<AnyOf>(&condition.value)) return {AnyOf{each_that_may_be(any->of)}};
  if (const auto* const none = std::get_if<NoneOf>(&condition.value)) return {NoneOf{each_that_may_be(none->of)}};
  if (std::holds_alternative<EventReadsAs>(condition.value)) return {AnyOf{}};
  return condition;
}

bool any_needs_resources(const std::vector<Condition>& conditions) {
  return std::any_of(conditions.begin(), conditions.end(), needs_resources);
}

}  // namespace

Result<Sql> compile(const Condition& condition, const Surroundings& surroundings) {
  Writer writer(surroundings);
  MESHFLOW_CHECK(writer.condition(condition, 0));
  return std::move(writer).take();
}

Result<Sql> compile(const Condition& condition, const ResourceSet& resources) {
  const ScopeSet none;
  return compile(condition, {resources, none});
}

Result<std::vector<Sql>> compile_by_events(const Condition& condition, const ResourceSet& resources) {
  std::vector<Sql> parts;
  MESHFLOW_TRY(Sql whole, compile(condition, resources));
  if (!is_over_events(condition)) {
    parts.push_back(std::move(whole));
    return parts;
  }
  const std::string_view events = store::name_of(store::Column::events);
  MESHFLOW_TRY(Sql without, compile(without_events(condition), resources));
  without.text = fmt::format("{} = 0 AND {}", events, without.text);
  whole.text = fmt::format("{} <> 0 AND {}", events, whole.text);
  parts.push_back(std::move(without));
  parts.push_back(std::move(whole));
  return parts;
}

bool needs_resources(const Condition& condition) {
  if (const auto* const all = std::get_if<AllOf>(&condition.value)) return any_needs_resources(all->of);
  if (const auto* const any = std::get_if<AnyOf>(&condition.value)) return any_needs_resources(any->of);
  if (const auto* const none = std::get_if<NoneOf>(&condition.value)) return any_needs_resources(none->of);
  if (const auto* const leaf = std::get_if<CompareAttribute>(&condition.value)) {
    return leaf->attribute.scope != AttributeScope::span;
  }
  if (const auto* const leaf = std::get_if<HasAttribute>(&condition.value)) {
    return leaf->attribute.scope != AttributeScope::span;
  }
  if (const auto* const leaf = std::get_if<ReadsAs>(&condition.value)) {
    return leaf->attribute.scope != AttributeScope::span;
  }
  if (const auto* const leaf = std::get_if<TestAttribute>(&condition.value)) {
    return leaf->attribute.scope == AttributeScope::resource || leaf->attribute.scope == AttributeScope::nearest;
  }
  if (const auto* const leaf = std::get_if<CompareIntrinsic>(&condition.value)) {
    return leaf->intrinsic == Intrinsic::service;
  }
  return false;
}

}  // namespace meshflow::query
