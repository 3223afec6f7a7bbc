#include "query/trace_search.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/compile.hpp"
#include "query/names.hpp"

namespace meshflow::query {
namespace {

using store::Piece;
using store::TimeRange;
using store::Value;

// Spans that the first step reads: what comes back in a millisecond or two whatever the condition costs.
constexpr double kFirstStepSpans = 1 << 14;
// Where something is compared, in columns alone: two row groups of DuckDB's, about as quick.
constexpr double kFirstStepSpansOfColumns = 1 << 18;
// How much more the next step reads at most than the last: a search for something rare or absent still is about one
// pass over the store.
constexpr double kStepGrowthMax = 16;
// So much more than what should be enough, going by what was found so far.
constexpr double kStepReserve = 1.3;
// Parts of one statement: pieces, and spans with and without events.
constexpr std::size_t kSelectsAtOnce = 8;
// A run's id names one trace, resumed runs included; more are strangers that share the key of the index.
constexpr std::size_t kRunCandidatesMax = 1'000;

// Newest first; equal starts by trace id.
bool is_newer(const FoundTrace& a, const FoundTrace& b) {
  return a.start != b.start ? a.start > b.start : a.trace_id < b.trace_id;
}

// The traces found so far, each with its newest start.
class Found {
 public:
  void add(const otlp::TraceId& trace_id, std::uint64_t start) {
    const auto [place, is_new] = starts_.try_emplace(trace_id, start);
    if (!is_new) place->second = std::max(place->second, start);
  }
  [[nodiscard]] std::size_t size() const { return starts_.size(); }
  [[nodiscard]] std::vector<FoundTrace> newest(std::size_t traces_max) const {
    std::vector<FoundTrace> all;
    all.reserve(starts_.size());
    for (const auto& [trace_id, start] : starts_) all.push_back({trace_id, start});
    std::sort(all.begin(), all.end(), is_newer);
    if (all.size() > traces_max) all.resize(traces_max);
    return all;
  }

 private:
  std::map<otlp::TraceId, std::uint64_t> starts_;
};

// The literal of `condition` where it is a comparison for equality that must hold of each span.
const CompareIntrinsic* as_trace_id(const Condition& condition) {
  const auto* const leaf = std::get_if<CompareIntrinsic>(&condition.value);
  const bool fits = leaf != nullptr && leaf->intrinsic == Intrinsic::trace_id &&
                    leaf->comparison == Comparison::equal && std::holds_alternative<store::U128>(leaf->literal);
  return fits ? leaf : nullptr;
}
const CompareAttribute* as_run_id(const Condition& condition) {
  const auto* const leaf = std::get_if<CompareAttribute>(&condition.value);
  const bool fits = leaf != nullptr && leaf->attribute == Attribute{AttributeScope::span, std::string(kRunIdKey)} &&
                    leaf->comparison == Comparison::equal && std::holds_alternative<std::string>(leaf->literal);
  return fits ? leaf : nullptr;
}
template <typename Leaf>
const Leaf* find_leaf(const Condition& condition, const Leaf* (*as)(const Condition&)) {
  if (const Leaf* const found = as(condition)) return found;
  const auto* const all = std::get_if<AllOf>(&condition.value);
  if (all == nullptr) return nullptr;
  for (const Condition& each : all->of) {
    if (const Leaf* const found = find_leaf(each, as)) return found;
  }
  return nullptr;
}

// One search under way.
class Search {
 public:
  Search(store::Snapshot& snapshot, const TraceSearch& search, const store::QueryLimits& limits)
      : snapshot_(snapshot), search_(search), limits_(limits), deadline_(Clock::now() + limits.time_max) {}

  Result<std::vector<FoundTrace>> run();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] double first_step() const;
  Result<void> look_at_candidates(const std::vector<store::Snapshot::Candidate>& candidates);
  Result<void> walk(const std::vector<Piece>& pieces);
  Result<void> look_at(const std::vector<Piece>& pieces, TimeRange window);
  Result<void> add_newest(const std::vector<std::string>& sources, const std::vector<Value>& parameters);
  Result<store::Rows> ask(std::string_view sql, const std::vector<Value>& parameters);
  Result<std::optional<std::vector<store::Snapshot::Candidate>>> candidates();
  void add(const store::Rows& rows);

  store::Snapshot& snapshot_;
  const TraceSearch& search_;
  store::QueryLimits limits_;
  Clock::time_point deadline_;
  std::vector<Sql> where_;  // each span fits one of them at most
  Found found_;
};

Result<std::vector<FoundTrace>> Search::run() {
  if (search_.traces_max == 0 || search_.range.from > search_.range.to) return std::vector<FoundTrace>{};
  MESHFLOW_TRY(const auto known, candidates());
  if (known && known->empty()) return std::vector<FoundTrace>{};
  ResourceSet resources;
  if (needs_resources(search_.condition)) {
    TimeRange range = search_.range;
    if (known) {
      range = known->front().range;
      for (const auto& each : *known)
        range = {std::min(range.from, each.range.from), std::max(range.to, each.range.to)};
    }
    MESHFLOW_TRY(auto all, snapshot_.resources(range));
    resources = ResourceSet(std::move(all));
  }
  MESHFLOW_TRY(where_, compile_by_events(search_.condition, resources));
  if (known) {
    MESHFLOW_CHECK(look_at_candidates(*known));
  } else {
    MESHFLOW_CHECK(walk(snapshot_.pieces_in(search_.range)));
  }
  return found_.newest(search_.traces_max);
}

// The only traces that can fit, by an index of the store; nothing where no index knows.
Result<std::optional<std::vector<store::Snapshot::Candidate>>> Search::candidates() {
  std::optional<std::vector<store::Snapshot::Candidate>> known;
  if (const CompareIntrinsic* const leaf = find_leaf(search_.condition, &as_trace_id)) {
    const otlp::TraceId trace_id = trace_id_of(std::get<store::U128>(leaf->literal));
    MESHFLOW_TRY(const auto range, snapshot_.time_range_of(trace_id));
    known.emplace();
    if (range) known->push_back({trace_id, *range});
  } else if (const CompareAttribute* const run = find_leaf(search_.condition, &as_run_id)) {
    MESHFLOW_TRY(known, snapshot_.traces_of_run(std::get<std::string>(run->literal)));
    std::sort(known->begin(), known->end(), [](const auto& a, const auto& b) { return a.range.to > b.range.to; });
    if (known->size() > kRunCandidatesMax) known->resize(kRunCandidatesMax);
  }
  return known;
}

Result<void> Search::look_at_candidates(const std::vector<store::Snapshot::Candidate>& candidates) {
  for (const store::Snapshot::Candidate& candidate : candidates) {
    const TimeRange range{std::max(candidate.range.from, search_.range.from),
                          std::min(candidate.range.to, search_.range.to)};
    if (range.from > range.to) continue;
    for (const Piece& piece : snapshot_.pieces_in(range)) {
      for (const Sql& where : where_) {
        const std::string sql = fmt::format(
            "SELECT max(start) FROM {} WHERE start BETWEEN ? AND ? AND trace_id = ? AND {}", piece.source, where.text);
        std::vector<Value> parameters{range.from, range.to, number_of(candidate.trace_id)};
        parameters.insert(parameters.end(), where.parameters.begin(), where.parameters.end());
        MESHFLOW_TRY(const store::Rows rows, ask(sql, parameters));
        const auto* const start = rows.rows.empty() ? nullptr : std::get_if<std::uint64_t>(rows.rows.front().data());
        if (start != nullptr) found_.add(candidate.trace_id, *start);
      }
    }
  }
  return {};
}

// What many spans fit is found among few of them; what few fit takes a second step, if the first is small.
double Search::first_step() const {
  const Sql& plain = where_.front();
  return plain.reads_rest || plain.parameters.empty() ? kFirstStepSpans : kFirstStepSpansOfColumns;
}

Result<void> Search::walk(const std::vector<Piece>& pieces) {
  TimeRange left{UINT64_MAX, 0};  // what has not been looked at
  for (const Piece& piece : pieces) {
    if (piece.start_min > piece.start_max) continue;
    left = {std::min(left.from, piece.start_min), std::max(left.to, piece.start_max)};
  }
  left = {std::max(left.from, search_.range.from), std::min(left.to, search_.range.to)};
  double spans = first_step();
  double looked_at = 0;
  while (left.from <= left.to && found_.size() < search_.traces_max) {
    const TimeRange window{window_start(pieces, left, spans), left.to};
    MESHFLOW_CHECK(look_at(pieces, window));
    if (window.from == left.from) break;
    left.to = window.from - 1;
    looked_at += spans;
    const auto found = static_cast<double>(found_.size());
    const double missing = static_cast<double>(search_.traces_max) - found;
    const double growth = found > 0 ? looked_at / found * missing * kStepReserve / spans : kStepGrowthMax;
    spans *= std::clamp(growth, 1.0, kStepGrowthMax);
  }
  return {};
}

// Adds the newest traces of the window in these pieces, traces_max of them where there are so many.
Result<void> Search::look_at(const std::vector<Piece>& pieces, TimeRange window) {
  std::vector<std::string> sources;
  std::vector<Value> parameters;
  const auto add_those = [&]() -> Result<void> {
    if (!sources.empty()) MESHFLOW_CHECK(add_newest(sources, parameters));
    sources.clear();
    parameters.clear();
    return {};
  };
  for (const Piece& piece : pieces) {
    if (piece.start_min > window.to || piece.start_max < window.from) continue;
    for (const Sql& where : where_) {
      sources.push_back(
          fmt::format("SELECT trace_id, start FROM {} WHERE start BETWEEN ? AND ? AND {}", piece.source, where.text));
      parameters.insert(parameters.end(), {window.from, window.to});
      parameters.insert(parameters.end(), where.parameters.begin(), where.parameters.end());
      if (sources.size() == kSelectsAtOnce) MESHFLOW_CHECK(add_those());
    }
  }
  return add_those();
}

// Of `sources`, statements that select trace_id and start, with their parameters.
Result<void> Search::add_newest(const std::vector<std::string>& sources, const std::vector<Value>& parameters) {
  const std::string all = fmt::format("({})", fmt::join(sources, " UNION ALL "));
  // Mostly a few spans of a trace fit: the newest spans have the newest traces, and nothing must be grouped.
  const std::size_t spans_max = 4 * search_.traces_max + 16;
  MESHFLOW_TRY(const store::Rows rows,
               ask(fmt::format("SELECT trace_id, start FROM {} ORDER BY start DESC, trace_id LIMIT {}", all, spans_max),
                   parameters));
  add(rows);
  if (rows.rows.size() < spans_max) return {};
  std::set<Value> traces;
  for (const auto& row : rows.rows) traces.insert(row.front());
  // Those of the last start may be cut off in the middle, so one more than wanted must have been seen.
  if (traces.size() > search_.traces_max) return {};
  MESHFLOW_TRY(const store::Rows grouped,
               ask(fmt::format("SELECT trace_id, max(start) AS newest FROM {} GROUP BY trace_id ORDER BY newest DESC, "
                               "trace_id LIMIT {}",
                               all, search_.traces_max),
                   parameters));
  add(grouped);
  return {};
}

Result<store::Rows> Search::ask(std::string_view sql, const std::vector<Value>& parameters) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
  if (left.count() <= 0) return fail(ErrorCode::timeout, "the search took longer than its time limit");
  store::QueryLimits limits = limits_;
  limits.time_max = left;
  return snapshot_.query(sql, parameters, limits);
}

void Search::add(const store::Rows& rows) {
  for (const auto& row : rows.rows) {
    const auto* const trace_id = std::get_if<store::U128>(row.data());
    const auto* const start = row.size() > 1 ? std::get_if<std::uint64_t>(&row[1]) : nullptr;
    if (trace_id != nullptr && start != nullptr) found_.add(trace_id_of(*trace_id), *start);
  }
}

}  // namespace

std::uint64_t window_start(std::span<const Piece> pieces, TimeRange range, double spans) {
  const auto spans_from = [&](std::uint64_t from) {
    double sum = 0;
    for (const Piece& piece : pieces) {
      const std::uint64_t first = std::max(piece.start_min, from);
      const std::uint64_t last = std::min(piece.start_max, range.to);
      if (first > last) continue;
      const double share =
          (static_cast<double>(last - first) + 1) / (static_cast<double>(piece.start_max - piece.start_min) + 1);
      sum += share * static_cast<double>(piece.rows);
    }
    return sum;
  };
  if (spans_from(range.from) <= spans * 1.5) return range.from;  // no small rest for a step of its own
  std::uint64_t low = range.from;  // has more
  std::uint64_t high = range.to;   // has fewer, or is the end
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (spans_from(middle) > spans ? low : high) = middle;
  }
  return high;
}

Result<std::vector<FoundTrace>> find_traces(store::Snapshot& snapshot, const TraceSearch& search,
                                            const store::QueryLimits& limits) {
  return Search(snapshot, search, limits).run();
}

}  // namespace meshflow::query
