#include "query/traceql/scalar.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

// Nothing past 64 bits. The divisor is not 0.
std::optional<std::int64_t> integers(ArithmeticOperator op, std::int64_t left, std::int64_t right) {
  std::int64_t out = 0;
  bool is_past = false;
  switch (op) {
    case ArithmeticOperator::add: is_past = __builtin_add_overflow(left, right, &out); break;
    case ArithmeticOperator::subtract: is_past = __builtin_sub_overflow(left, right, &out); break;
    case ArithmeticOperator::multiply: is_past = __builtin_mul_overflow(left, right, &out); break;
    default:
      is_past = left == kMin && right == -1;
      if (!is_past) out = left / right;
  }
  if (is_past) return std::nullopt;
  return out;
}

double reals(ArithmeticOperator op, double left, double right) {
  switch (op) {
    case ArithmeticOperator::add: return left + right;
    case ArithmeticOperator::subtract: return left - right;
    case ArithmeticOperator::multiply: return left * right;
    default: return left / right;
  }
}

double real_of(const Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value);
}

}  // namespace

Outcome<Value> computed(const TokenStream& tokens, ArithmeticOperator op, const Literal& left, const Literal& right,
                        Place place) {
  if (op == ArithmeticOperator::modulo || op == ArithmeticOperator::power) {
    return tokens.fail(place, fmt::format("\"{}\" does not stand between two numbers here", text_of(op)),
                       "between numbers there are + - * /");
  }
  for (const Literal* each : {&left, &right}) {
    if (std::holds_alternative<Duration>(each->value)) {
      return tokens.fail(each->place, "durations are not calculated with here", "write the result, for example 20s");
    }
  }
  const auto* a = std::get_if<std::int64_t>(&left.value);
  const auto* b = std::get_if<std::int64_t>(&right.value);
  if (op == ArithmeticOperator::divide && real_of(right.value) == 0) return tokens.fail(place, "division by zero");
  if (a != nullptr && b != nullptr) {
    if (const auto out = integers(op, *a, *b)) return Value(*out);
    return tokens.fail(place, "this integer does not fit 64 bits", "write one of the numbers with a point: 2.0");
  }
  const double out = reals(op, real_of(left.value), real_of(right.value));
  if (!std::isfinite(out)) return tokens.fail(place, "this number does not fit a 64-bit float");
  return Value(out);
}

}  // namespace meshflow::query::traceql
