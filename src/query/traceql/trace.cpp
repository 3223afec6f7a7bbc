// Putting a trace together.
#include <algorithm>
#include <unordered_map>

#include "query/traceql/spansets.hpp"

namespace meshflow::query::traceql {
namespace {

// As Tempo numbers spans, depth first from each root; 0 for what no root leads to.
struct NestedSet {
  std::vector<std::int64_t> left, right, parent;
};

NestedSet nested_set(const std::vector<Row>& rows, const std::vector<std::size_t>& parents) {
  std::vector<std::vector<std::size_t>> children(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (parents[i] != kNoSpan) children[parents[i]].push_back(i);
  }
  NestedSet set{std::vector<std::int64_t>(rows.size()), std::vector<std::int64_t>(rows.size()),
                std::vector<std::int64_t>(rows.size())};
  std::vector<std::size_t> next(rows.size());
  std::int64_t bound = 1;
  std::vector<std::size_t> path;
  for (std::size_t root = 0; root < rows.size(); ++root) {
    if (rows[root].parent_id != 0) continue;
    path = {root};
    set.left[root] = bound++;
    set.parent[root] = -1;
    while (!path.empty()) {
      const std::size_t span = path.back();
      if (next[span] == children[span].size()) {
        set.right[span] = bound++;
        path.pop_back();
        continue;
      }
      const std::size_t child = children[span][next[span]++];
      set.left[child] = bound++;
      set.parent[child] = set.left[span];
      path.push_back(child);
    }
  }
  return set;
}

std::vector<std::int64_t> child_counts(const std::vector<std::size_t>& parents) {
  std::vector<std::int64_t> counts(parents.size());
  for (const std::size_t parent : parents) {
    if (parent != kNoSpan) ++counts[parent];
  }
  return counts;
}

void fill(Trace& trace, std::size_t place, const std::vector<std::int64_t>& numbers) {
  for (std::size_t i = 0; i < trace.rows.size(); ++i) trace.rows[i].cells[place] = {numbers[i]};
}

void fill_intrinsic(Trace& trace, std::size_t place, Intrinsic intrinsic, const RowReader& reader) {
  const auto fill_all = [&](const Cell& cell) {
    for (Row& row : trace.rows) row.cells[place] = cell;
  };
  const bool has_root = trace.root != kNoSpan;
  switch (intrinsic) {
    case Intrinsic::trace_duration: fill_all({Duration{static_cast<std::int64_t>(trace.end - trace.start)}}); break;
    case Intrinsic::root_name: fill_all({has_root ? trace.rows[trace.root].name : std::string()}); break;
    case Intrinsic::root_service:
      fill_all({has_root ? reader.service_of(trace.rows[trace.root]) : std::string()});
      break;
    case Intrinsic::child_count: fill(trace, place, child_counts(trace.structure.parents())); break;
    case Intrinsic::nested_set_left: fill(trace, place, nested_set(trace.rows, trace.structure.parents()).left); break;
    case Intrinsic::nested_set_right:
      fill(trace, place, nested_set(trace.rows, trace.structure.parents()).right);
      break;
    case Intrinsic::nested_set_parent:
      fill(trace, place, nested_set(trace.rows, trace.structure.parents()).parent);
      break;
    default: break;
  }
}

void fill_cells(Trace& trace, const Fields& fields, const RowReader& reader) {
  for (std::size_t place = 0; place < fields.all().size(); ++place) {
    const Field& field = fields.all()[place];
    if (!is_of_trace(field)) continue;
    if (const auto* const intrinsic = std::get_if<Intrinsic>(&field.of)) {
      fill_intrinsic(trace, place, *intrinsic, reader);
      continue;
    }
    const std::size_t own = fields.place_of(without_parent(field));
    for (std::size_t i = 0; i < trace.rows.size(); ++i) {
      const std::size_t parent = trace.structure.parents()[i];
      if (parent != kNoSpan) trace.rows[i].cells[place] = trace.rows[parent].cells[own];
    }
  }
}

}  // namespace

Trace make_trace(std::vector<Row> rows, const Fields& fields, const RowReader& reader) {
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return a.start != b.start ? a.start < b.start : a.span_id < b.span_id; });
  std::unordered_map<std::uint64_t, std::size_t> places;
  places.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) places.emplace(rows[i].span_id, i);
  std::vector<std::size_t> parents(rows.size(), kNoSpan);
  std::vector<std::uint64_t> parent_ids(rows.size());
  std::size_t root = kNoSpan;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    parent_ids[i] = rows[i].parent_id == rows[i].span_id ? 0 : rows[i].parent_id;
    const auto parent = rows[i].parent_id == 0 ? places.end() : places.find(rows[i].parent_id);
    if (parent != places.end() && parent->second != i) parents[i] = parent->second;
    if (rows[i].parent_id == 0 && root == kNoSpan) root = i;
    const std::uint64_t length = rows[i].duration > 0 ? static_cast<std::uint64_t>(rows[i].duration) : 0;
    end = std::max(end, rows[i].start + length);
  }
  const std::uint64_t start = rows.empty() ? 0 : rows.front().start;
  Trace trace{std::move(rows), Structure(std::move(parents), std::move(parent_ids)), root, start, end};
  fill_cells(trace, fields, reader);
  return trace;
}

bool has_span_in(store::TimeRange range, const Trace& trace, const std::vector<SpanSet>& sets) {
  return std::any_of(sets.begin(), sets.end(), [&](const SpanSet& set) {
    return std::any_of(set.spans.begin(), set.spans.end(), [&](std::size_t span) {
      return trace.rows[span].start >= range.from && trace.rows[span].start <= range.to;
    });
  });
}

}  // namespace meshflow::query::traceql
