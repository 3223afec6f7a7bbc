// A sum that does not depend on the order of what is added.
#pragma once

#include <cstdint>

#include "query/traceql/ast.hpp"
#include "query/traceql/cell.hpp"

namespace meshflow::query::traceql {

// Whether an expression is an attribute that is counted in billionths (names.hpp): money and carbon.
[[nodiscard]] bool is_in_billionths(const Expression& expression);

// Integers, durations and billionths are added exactly, other doubles with compensation (Neumaier). A value.
class Sum {
 public:
  __extension__ using Whole = __int128;
  explicit Sum(bool in_billionths = false) : in_billionths_(in_billionths) {}
  // What is no number is passed over.
  void add(const Cell& cell);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // Nil without numbers; an integer or a duration where all were, else a double.
  [[nodiscard]] Cell sum() const;
  // Nil without numbers; a duration where all were, else a double.
  [[nodiscard]] Cell average() const;
  [[nodiscard]] double value() const;

 private:
  void add(double number);
  bool in_billionths_;
  bool all_integers_ = true;
  bool all_durations_ = true;
  std::uint64_t count_ = 0;
  Whole whole_ = 0;       // of integers and durations
  Whole billionths_ = 0;  // of doubles, where they are counted so
  double real_ = 0;
  double compensation_ = 0;
};

}  // namespace meshflow::query::traceql
