#include "query/traceql/plan.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "query/names.hpp"
#include "query/number.hpp"
#include "query/traceql/cell.hpp"
#include "query/traceql/evaluate.hpp"

namespace meshflow::query::traceql {
namespace {

using store::RestPart;
using store::RestTest;

constexpr std::string_view kTraceIdKey = "meshflow.trace_id";
constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;

Pushdown always() { return {{AllOf{}}, true}; }
Pushdown never() { return {{AnyOf{}}, true}; }
// Of what only a look at the span, or its trace, decides.
Pushdown maybe() { return {{AllOf{}}, false}; }
Pushdown opposite(Pushdown pushdown) {
  if (!pushdown.is_exact) return maybe();
  return {{NoneOf{{std::move(pushdown.condition)}}}, true};
}
Pushdown wider(Pushdown pushdown) {
  pushdown.is_exact = false;
  return pushdown;
}

// Whether no value of a field is in it.
bool is_constant(const Expression& expression) {
  Fields fields;
  fields.add(expression);
  return fields.all().empty();
}
Cell constant_of(const Expression& expression) { return Evaluator(expression, Fields()).value({}); }

RestTest test_of(ComparisonOperator op) {
  switch (op) {
    case ComparisonOperator::equal: return RestTest::equal;
    case ComparisonOperator::not_equal: return RestTest::not_equal;
    case ComparisonOperator::less: return RestTest::less;
    case ComparisonOperator::less_equal: return RestTest::less_equal;
    case ComparisonOperator::greater: return RestTest::greater;
    case ComparisonOperator::greater_equal: return RestTest::greater_equal;
    case ComparisonOperator::matches: return RestTest::matches;
    case ComparisonOperator::matches_not: return RestTest::not_matches;
  }
  return RestTest::equal;
}
// Nothing for regular expressions.
std::optional<Comparison> comparison_of(ComparisonOperator op) {
  switch (op) {
    case ComparisonOperator::equal: return Comparison::equal;
    case ComparisonOperator::not_equal: return Comparison::not_equal;
    case ComparisonOperator::less: return Comparison::less;
    case ComparisonOperator::less_equal: return Comparison::less_equal;
    case ComparisonOperator::greater: return Comparison::greater;
    case ComparisonOperator::greater_equal: return Comparison::greater_equal;
    default: return std::nullopt;
  }
}

// ---- attributes -----------------------------------------------------------------------------------------------------

AttributeScope scope_of(Scope scope) {
  switch (scope) {
    case Scope::any: return AttributeScope::nearest;
    case Scope::span: return AttributeScope::span;
    case Scope::resource: return AttributeScope::resource;
    case Scope::event: return AttributeScope::event;
    case Scope::link: return AttributeScope::link;
    case Scope::instrumentation: return AttributeScope::instrumentation;
  }
  return AttributeScope::nearest;
}

// The test, or where the span has none of that name the test of what the short name stands for.
Condition test(const Attribute& field, RestTest test, decltype(TestAttribute::literal) literal) {
  const query::Attribute attribute{scope_of(field.scope), field.name};
  Condition own{TestAttribute{attribute, test, literal}};
  const auto long_name = long_name_of(field.name);
  if (!long_name || (field.scope != Scope::any && field.scope != Scope::span)) return own;
  std::vector<Condition> all{{NoneOf{{{TestAttribute{attribute, RestTest::exists, {}}}}}},
                             {TestAttribute{{AttributeScope::span, long_name->key}, test, std::move(literal)}}};
  if (long_name->is_of_run_spans) {
    all.push_back({CompareIntrinsic{query::Intrinsic::name, Comparison::equal, std::string(kRunSpanName)}});
  }
  return {AnyOf{{std::move(own), {AllOf{std::move(all)}}}}};
}

// A hex id as a number; nothing for another text.
std::optional<std::uint64_t> hex_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}
std::optional<store::U128> trace_number(const std::string& text) {
  if (text.size() != kTraceIdDigits) return std::nullopt;
  const auto high = hex_number(std::string_view(text).substr(0, kSpanIdDigits));
  const auto low = hex_number(std::string_view(text).substr(kSpanIdDigits));
  if (!high || !low) return std::nullopt;
  return store::U128{*high, *low};
}

Pushdown compare_attribute(const Attribute& field, ComparisonOperator op, const Cell& constant) {
  if (field.of_parent) return maybe();
  if (field.name == kTraceIdKey && field.scope != Scope::resource) return maybe();
  struct Make {
    const Attribute& field;
    RestTest op;
    Pushdown operator()(const std::string& text) const { return {test(field, op, text), true}; }
    Pushdown operator()(bool flag) const { return {test(field, op, flag), true}; }
    Pushdown operator()(std::int64_t number) const { return {test(field, op, number), true}; }
    Pushdown operator()(double number) const { return {test(field, op, number), true}; }
    Pushdown operator()(Duration duration) const { return {test(field, op, duration.nanos), true}; }
    Pushdown operator()(std::monostate) const { return never(); }
    Pushdown operator()(Status) const { return never(); }
    Pushdown operator()(Kind) const { return never(); }
    Pushdown operator()(const Array&) const { return maybe(); }
    Pushdown operator()(const Several&) const { return maybe(); }
    Pushdown operator()(const Opaque&) const { return never(); }
  };
  return std::visit(Make{field, test_of(op)}, constant.value);
}

// ---- what every span has --------------------------------------------------------------------------------------------

Pushdown compare_text(query::Intrinsic intrinsic, ComparisonOperator op, const Cell& constant) {
  const auto* const text = std::get_if<std::string>(&constant.value);
  if (text == nullptr) return never();
  if (const auto comparison = comparison_of(op)) return {{CompareIntrinsic{intrinsic, *comparison, *text}}, true};
  return {{MatchIntrinsic{intrinsic, op == ComparisonOperator::matches, *text}}, true};
}

Pushdown compare_duration(ComparisonOperator op, const Cell& constant) {
  const auto comparison = comparison_of(op);
  if (!comparison || !is_number(constant)) return never();
  Number number;
  number.value = number_in(constant);
  if (const auto* const integer = std::get_if<std::int64_t>(&constant.value)) number.integer = *integer;
  if (const auto* const duration = std::get_if<Duration>(&constant.value)) number.integer = duration->nanos;
  return {{CompareIntrinsic{query::Intrinsic::duration, *comparison, number}}, true};
}

// Numbers that OTLP does not name read as the last of `numbers`' absence: unset, unspecified.
Pushdown compare_enum(query::Intrinsic intrinsic, ComparisonOperator op, std::int64_t number, std::int64_t numbers) {
  const auto is = [&](std::int64_t each) {
    return Condition{CompareIntrinsic{intrinsic, Comparison::equal, number_of(each)}};
  };
  Pushdown equal{is(number), true};
  if (number == 0) {
    NoneOf none;
    for (std::int64_t each = 1; each <= numbers; ++each) none.of.push_back(is(each));
    equal.condition = {std::move(none)};
  }
  if (op == ComparisonOperator::equal) return equal;
  return op == ComparisonOperator::not_equal ? opposite(std::move(equal)) : never();
}

Pushdown compare_status(ComparisonOperator op, const Cell& constant) {
  const auto* const status = std::get_if<Status>(&constant.value);
  if (status == nullptr) return never();
  const std::int64_t number = *status == Status::error ? 2 : *status == Status::ok ? 1 : 0;
  return compare_enum(query::Intrinsic::status, op, number, 2);
}

Pushdown compare_kind(ComparisonOperator op, const Cell& constant) {
  const auto* const kind = std::get_if<Kind>(&constant.value);
  if (kind == nullptr) return never();
  return compare_enum(query::Intrinsic::kind, op, static_cast<std::int64_t>(*kind), 5);
}

Pushdown compare_id(query::Intrinsic intrinsic, ComparisonOperator op, const Cell& constant) {
  const auto* const text = std::get_if<std::string>(&constant.value);
  if (text == nullptr) return never();
  if (op != ComparisonOperator::equal) return maybe();
  if (intrinsic == query::Intrinsic::trace_id) {
    const auto number = trace_number(*text);
    if (!number) return never();
    return {{CompareIntrinsic{intrinsic, Comparison::equal, *number}}, true};
  }
  const bool is_no_parent = intrinsic == query::Intrinsic::parent_id && text->empty();
  const auto number = is_no_parent ? std::optional<std::uint64_t>(0) : hex_number(*text);
  if (!number || (!is_no_parent && text->size() != kSpanIdDigits)) return never();
  return {{CompareIntrinsic{intrinsic, Comparison::equal, *number}}, true};
}

Pushdown compare_part(RestPart part, ComparisonOperator op, const Cell& constant) {
  const auto* const text = std::get_if<std::string>(&constant.value);
  if (text == nullptr) return never();
  return {{TestPart{part, test_of(op), *text}}, true};
}

Pushdown compare_instrumentation(bool is_version, ComparisonOperator op, const Cell& constant) {
  const auto* const text = std::get_if<std::string>(&constant.value);
  if (text == nullptr) return never();
  return {{TestInstrumentation{is_version, test_of(op), *text}}, true};
}

Pushdown compare_intrinsic(Intrinsic intrinsic, ComparisonOperator op, const Cell& constant) {
  switch (intrinsic) {
    case Intrinsic::name: return compare_text(query::Intrinsic::name, op, constant);
    case Intrinsic::status_message: return compare_text(query::Intrinsic::status_message, op, constant);
    case Intrinsic::duration: return compare_duration(op, constant);
    case Intrinsic::status: return compare_status(op, constant);
    case Intrinsic::kind: return compare_kind(op, constant);
    case Intrinsic::span_id: return compare_id(query::Intrinsic::span_id, op, constant);
    case Intrinsic::parent_id: return compare_id(query::Intrinsic::parent_id, op, constant);
    case Intrinsic::trace_id: return compare_id(query::Intrinsic::trace_id, op, constant);
    case Intrinsic::event_name: return compare_part(RestPart::event_name, op, constant);
    case Intrinsic::event_time_since_start: return {{TestPart{RestPart::event_name, RestTest::exists, {}}}, false};
    case Intrinsic::link_span_id: return compare_part(RestPart::link_span_id, op, constant);
    case Intrinsic::link_trace_id: return compare_part(RestPart::link_trace_id, op, constant);
    case Intrinsic::instrumentation_name: return compare_instrumentation(false, op, constant);
    case Intrinsic::instrumentation_version: return compare_instrumentation(true, op, constant);
    default: return maybe();
  }
}

// ---- expressions ----------------------------------------------------------------------------------------------------

Pushdown has(const Field& field) {
  if (const auto* const attribute = std::get_if<Attribute>(&field.of)) {
    if (attribute->of_parent || attribute->name == kTraceIdKey) return maybe();
    return {test(*attribute, RestTest::exists, {}), true};
  }
  switch (std::get<Intrinsic>(field.of)) {
    case Intrinsic::event_name:
    case Intrinsic::event_time_since_start: return {{TestPart{RestPart::event_name, RestTest::exists, {}}}, true};
    case Intrinsic::link_span_id:
    case Intrinsic::link_trace_id: return {{TestPart{RestPart::link_span_id, RestTest::exists, {}}}, true};
    default: return always();
  }
}

// Without one of the fields in it, arithmetic has no value.
void need_fields(const Expression& expression, std::vector<Condition>& conditions) {
  if (const auto* const field = std::get_if<Field>(&expression.of)) {
    conditions.push_back(has(*field).condition);
  } else if (const auto* const operation = std::get_if<Arithmetic>(&expression.of)) {
    need_fields(*operation->left, conditions);
    need_fields(*operation->right, conditions);
  } else if (const auto* const unary = std::get_if<Unary>(&expression.of)) {
    need_fields(*unary->operand, conditions);
  }
}

Pushdown push(const Expression& expression, bool wanted);

Pushdown compare(const Compare& written) {
  const Compare comparison = with_whole_ids(written);
  const auto* const left = std::get_if<Field>(&comparison.left->of);
  const auto* const right = std::get_if<Field>(&comparison.right->of);
  const auto with_constant = [](const Field& field, ComparisonOperator op, const Cell& constant) {
    if (const auto* const attribute = std::get_if<Attribute>(&field.of)) {
      return compare_attribute(*attribute, op, constant);
    }
    return compare_intrinsic(std::get<Intrinsic>(field.of), op, constant);
  };
  if (left != nullptr && is_constant(*comparison.right)) {
    return with_constant(*left, comparison.op, constant_of(*comparison.right));
  }
  if (right != nullptr && is_constant(*comparison.left)) {
    return with_constant(*right, flipped(comparison.op), constant_of(*comparison.left));
  }
  AllOf needed;
  need_fields(*comparison.left, needed.of);
  need_fields(*comparison.right, needed.of);
  return {{std::move(needed)}, false};
}

Pushdown junction(const Logical& logical) {
  std::vector<Condition> conditions;
  bool is_exact = true;
  for (const Expression& each : logical.operands) {
    Pushdown pushed = push(each, true);
    is_exact = is_exact && pushed.is_exact;
    conditions.push_back(std::move(pushed.condition));
  }
  if (logical.op == LogicalOperator::all) return {{AllOf{std::move(conditions)}}, is_exact};
  return {{AnyOf{std::move(conditions)}}, is_exact};
}

// That the value is `wanted`, a truth value.
struct Push {
  bool wanted;

  [[nodiscard]] Pushdown turned(Pushdown pushdown) const { return wanted ? pushdown : opposite(std::move(pushdown)); }

  Pushdown operator()(const Literal& literal) const {
    const bool* const flag = std::get_if<bool>(&literal.value);
    return flag != nullptr && *flag == wanted ? always() : never();
  }
  // An array is no truth value, though an element may be one.
  Pushdown operator()(const Field& field) const {
    const auto* const attribute = std::get_if<Attribute>(&field.of);
    return attribute == nullptr ? never() : wider(compare_attribute(*attribute, ComparisonOperator::equal, {wanted}));
  }
  Pushdown operator()(const Unary& unary) const {
    return unary.op == UnaryOperator::logical_not ? push(*unary.operand, !wanted) : never();
  }
  Pushdown operator()(const Arithmetic&) const { return never(); }
  Pushdown operator()(const Compare& comparison) const { return turned(compare(comparison)); }
  Pushdown operator()(const NilTest& test) const {
    const bool is_there = test.is_nil != wanted;
    if (const auto* const field = std::get_if<Field>(&test.operand->of)) {
      return is_there ? has(*field) : opposite(has(*field));
    }
    if (!is_there) return maybe();
    AllOf needed;
    need_fields(*test.operand, needed.of);
    return {{std::move(needed)}, false};
  }
  Pushdown operator()(const Logical& logical) const { return turned(junction(logical)); }
};

Pushdown push(const Expression& expression, bool wanted) {
  if (is_constant(expression)) {
    const Cell constant = constant_of(expression);
    const bool* const flag = std::get_if<bool>(&constant.value);
    return flag != nullptr && *flag == wanted ? always() : never();
  }
  return std::visit(Push{wanted}, expression.of);
}

// ---- spansets -------------------------------------------------------------------------------------------------------

bool is_negated(SpansetOperator op) {
  switch (op) {
    case SpansetOperator::not_child:
    case SpansetOperator::not_parent:
    case SpansetOperator::not_descendant:
    case SpansetOperator::not_ancestor:
    case SpansetOperator::not_sibling: return true;
    default: return false;
  }
}

void limit(std::vector<Pushdown>& drivers) {
  if (drivers.size() > kDriversMax) drivers.resize(kDriversMax);
}

std::vector<Pushdown> drivers_of(const Spanset& spanset) {
  if (const auto* const filter = std::get_if<SpansetFilter>(&spanset.of)) return {pushdown(filter->condition)};
  if (const auto* const pipeline = std::get_if<Box<Pipeline>>(&spanset.of)) return traceql::drivers_of(**pipeline);
  const auto& operation = std::get<SpansetOperation>(spanset.of);
  std::vector<Pushdown> drivers = drivers_of(*operation.right);
  if (is_negated(operation.op)) return drivers;
  const std::vector<Pushdown> left = drivers_of(*operation.left);
  if (operation.op != SpansetOperator::any) {
    drivers.insert(drivers.end(), left.begin(), left.end());
    limit(drivers);
    return drivers;
  }
  std::vector<Pushdown> either;
  for (const Pushdown& of_left : left) {
    for (const Pushdown& of_right : drivers) {
      either.push_back({{AnyOf{{of_left.condition, of_right.condition}}}, of_left.is_exact && of_right.is_exact});
    }
  }
  limit(either);
  return either;
}

// Whole ids for a field of ids beside a text.
void complete(const Expression& field, Expression& text) {
  const auto* const of = std::get_if<Field>(&field.of);
  const auto* const intrinsic = of == nullptr ? nullptr : std::get_if<Intrinsic>(&of->of);
  auto* const literal = std::get_if<Literal>(&text.of);
  auto* const id = literal == nullptr ? nullptr : std::get_if<std::string>(&literal->value);
  if (intrinsic == nullptr || id == nullptr || id->empty()) return;
  std::size_t digits = 0;
  if (*intrinsic == Intrinsic::trace_id || *intrinsic == Intrinsic::link_trace_id) digits = kTraceIdDigits;
  if (*intrinsic == Intrinsic::span_id || *intrinsic == Intrinsic::parent_id || *intrinsic == Intrinsic::link_span_id) {
    digits = kSpanIdDigits;
  }
  if (id->size() > digits || id->find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return;
  std::transform(id->begin(), id->end(), id->begin(), [](char digit) {
    return digit >= 'A' && digit <= 'F' ? static_cast<char>(digit - 'A' + 'a') : digit;
  });
  id->insert(0, digits - id->size(), '0');
}

}  // namespace

Pushdown pushdown(const Expression& expression) { return push(expression, true); }

std::vector<Pushdown> drivers_of(const Pipeline& pipeline) {
  std::vector<Pushdown> drivers;
  for (const Stage& stage : pipeline.stages) {
    const auto* const spanset = std::get_if<Spanset>(&stage);
    if (spanset == nullptr) continue;
    const std::vector<Pushdown> more = drivers_of(*spanset);
    drivers.insert(drivers.end(), more.begin(), more.end());
  }
  if (drivers.empty()) drivers.push_back(always());
  limit(drivers);
  return drivers;
}

const SpansetFilter* only_filter_of(const Pipeline& pipeline) {
  const SpansetFilter* found = nullptr;
  for (const Stage& stage : pipeline.stages) {
    if (std::holds_alternative<Select>(stage)) continue;
    const auto* const spanset = std::get_if<Spanset>(&stage);
    const auto* const filter = spanset == nullptr ? nullptr : std::get_if<SpansetFilter>(&spanset->of);
    if (filter == nullptr || found != nullptr) return nullptr;
    found = filter;
  }
  return found;
}

Compare with_whole_ids(Compare comparison) {
  if (comparison.op == ComparisonOperator::matches || comparison.op == ComparisonOperator::matches_not) {
    return comparison;
  }
  complete(*comparison.left, *comparison.right);
  complete(*comparison.right, *comparison.left);
  return comparison;
}

}  // namespace meshflow::query::traceql
