#include "query/traceql/source.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/trace_search.hpp"
#include "store/functions.hpp"

namespace meshflow::query::traceql {
namespace {

using store::Piece;
using store::TimeRange;

// Traces are read with one statement where so many spans lie between them at most.
constexpr double kClusterSpans = 400'000;
constexpr std::size_t kClusterTracesMax = 1'024;
// Of the newest spans, to see which condition is rare.
constexpr double kSampleSpans = 1 << 16;

TimeRange intersection(TimeRange a, TimeRange b) { return {std::max(a.from, b.from), std::min(a.to, b.to)}; }

// Conditions that must all hold, one by one.
void for_each_required(const Condition& condition, const std::function<void(const Condition&)>& visit) {
  if (const auto* const all = std::get_if<AllOf>(&condition.value)) {
    for (const Condition& each : all->of) for_each_required(each, visit);
  } else {
    visit(condition);
  }
}

// The run that a span must be of: as an attribute of its own, which the index knows, or of its resource, which it does
// not.
const std::string* run_of(const Condition& condition, const ResourceSet& resources) {
  const auto* const leaf = std::get_if<TestAttribute>(&condition.value);
  if (leaf == nullptr || leaf->attribute.key != kRunIdKey || leaf->test != store::RestTest::equal) return nullptr;
  if (leaf->attribute.scope == AttributeScope::nearest) {
    const auto has_key = resources.keys_where(kRunIdKey, [](const otlp::AnyValue&) { return true; });
    if (!has_key.empty()) return nullptr;
  } else if (leaf->attribute.scope != AttributeScope::span) {
    return nullptr;
  }
  return std::get_if<std::string>(&leaf->literal);
}

// What the store gave for a row: its numbers and its texts.
std::uint64_t bytes_of(const Row& row) {
  constexpr std::uint64_t kNumbers = 2 * 8 + 5 * 8;  // the trace's id, and the columns that every row has
  std::uint64_t bytes = kNumbers + row.name.size();
  for (const Cell& cell : row.cells) {
    const auto* const text = std::get_if<std::string>(&cell.value);
    bytes += text != nullptr ? text->size() : cell.is_nil() ? 0 : 8;
  }
  return bytes;
}

const store::U128* trace_of(const Condition& condition) {
  const auto* const leaf = std::get_if<CompareIntrinsic>(&condition.value);
  if (leaf == nullptr || leaf->intrinsic != query::Intrinsic::trace_id) return nullptr;
  return leaf->comparison == Comparison::equal ? std::get_if<store::U128>(&leaf->literal) : nullptr;
}

}  // namespace

Source::Source(store::Snapshot& snapshot, const store::QueryLimits& limits)
    : snapshot_(&snapshot), limits_(limits), deadline_(Clock::now() + limits.time_max) {}

Result<Source> Source::open(store::Snapshot& snapshot, TimeRange range, Fields fields,
                            const store::QueryLimits& limits) {
  Source source(snapshot, limits);
  source.fields_ = std::make_unique<const Fields>(with_parents(std::move(fields)));
  for (const Piece& piece : snapshot.pieces_in(range)) {
    if (piece.start_min <= piece.start_max) source.pieces_.push_back(piece);
  }
  bool has_memory = false;
  for (const Piece& piece : source.pieces_) {
    if (piece.traces.empty()) {
      has_memory = true;
      continue;
    }
    MESHFLOW_TRY(const std::uint64_t columns, snapshot.columns_in_rest(piece, limits));
    source.columns_in_rest_ |= columns;
  }
  MESHFLOW_TRY(auto resources, snapshot.resources(range));
  source.resources_ = std::make_unique<const ResourceSet>(std::move(resources));
  MESHFLOW_TRY(auto scopes, snapshot.scopes(range));
  source.scopes_ = std::make_unique<const ScopeSet>(std::move(scopes));
  source.reader_ = std::make_unique<RowReader>(*source.fields_, *source.resources_, *source.scopes_,
                                               has_memory ? UINT64_MAX : source.columns_in_rest_);
  return source;
}

Result<store::QueryLimits> Source::left() const {
  // A statement that is quick ends before DuckDB is told.
  if (limits_.cancelled != nullptr && limits_.cancelled->load()) {
    return fail(ErrorCode::cancelled, "the query was cancelled");
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
  if (left.count() <= 0) {
    return fail(ErrorCode::timeout,
                fmt::format("the query took longer than {} ms (limit time_max)", limits_.time_max.count()));
  }
  store::QueryLimits limits = limits_;
  limits.time_max = left;
  return limits;
}

Result<store::Rows> Source::ask(const Statement& statement) {
  MESHFLOW_TRY(const store::QueryLimits limits, left());
  return snapshot_->query(statement.sql, statement.parameters, limits);
}

Result<void> Source::ask(const Statement& statement, const store::TakeBatch& take) {
  MESHFLOW_TRY(const store::QueryLimits limits, left());
  return snapshot_->read(statement.sql, statement.parameters, limits, take);
}

TimeRange Source::extent() const {
  TimeRange extent{UINT64_MAX, 0};
  for (const Piece& piece : pieces_) {
    extent = {std::min(extent.from, piece.start_min), std::max(extent.to, piece.start_max)};
  }
  return extent;
}

Result<void> Source::know_memory() {
  for (const Piece& piece : pieces_) {
    if (!piece.traces.empty()) continue;
    const Statement statement{fmt::format("SELECT bit_or({}(rest)) FROM {}", store::kRestColumns, piece.source), {}};
    MESHFLOW_TRY(const store::Rows rows, ask(statement));
    if (const auto* const bits = std::get_if<std::uint64_t>(rows.rows.front().data())) columns_in_rest_ |= *bits;
  }
  knows_memory_ = true;
  return {};
}

Result<Source::Statement> Source::select(std::string_view list, TimeRange window, const Condition& condition,
                                         std::span<const store::Value> list_parameters) {
  Statement statement;
  for (const Piece& piece : pieces_) {
    if (piece.start_min > window.to || piece.start_max < window.from) continue;
    const bool is_unknown = piece.traces.empty() && !knows_memory_;
    MESHFLOW_TRY(const Sql where,
                 compile(condition, {*resources_, *scopes_, is_unknown ? UINT64_MAX : columns_in_rest_}));
    statement.parameters.insert(statement.parameters.end(), list_parameters.begin(), list_parameters.end());
    statement.sql +=
        fmt::format("{}SELECT {} FROM {} WHERE ", statement.sql.empty() ? "" : " UNION ALL ", list, piece.source);
    // A condition that is always true would have every row group's statistics looked at.
    if (window.from > piece.start_min || window.to < piece.start_max) {
      statement.sql += "start BETWEEN ? AND ? AND ";
      statement.parameters.emplace_back(window.from);
      statement.parameters.emplace_back(window.to);
    }
    statement.sql += where.text;
    statement.parameters.insert(statement.parameters.end(), where.parameters.begin(), where.parameters.end());
  }
  return statement;
}

Result<std::vector<Candidate>> Source::candidates(TimeRange window, const Condition& condition) {
  std::vector<Candidate> found;
  MESHFLOW_TRY(Statement statement, select("trace_id", window, condition));
  if (statement.sql.empty()) return found;
  statement.sql = fmt::format(
      "WITH fitting AS (SELECT DISTINCT trace_id FROM ({})) SELECT trace_id, min(first), max(last) FROM ({}) WHERE "
      "trace_id IN (SELECT trace_id FROM fitting) GROUP BY trace_id",
      statement.sql, trace_index_sql(*snapshot_));
  const auto take = [&](const store::Batch& batch) -> Result<bool> {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      found.push_back({batch.id(0, row), batch.at<std::uint64_t>(1, row), batch.at<std::uint64_t>(2, row)});
    }
    if (found.size() > limits_.rows_max) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("more than {} traces may fit (limit rows_max)", limits_.rows_max),
                  "ask for something rarer, or narrow the time range");
    }
    return true;
  };
  MESHFLOW_CHECK(ask(statement, take));
  return found;
}

Result<std::optional<std::vector<Candidate>>> Source::indexed(const Condition& condition) {
  const std::string* run = nullptr;
  const store::U128* trace = nullptr;
  for_each_required(condition, [&](const Condition& each) {
    if (run == nullptr) run = run_of(each, *resources_);
    if (trace == nullptr) trace = trace_of(each);
  });
  std::optional<std::vector<Candidate>> known;
  if (trace != nullptr) {
    known.emplace();
    MESHFLOW_TRY(const auto range, snapshot_->time_range_of(trace_id_of(*trace)));
    if (range) known->push_back({*trace, range->from, range->to});
  } else if (run != nullptr) {
    known.emplace();
    MESHFLOW_TRY(const auto traces, snapshot_->traces_of_run(*run));
    for (const auto& each : traces) known->push_back({number_of(each.trace_id), each.range.from, each.range.to});
  }
  return known;
}

Result<TimeRange> Source::hull(TimeRange range) {
  const TimeRange all = extent();
  if (pieces_.empty() || (range.from <= all.from && range.to >= all.to)) return range;
  Statement statement;
  const std::string index = trace_index_sql(*snapshot_);
  statement.sql = fmt::format(
      "SELECT min(first), max(last) FROM ({0}) WHERE trace_id IN (SELECT trace_id FROM ({0}) WHERE last >= ? AND first "
      "<= ?)",
      index);
  statement.parameters = {range.from, range.to};
  MESHFLOW_TRY(const store::Rows rows, ask(statement));
  const auto* const first = std::get_if<std::uint64_t>(rows.rows.front().data());
  const auto* const last = std::get_if<std::uint64_t>(&rows.rows.front()[1]);
  if (first == nullptr || last == nullptr) return range;
  return TimeRange{std::min(range.from, *first), std::max(range.to, *last)};
}

Result<std::vector<std::uint64_t>> Source::sample(TimeRange range, const std::vector<Pushdown>& conditions) {
  std::vector<std::uint64_t> counts(conditions.size());
  const TimeRange all = intersection(extent(), range);
  if (all.from > all.to) return counts;
  const TimeRange window{window_start(pieces_, all, kSampleSpans), all.to};
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    MESHFLOW_TRY(Statement statement, select("1", window, conditions[i].condition));
    if (statement.sql.empty()) continue;
    statement.sql = fmt::format("SELECT count(*)::UBIGINT FROM ({})", statement.sql);
    MESHFLOW_TRY(const store::Rows rows, ask(statement));
    if (const auto* const count = std::get_if<std::uint64_t>(rows.rows.front().data())) counts[i] = *count;
  }
  return counts;
}

Result<std::vector<Trace>> Source::read(const std::vector<Candidate>& candidates) {
  std::vector<Candidate> sorted = candidates;
  std::sort(sorted.begin(), sorted.end(), [](const Candidate& a, const Candidate& b) { return a.first < b.first; });
  const TimeRange all = extent();
  double spans = 1;
  for (const Piece& piece : pieces_) spans += static_cast<double>(piece.rows);
  const double nanos_of_span = (static_cast<double>(all.to - all.from) + 1) / spans;
  const auto gap_max = static_cast<std::uint64_t>(kClusterSpans * nanos_of_span);
  std::vector<Trace> traces;
  std::vector<Candidate> cluster;
  const auto finish = [&]() -> Result<void> {
    std::vector<Row> rows;
    MESHFLOW_CHECK(read_cluster(cluster, rows));
    cluster.clear();
    std::unordered_map<store::U128, std::vector<Row>, store::HashU128> by_trace;
    for (Row& row : rows) by_trace[row.trace_id].push_back(std::move(row));
    for (auto& [id, of_trace] : by_trace) traces.push_back(make_trace(std::move(of_trace), *fields_, *reader_));
    return {};
  };
  for (const Candidate& candidate : sorted) {
    const bool joins = !cluster.empty() && cluster.size() < kClusterTracesMax &&
                       candidate.last - std::min(candidate.last, cluster.front().first) <= gap_max;
    if (!joins && !cluster.empty()) MESHFLOW_CHECK(finish());
    cluster.push_back(candidate);
  }
  if (!cluster.empty()) MESHFLOW_CHECK(finish());
  return traces;
}

Result<void> Source::read_cluster(const std::vector<Candidate>& cluster, std::vector<Row>& rows) {
  TimeRange range{UINT64_MAX, 0};
  std::string marks;
  std::vector<store::Value> ids;
  for (const Candidate& each : cluster) {
    range = {std::min(range.from, each.first), std::max(range.to, each.last)};
    marks += marks.empty() ? "?" : ", ?";
    ids.emplace_back(each.trace_id);
  }
  Statement statement;
  for (const Piece& piece : snapshot_->pieces()) {
    if (piece.start_min > range.to || piece.start_max < range.from) continue;
    statement.sql +=
        fmt::format("{}SELECT {} FROM {} WHERE start BETWEEN ? AND ? AND trace_id IN ({})",
                    statement.sql.empty() ? "" : " UNION ALL ", reader_->select_list(), piece.source, marks);
    statement.parameters.emplace_back(range.from);
    statement.parameters.emplace_back(range.to);
    statement.parameters.insert(statement.parameters.end(), ids.begin(), ids.end());
  }
  if (statement.sql.empty()) return {};
  return ask(statement, [&](const store::Batch& batch) -> Result<bool> {
    if (rows.size() + batch.rows() > limits_.rows_max) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("traces have more than {} spans together (limit rows_max)", limits_.rows_max));
    }
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      MESHFLOW_TRY(Row read, reader_->read(batch, row));
      bytes_read_ += bytes_of(read);
      rows.push_back(std::move(read));
    }
    spans_read_ += batch.rows();
    return true;
  });
}

}  // namespace meshflow::query::traceql
