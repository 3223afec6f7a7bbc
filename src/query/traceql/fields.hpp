// The fields that a query asks for, each once: the places of a row's cells.
#pragma once

#include <cstddef>
#include <vector>

#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

// A value.
class Fields {
 public:
  // The place of a field; added where it is new.
  std::size_t add(const Field& field);
  // With each field of an expression.
  void add(const Expression& expression);
  void add(const Pipeline& pipeline);
  // The place of a field that was added.
  [[nodiscard]] std::size_t place_of(const Field& field) const;
  [[nodiscard]] const std::vector<Field>& all() const noexcept { return fields_; }

 private:
  void add(const Spanset& spanset);
  void add(const Scalar& scalar);
  std::vector<Field> fields_;
};

// What is the same for all spans of a trace, or depends on its other spans: nothing that one row says.
[[nodiscard]] bool is_of_trace(const Field& field);

}  // namespace meshflow::query::traceql
