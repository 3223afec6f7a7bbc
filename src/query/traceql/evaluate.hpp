// Expressions over the cells of one span.
#pragma once

#include <memory>
#include <span>

#include "query/traceql/ast.hpp"
#include "query/traceql/cell.hpp"
#include "query/traceql/fields.hpp"

namespace meshflow::query::traceql {

// An expression made ready: fields are places of `fields`, regular expressions are compiled. A value; const methods may
// be called concurrently.
class Evaluator {
 public:
  Evaluator(const Expression& expression, const Fields& fields);
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;

  // `cells` has a cell for each of the fields.
  [[nodiscard]] Cell value(std::span<const Cell> cells) const;
  // Whether it is true: nil and what is no truth value are not.
  [[nodiscard]] bool holds(std::span<const Cell> cells) const;

  class Node;

 private:
  std::unique_ptr<const Node> root_;
};

}  // namespace meshflow::query::traceql
