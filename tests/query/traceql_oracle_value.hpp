// Values of the oracle, and what operators make of them. Shares the syntax tree with the engine and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "otlp/model.hpp"
#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql::test {

struct OracleValue;

struct OracleArray {
  std::vector<OracleValue> elements;
};
// What the events of a span have, or its links: one value for each that has it.
struct OracleSeveral {
  std::vector<OracleValue> each;
};

struct OracleValue {
  std::variant<std::monostate, std::string, std::int64_t, double, Duration, bool, Status, Kind, OracleArray,
               OracleSeveral>
      of;

  [[nodiscard]] bool is_missing() const;
  [[nodiscard]] bool is_true() const;
  [[nodiscard]] bool is_number() const;
  // Durations in nanoseconds; 0 for what is no number.
  [[nodiscard]] double number() const;
};

[[nodiscard]] OracleValue oracle_value(const otlp::AnyValue& value);
[[nodiscard]] OracleValue oracle_value(const Value& literal);

[[nodiscard]] bool oracle_compare(const OracleValue& left, ComparisonOperator op, const OracleValue& right);
[[nodiscard]] bool oracle_match(const OracleValue& value, const std::string& pattern, bool wanted);
[[nodiscard]] OracleValue oracle_calculate(const OracleValue& left, ArithmeticOperator op, const OracleValue& right);
[[nodiscard]] OracleValue oracle_negate(const OracleValue& value);

// As a golden file writes it; of several the first, "nil" where there is none.
[[nodiscard]] std::string oracle_text(const OracleValue& value);

}  // namespace meshflow::query::traceql::test
