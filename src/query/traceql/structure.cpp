#include "query/traceql/structure.hpp"

#include <algorithm>
#include <unordered_map>

namespace meshflow::query::traceql {

Structure::Structure(std::vector<std::size_t> parents, std::vector<std::uint64_t> parent_ids)
    : parents_(std::move(parents)), parent_ids_(std::move(parent_ids)), rings_(parents_.size(), kNoSpan) {
  enum class State : char { fresh, on_path, done };
  std::vector<State> states(parents_.size(), State::fresh);
  std::vector<std::size_t> path;
  for (std::size_t first = 0; first < parents_.size(); ++first) {
    path.clear();
    std::size_t span = first;
    while (span != kNoSpan && states[span] == State::fresh) {
      states[span] = State::on_path;
      path.push_back(span);
      span = parents_[span];
    }
    if (span != kNoSpan && states[span] == State::on_path) {  // a ring ends the path
      const auto begin = std::find(path.begin(), path.end(), span);
      for (auto each = begin; each != path.end(); ++each) rings_[*each] = ring_spans_.size();
      ring_spans_.emplace_back(begin, path.end());
    }
    for (auto each = path.rbegin(); each != path.rend(); ++each) {
      states[*each] = State::done;
      order_.push_back(*each);
    }
  }
}

Structure::Marks Structure::marks_of(const std::vector<std::size_t>& spans) const {
  Marks marks(parents_.size());
  for (const std::size_t span : spans) marks[span] = 1;
  return marks;
}

Structure::Marks Structure::children_of(const Marks& spans) const {
  Marks marks(parents_.size());
  for (std::size_t span = 0; span < parents_.size(); ++span) {
    if (parents_[span] != kNoSpan) marks[span] = spans[parents_[span]];
  }
  return marks;
}

Structure::Marks Structure::parents_of(const Marks& spans) const {
  Marks marks(parents_.size());
  for (std::size_t span = 0; span < parents_.size(); ++span) {
    if (spans[span] != 0 && parents_[span] != kNoSpan) marks[parents_[span]] = 1;
  }
  return marks;
}

// From each span's parent on; a ring is below itself, but a span of it is not below itself.
Structure::Marks Structure::below(const Marks& spans) const {
  std::vector<std::size_t> in_ring(ring_spans_.size());
  for (std::size_t span = 0; span < parents_.size(); ++span) {
    if (rings_[span] != kNoSpan) in_ring[rings_[span]] += static_cast<std::size_t>(spans[span]);
  }
  Marks marks(parents_.size());
  for (const std::size_t span : order_) {
    if (rings_[span] != kNoSpan) {
      marks[span] = in_ring[rings_[span]] > static_cast<std::size_t>(spans[span]) ? 1 : 0;
      continue;
    }
    const std::size_t parent = parents_[span];
    if (parent == kNoSpan) continue;
    const bool of_ring = rings_[parent] != kNoSpan && in_ring[rings_[parent]] > 0;
    marks[span] = spans[parent] != 0 || marks[parent] != 0 || of_ring ? 1 : 0;
  }
  return marks;
}

Structure::Marks Structure::above(const Marks& spans) const {
  Marks marks(parents_.size());
  // What is in a ring marks the others of it; what reaches a ring from outside marks all of it.
  const auto mark_ring = [&](std::size_t ring, std::size_t but) {
    for (const std::size_t each : ring_spans_[ring]) {
      if (each != but) marks[each] = 1;
    }
  };
  for (auto each = order_.rbegin(); each != order_.rend(); ++each) {
    const std::size_t span = *each;
    if (rings_[span] != kNoSpan) {
      if (spans[span] != 0) mark_ring(rings_[span], span);
      continue;
    }
    if (spans[span] == 0 && marks[span] == 0) continue;
    const std::size_t parent = parents_[span];
    if (parent == kNoSpan) continue;
    if (rings_[parent] != kNoSpan) {
      mark_ring(rings_[parent], kNoSpan);
    } else {
      marks[parent] = 1;
    }
  }
  return marks;
}

Structure::Marks Structure::siblings_of(const Marks& spans) const {
  std::unordered_map<std::uint64_t, std::size_t> marked;  // by parent id
  for (std::size_t span = 0; span < parents_.size(); ++span) {
    if (spans[span] != 0 && parent_ids_[span] != 0) ++marked[parent_ids_[span]];
  }
  Marks marks(parents_.size());
  for (std::size_t span = 0; span < parents_.size(); ++span) {
    const auto found = marked.find(parent_ids_[span]);
    if (found == marked.end()) continue;
    marks[span] = found->second > static_cast<std::size_t>(spans[span]) ? 1 : 0;
  }
  return marks;
}

std::vector<std::size_t> Structure::related(SpansetOperator op, const std::vector<std::size_t>& left,
                                            const std::vector<std::size_t>& right) const {
  using Relation = Marks (Structure::*)(const Marks&) const;
  Relation to_left = nullptr;   // of what stands to the left side as the operator says
  Relation to_right = nullptr;  // the reverse, for unions
  bool is_negated = false;
  switch (op) {
    case SpansetOperator::not_child: is_negated = true; [[fallthrough]];
    case SpansetOperator::child: to_left = &Structure::children_of; break;
    case SpansetOperator::not_parent: is_negated = true; [[fallthrough]];
    case SpansetOperator::parent: to_left = &Structure::parents_of; break;
    case SpansetOperator::not_descendant: is_negated = true; [[fallthrough]];
    case SpansetOperator::descendant: to_left = &Structure::below; break;
    case SpansetOperator::not_ancestor: is_negated = true; [[fallthrough]];
    case SpansetOperator::ancestor: to_left = &Structure::above; break;
    case SpansetOperator::not_sibling: is_negated = true; [[fallthrough]];
    case SpansetOperator::sibling: to_left = &Structure::siblings_of; break;
    case SpansetOperator::union_child:
      to_left = &Structure::children_of;
      to_right = &Structure::parents_of;
      break;
    case SpansetOperator::union_parent:
      to_left = &Structure::parents_of;
      to_right = &Structure::children_of;
      break;
    case SpansetOperator::union_descendant:
      to_left = &Structure::below;
      to_right = &Structure::above;
      break;
    case SpansetOperator::union_ancestor:
      to_left = &Structure::above;
      to_right = &Structure::below;
      break;
    case SpansetOperator::union_sibling: to_left = to_right = &Structure::siblings_of; break;
    case SpansetOperator::all:
    case SpansetOperator::any: return {};
  }
  std::vector<std::size_t> found;
  const Marks of_left = (this->*to_left)(marks_of(left));
  for (const std::size_t span : right) {
    if ((of_left[span] != 0) != is_negated) found.push_back(span);
  }
  if (to_right != nullptr) {
    const Marks of_right = (this->*to_right)(marks_of(right));
    for (const std::size_t span : left) {
      if (of_right[span] != 0) found.push_back(span);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
  }
  return found;
}

}  // namespace meshflow::query::traceql
