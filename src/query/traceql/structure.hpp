// How the spans of a trace are related, over links that may be missing or run in rings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

// Links between spans 0 … n-1. `parents`: kNoSpan where there is none. `parent_ids`: what the span says, 0 for none:
// spans that name the same parent are siblings, though it is missing.
inline constexpr std::size_t kNoSpan = SIZE_MAX;
class Structure {
 public:
  Structure(std::vector<std::size_t> parents, std::vector<std::uint64_t> parent_ids);

  // Those of `right` that stand to one of `left` as a structural operator says, or for negated ones do not; for unions
  // those of `left` too to which one of `right` stands so. Both ascending, as is the answer. Linear in the number of
  // spans. No span is its own ancestor, child or sibling.
  [[nodiscard]] std::vector<std::size_t> related(SpansetOperator op, const std::vector<std::size_t>& left,
                                                 const std::vector<std::size_t>& right) const;

  [[nodiscard]] const std::vector<std::size_t>& parents() const noexcept { return parents_; }

 private:
  using Marks = std::vector<char>;  // one for each span
  [[nodiscard]] Marks marks_of(const std::vector<std::size_t>& spans) const;
  // A mark for each span that is a child, … of a marked one.
  [[nodiscard]] Marks children_of(const Marks& spans) const;
  [[nodiscard]] Marks parents_of(const Marks& spans) const;
  [[nodiscard]] Marks below(const Marks& spans) const;
  [[nodiscard]] Marks above(const Marks& spans) const;
  [[nodiscard]] Marks siblings_of(const Marks& spans) const;

  std::vector<std::size_t> parents_;
  std::vector<std::uint64_t> parent_ids_;
  std::vector<std::size_t> rings_;  // the number of the ring that a span is in; kNoSpan: in none
  std::vector<std::vector<std::size_t>> ring_spans_;
  std::vector<std::size_t> order_;  // each span after its parent; spans in rings first
};

}  // namespace meshflow::query::traceql
