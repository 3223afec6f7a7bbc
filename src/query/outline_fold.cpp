// Folding: an outline with more rows than anybody can look at keeps one row for like-named siblings in a row.
#include <algorithm>
#include <map>
#include <utility>

#include "query/outline.hpp"

namespace meshflow::query {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

// Of a row and all that is below it.
struct Totals {
  std::uint64_t spans = 1;
  std::uint64_t errors = 0;
  std::uint64_t blocked = 0;
};

class Folding {
 public:
  Folding(Outline& outline, std::size_t rows_max) : outline_(outline), rows_max_(rows_max), rows_(outline.rows) {}

  void run() {
    link();
    total();
    left_ = rows_.size();
    // Leaves first, wherever they are; then what is deepest.
    for (const auto& siblings : families_) fold_runs(siblings, true);
    for (std::size_t depth = by_depth_.size(); depth-- > 1 && left_ > rows_max_;) {
      for (const std::size_t parent : by_depth_[depth - 1]) fold_runs(children_[parent], false);
    }
    if (left_ > rows_max_) {
      for (const auto& siblings : tops_) fold_runs(siblings, false);
    }
    rebuild();
  }

 private:
  using Family = std::vector<std::size_t>;  // rows of one parent, in order

  void link();
  void total();
  void fold_runs(const Family& siblings, bool leaves_only);
  void fold_run(const Family& siblings, std::size_t begin, std::size_t end);
  void hide(std::size_t row, std::size_t into);
  void rebuild();

  Outline& outline_;
  const std::size_t rows_max_;
  std::vector<OutlineRow>& rows_;
  std::vector<Family> children_;
  std::vector<Family> tops_;      // those without a parent that is here, by what they name
  std::vector<Family> families_;  // all
  std::vector<std::vector<std::size_t>> by_depth_;
  std::vector<Totals> totals_;
  std::vector<std::size_t> hidden_by_;          // the row that stands for it; kNone: it is shown
  std::map<std::size_t, OutlineFold> folds_;  // by their row as it was
  std::size_t left_ = 0;
};

void Folding::link() {
  children_.resize(rows_.size());
  hidden_by_.assign(rows_.size(), kNone);
  std::map<std::uint64_t, Family> tops;  // by the parent's id
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].parent >= 0) {
      children_[static_cast<std::size_t>(rows_[i].parent)].push_back(i);
    } else {
      tops[rows_[i].parent == kParentMissing ? rows_[i].parent_id : 0].push_back(i);
    }
  }
  by_depth_.emplace_back();
  for (auto& [parent, family] : tops) {
    by_depth_.front().insert(by_depth_.front().end(), family.begin(), family.end());
    families_.push_back(family);
    tops_.push_back(std::move(family));
  }
  while (!by_depth_.back().empty()) {
    std::vector<std::size_t> next;
    for (const std::size_t row : by_depth_.back()) {
      if (children_[row].empty()) continue;
      families_.push_back(children_[row]);
      next.insert(next.end(), children_[row].begin(), children_[row].end());
    }
    by_depth_.push_back(std::move(next));
  }
  by_depth_.pop_back();
}

void Folding::total() {
  totals_.resize(rows_.size());
  for (auto depth = by_depth_.rbegin(); depth != by_depth_.rend(); ++depth) {
    for (const std::size_t row : *depth) {
      Totals& totals = totals_[row];
      totals.errors += rows_[row].status == 2 ? 1 : 0;
      totals.blocked += rows_[row].verdict == OutlineVerdict::blocked ? 1 : 0;
      for (const std::size_t child : children_[row]) {
        totals.spans += totals_[child].spans;
        totals.errors += totals_[child].errors;
        totals.blocked += totals_[child].blocked;
      }
    }
  }
}

void Folding::fold_runs(const Family& siblings, bool leaves_only) {
  const auto may_fold = [&](std::size_t row) {
    return hidden_by_[row] == kNone && !folds_.contains(row) && (!leaves_only || children_[row].empty());
  };
  for (std::size_t begin = 0; begin < siblings.size() && left_ > rows_max_;) {
    std::size_t end = begin + 1;
    if (may_fold(siblings[begin])) {
      const std::int32_t name = rows_[siblings[begin]].name;
      while (end < siblings.size() && may_fold(siblings[end]) && rows_[siblings[end]].name == name) ++end;
      if (end - begin > 1) fold_run(siblings, begin, end);
    }
    begin = end;
  }
}

void Folding::fold_run(const Family& siblings, std::size_t begin, std::size_t end) {
  const std::size_t first = siblings[begin];
  OutlineRow& row = rows_[first];
  OutlineFold& fold = folds_[first];
  std::int64_t last_end = 0;
  std::optional<std::int64_t> tokens;
  for (std::size_t i = begin; i < end; ++i) {
    const OutlineRow& each = rows_[siblings[i]];
    const Totals& totals = totals_[siblings[i]];
    ++fold.count;
    fold.hidden += totals.spans;
    fold.errors += totals.errors;
    fold.blocked += totals.blocked;
    fold.duration_sum += each.duration;
    if (each.cost_nano_usd) fold.cost_nano_usd = fold.cost_nano_usd.value_or(0) + *each.cost_nano_usd;
    if (each.tokens) tokens = tokens.value_or(0) + *each.tokens;
    last_end = std::max(last_end, static_cast<std::int64_t>(each.start - row.start) + each.duration);
    row.flags |= each.flags;
    if (i > begin) hide(siblings[i], first);
    for (const std::size_t child : children_[siblings[i]]) hide(child, first);
  }
  fold.hidden -= 1;  // the row itself is shown
  row.flags |= kIsFolded;
  row.duration = last_end;
  row.cost_nano_usd = fold.cost_nano_usd;
  row.tokens = tokens;
  if (fold.errors > 0) row.status = 2;
  if (fold.blocked > 0) row.verdict = OutlineVerdict::blocked;
}

void Folding::hide(std::size_t row, std::size_t into) {
  std::vector<std::size_t> waiting{row};
  while (!waiting.empty()) {
    const std::size_t each = waiting.back();
    waiting.pop_back();
    if (hidden_by_[each] == kNone) --left_;
    hidden_by_[each] = into;
    folds_.erase(each);
    waiting.insert(waiting.end(), children_[each].begin(), children_[each].end());
  }
}

void Folding::rebuild() {
  std::vector<std::size_t> places(rows_.size(), kNone);
  std::vector<OutlineRow> kept;
  kept.reserve(left_);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (hidden_by_[i] != kNone) continue;
    places[i] = kept.size();
    kept.push_back(rows_[i]);
  }
  for (OutlineRow& row : kept) {
    if (row.parent >= 0) row.parent = static_cast<std::int32_t>(places[static_cast<std::size_t>(row.parent)]);
  }
  // The row that is shown for one: of a fold within a fold the outer one.
  const auto shown = [&](std::size_t row) {
    while (hidden_by_[row] != kNone) row = hidden_by_[row];
    return places[row];
  };
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (hidden_by_[i] != kNone) outline_.hidden.emplace_back(rows_[i].span_id, shown(i));
  }
  std::sort(outline_.hidden.begin(), outline_.hidden.end());
  for (const auto& [row, fold] : folds_) {
    outline_.folded.push_back(fold);
    outline_.folded.back().row = places[row];
  }
  for (OutlineLink& link : outline_.links) {
    link.from = shown(link.from);
    if (link.to >= 0) link.to = static_cast<std::int32_t>(shown(static_cast<std::size_t>(link.to)));
  }
  if (outline_.events) {
    for (auto& [row, time] : *outline_.events) row = shown(row);
    std::sort(outline_.events->begin(), outline_.events->end());
  }
  for (OutlineMissing& missing : outline_.missing) {
    for (std::size_t& child : missing.children) child = shown(child);
    missing.children.erase(std::unique(missing.children.begin(), missing.children.end()), missing.children.end());
  }
  rows_ = std::move(kept);
}

}  // namespace

void fold(Outline& outline, std::size_t rows_max) { Folding(outline, rows_max).run(); }

}  // namespace meshflow::query
