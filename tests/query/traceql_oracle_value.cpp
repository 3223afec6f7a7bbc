#include "query/traceql_oracle_value.hpp"

#include <algorithm>
#include <cmath>

#include <re2/re2.h>

#include "query/traceql_answer.hpp"

namespace meshflow::query::traceql::test {
namespace {

using Op = ComparisonOperator;

template <typename T>
bool ordered(const T& a, Op op, const T& b) {
  switch (op) {
    case Op::equal: return a == b;
    case Op::not_equal: return a != b;
    case Op::less: return a < b;
    case Op::less_equal: return a <= b;
    case Op::greater: return a > b;
    case Op::greater_equal: return a >= b;
    default: return false;
  }
}

std::optional<std::int64_t> integer_of(const OracleValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value.of)) return *integer;
  if (const auto* duration = std::get_if<Duration>(&value.of)) return duration->nanos;
  return std::nullopt;
}

// Neither side is an array or several.
bool compare_plain(const OracleValue& a, Op op, const OracleValue& b) {
  if (a.is_number() && b.is_number()) {
    const auto x = integer_of(a);
    const auto y = integer_of(b);
    return x && y ? ordered(*x, op, *y) : ordered(a.number(), op, b.number());
  }
  if (a.of.index() != b.of.index()) return false;
  if (const auto* text = std::get_if<std::string>(&a.of)) return ordered(*text, op, std::get<std::string>(b.of));
  if (op != Op::equal && op != Op::not_equal) return false;
  bool are_equal = false;
  if (const auto* flag = std::get_if<bool>(&a.of)) {
    are_equal = *flag == std::get<bool>(b.of);
  } else if (const auto* status = std::get_if<Status>(&a.of)) {
    are_equal = *status == std::get<Status>(b.of);
  } else if (const auto* kind = std::get_if<Kind>(&a.of)) {
    are_equal = *kind == std::get<Kind>(b.of);
  } else {
    return false;  // missing
  }
  return are_equal == (op == Op::equal);
}

template <typename Test>
bool any_of(const std::vector<OracleValue>& values, Test test) {
  return std::any_of(values.begin(), values.end(), test);
}
template <typename Test>
bool all_of(const std::vector<OracleValue>& values, Test test) {
  return std::all_of(values.begin(), values.end(), test);
}

std::int64_t wrapped(std::uint64_t value) { return static_cast<std::int64_t>(value); }

OracleValue integers(std::int64_t a, ArithmeticOperator op, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  switch (op) {
    case ArithmeticOperator::add: return {wrapped(x + y)};
    case ArithmeticOperator::subtract: return {wrapped(x - y)};
    case ArithmeticOperator::multiply: return {wrapped(x * y)};
    case ArithmeticOperator::divide:
      if (b == 0) return {};
      return {b == -1 ? wrapped(0 - x) : a / b};
    case ArithmeticOperator::modulo:
      if (b == 0) return {};
      return {b == -1 ? std::int64_t{0} : a % b};
    case ArithmeticOperator::power: break;
  }
  const double power = std::pow(static_cast<double>(a), static_cast<double>(b));
  if (std::abs(power) < 9.2e18) return {static_cast<std::int64_t>(power)};
  return {power};
}

OracleValue doubles(double a, ArithmeticOperator op, double b) {
  switch (op) {
    case ArithmeticOperator::add: return {a + b};
    case ArithmeticOperator::subtract: return {a - b};
    case ArithmeticOperator::multiply: return {a * b};
    case ArithmeticOperator::divide: return {a / b};
    case ArithmeticOperator::modulo: return {std::fmod(a, b)};
    case ArithmeticOperator::power: return {std::pow(a, b)};
  }
  return {};
}

std::string list_text(const std::vector<OracleValue>& values) {
  std::string out;
  for (const OracleValue& each : values) out += (out.empty() ? "" : ",") + oracle_text(each);
  return "[" + out + "]";
}

}  // namespace

bool OracleValue::is_missing() const {
  const auto* several = std::get_if<OracleSeveral>(&of);
  return std::holds_alternative<std::monostate>(of) || (several != nullptr && several->each.empty());
}

bool OracleValue::is_true() const {
  const auto* flag = std::get_if<bool>(&of);
  return flag != nullptr && *flag;
}

bool OracleValue::is_number() const { return std::holds_alternative<double>(of) || integer_of(*this).has_value(); }

double OracleValue::number() const {
  if (const auto* number = std::get_if<double>(&of)) return *number;
  return static_cast<double>(integer_of(*this).value_or(0));
}

OracleValue oracle_value(const otlp::AnyValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) return {*text};
  if (const auto* integer = std::get_if<std::int64_t>(&value.value)) return {*integer};
  if (const auto* real = std::get_if<double>(&value.value)) return {*real};
  if (const auto* flag = std::get_if<bool>(&value.value)) return {*flag};
  const auto* array = std::get_if<otlp::ArrayValue>(&value.value);
  if (array == nullptr) return {};
  OracleArray out;
  for (const otlp::AnyValue& each : *array) out.elements.push_back(oracle_value(each));
  return {std::move(out)};
}

OracleValue oracle_value(const Value& literal) {
  return std::visit([](const auto& each) { return OracleValue{each}; }, literal);
}

bool oracle_compare(const OracleValue& left, Op op, const OracleValue& right) {
  if (const auto* several = std::get_if<OracleSeveral>(&left.of)) {
    return any_of(several->each, [&](const OracleValue& each) { return oracle_compare(each, op, right); });
  }
  if (const auto* several = std::get_if<OracleSeveral>(&right.of)) {
    return any_of(several->each, [&](const OracleValue& each) { return oracle_compare(left, op, each); });
  }
  const auto* a = std::get_if<OracleArray>(&left.of);
  const auto* b = std::get_if<OracleArray>(&right.of);
  if (a != nullptr && b != nullptr) return false;
  if (left.is_missing() || right.is_missing()) return false;
  if (a == nullptr && b == nullptr) return compare_plain(left, op, right);
  const auto holds = [&](const OracleValue& each) {
    return a != nullptr ? compare_plain(each, op, right) : compare_plain(left, op, each);
  };
  const std::vector<OracleValue>& elements = a != nullptr ? a->elements : b->elements;
  return op == Op::not_equal ? all_of(elements, holds) : any_of(elements, holds);
}

bool oracle_match(const OracleValue& value, const std::string& pattern, bool wanted) {
  const auto fits = [&](const OracleValue& each) { return oracle_match(each, pattern, wanted); };
  if (const auto* several = std::get_if<OracleSeveral>(&value.of)) return any_of(several->each, fits);
  if (const auto* array = std::get_if<OracleArray>(&value.of)) {
    return wanted ? any_of(array->elements, fits) : all_of(array->elements, fits);
  }
  const auto* text = std::get_if<std::string>(&value.of);
  if (text == nullptr) return false;
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  return RE2::FullMatch(*text, RE2(pattern, options)) == wanted;
}

OracleValue oracle_calculate(const OracleValue& left, ArithmeticOperator op, const OracleValue& right) {
  if (const auto* several = std::get_if<OracleSeveral>(&left.of)) {
    OracleSeveral out;
    for (const OracleValue& each : several->each) out.each.push_back(oracle_calculate(each, op, right));
    return {std::move(out)};
  }
  if (const auto* several = std::get_if<OracleSeveral>(&right.of)) {
    OracleSeveral out;
    for (const OracleValue& each : several->each) out.each.push_back(oracle_calculate(left, op, each));
    return {std::move(out)};
  }
  const auto* a = std::get_if<std::int64_t>(&left.of);
  const auto* b = std::get_if<std::int64_t>(&right.of);
  if (a != nullptr && b != nullptr) return integers(*a, op, *b);
  if (!left.is_number() || !right.is_number()) return {};
  return doubles(left.number(), op, right.number());
}

OracleValue oracle_negate(const OracleValue& value) {
  if (const auto* several = std::get_if<OracleSeveral>(&value.of)) {
    OracleSeveral out;
    for (const OracleValue& each : several->each) out.each.push_back(oracle_negate(each));
    return {std::move(out)};
  }
  if (const auto* duration = std::get_if<Duration>(&value.of)) return {Duration{-duration->nanos}};
  if (const auto* integer = std::get_if<std::int64_t>(&value.of)) {
    return {wrapped(0 - static_cast<std::uint64_t>(*integer))};
  }
  if (const auto* real = std::get_if<double>(&value.of)) return {-*real};
  return {};
}

std::string oracle_text(const OracleValue& value) {
  struct Text {
    std::string operator()(std::monostate) const { return "nil"; }
    std::string operator()(const std::string& text) const { return test::quoted(text); }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return number_text(number); }
    std::string operator()(Duration duration) const { return duration_text(duration.nanos); }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(Status status) const {
      return status == Status::error ? "error" : status == Status::ok ? "ok" : "unset";
    }
    std::string operator()(Kind kind) const {
      constexpr const char* kNames[] = {"unspecified", "internal", "server", "client", "producer", "consumer"};
      return kNames[static_cast<int>(kind)];
    }
    std::string operator()(const OracleArray& array) const { return list_text(array.elements); }
    std::string operator()(const OracleSeveral& several) const {
      return several.each.empty() ? "nil" : oracle_text(several.each.front());
    }
  };
  return std::visit(Text{}, value.of);
}

}  // namespace meshflow::query::traceql::test
