#include "query/trace_name.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/trace_row.hpp"
#include "query/trace_search.hpp"

namespace meshflow::query {
namespace {

using store::Value;

constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kShortTraceIdDigits = 16;
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr std::string_view kRunPrefix = "run_";
// Of the traces that fit a beginning: two are too many, the third is only counted.
constexpr std::size_t kFittingMax = 3;

// Where a piece's trace ids are read: its index, or its spans where it is in memory.
std::string ids_source(const store::Piece& piece) { return piece.traces.empty() ? piece.source : piece.traces; }

// The smallest ids of those that fit a condition, over all pieces; source(piece): where they are read.
template <typename Source>
Result<std::vector<otlp::TraceId>> smallest_ids(store::Snapshot& snapshot, Source source, std::string_view condition,
                                                const std::vector<Value>& parameters, std::size_t count,
                                                const store::QueryLimits& limits) {
  std::set<otlp::TraceId> found;
  for (const store::Piece& piece : snapshot.pieces()) {
    const std::string sql = fmt::format("SELECT DISTINCT trace_id FROM {} WHERE {} ORDER BY trace_id LIMIT {}",
                                        source(piece), condition, count);
    MESHFLOW_TRY(const store::Rows rows, snapshot.query(sql, parameters, limits));
    for (const auto& row : rows.rows) {
      if (const auto* const id = std::get_if<store::U128>(&row.front())) found.insert(trace_id_of(*id));
    }
  }
  std::vector<otlp::TraceId> ids(found.begin(), found.end());
  if (ids.size() > count) ids.resize(count);
  return ids;
}

Result<std::vector<otlp::TraceId>> ids_between(store::Snapshot& snapshot, const store::U128& from,
                                               const store::U128& to, std::size_t count,
                                               const store::QueryLimits& limits) {
  return smallest_ids(snapshot, ids_source, "trace_id BETWEEN ? AND ?", {from, to}, count, limits);
}

tl::unexpected<Error> none(std::string_view name) {
  return fail(ErrorCode::not_found, fmt::format("there is no trace {}", name), "meshflow traces lists the newest");
}

Result<otlp::TraceId> the_only_one(std::string_view name, const std::vector<otlp::TraceId>& ids) {
  if (ids.empty()) return none(name);
  if (ids.size() == 1) return ids.front();
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is the beginning of several: {}, {}{}", name, hex_of(ids[0]), hex_of(ids[1]),
                          ids.size() > 2 ? ", …" : ""),
              "give more of the id");
}

Result<otlp::TraceId> newest(store::Snapshot& snapshot, const store::QueryLimits& limits) {
  const TraceSearch search{.condition = Condition{AllOf{}}, .range = {}, .traces_max = 1};
  MESHFLOW_TRY(const auto found, find_traces(snapshot, search, limits));
  if (found.empty()) return fail(ErrorCode::not_found, "there are no traces");
  return found.front().trace_id;
}

Result<otlp::TraceId> by_run(store::Snapshot& snapshot, std::string_view name, const store::QueryLimits& limits) {
  const Attribute run{AttributeScope::span, std::string(kRunIdKey)};
  const Condition is_whole{CompareAttribute{run, Comparison::equal, std::string(name)}};
  const TraceSearch search{.condition = is_whole, .range = {}, .traces_max = 1};
  MESHFLOW_TRY(const auto whole, find_traces(snapshot, search, limits));
  if (!whole.empty()) return whole.front().trace_id;
  MESHFLOW_TRY(const auto found, traces_of_runs_beginning_with(snapshot, name, kFittingMax, limits));
  return the_only_one(name, found);
}

// The digits with enough of `fill` after them.
store::U128 padded(std::string_view digits, char fill) {
  std::string whole(digits);
  whole.resize(kTraceIdDigits, fill);
  return {std::stoull(whole.substr(0, kShortTraceIdDigits), nullptr, 16),
          std::stoull(whole.substr(kShortTraceIdDigits), nullptr, 16)};
}

Result<otlp::TraceId> by_digits(store::Snapshot& snapshot, std::string_view digits, const store::QueryLimits& limits) {
  MESHFLOW_TRY(auto ids, traces_beginning_with(snapshot, digits, kFittingMax, limits));
  if (ids.empty() && digits.size() == kShortTraceIdDigits) {  // as 64-bit ids are written
    const store::U128 id{0, std::stoull(std::string(digits), nullptr, 16)};
    MESHFLOW_TRY(ids, ids_between(snapshot, id, id, 1, limits));
  }
  return the_only_one(digits, ids);
}

}  // namespace

Result<otlp::TraceId> find_trace(store::Snapshot& snapshot, std::string_view name, const store::QueryLimits& limits) {
  if (name == "last") return newest(snapshot, limits);
  if (name.starts_with(kRunPrefix)) return by_run(snapshot, name, limits);
  if (!is_hex_id(name)) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} names no trace", name),
                "a trace id or its beginning, run_… or last");
  }
  return by_digits(snapshot, name, limits);
}

Result<std::vector<otlp::TraceId>> trace_ids_after(store::Snapshot& snapshot, const std::optional<otlp::TraceId>& after,
                                                   std::size_t count, const store::QueryLimits& limits) {
  store::U128 from;
  if (after) {
    from = number_of(*after);
    if (++from.low == 0 && ++from.high == 0) return std::vector<otlp::TraceId>{};
  }
  return ids_between(snapshot, from, {UINT64_MAX, UINT64_MAX}, count, limits);
}

Result<std::vector<otlp::TraceId>> traces_beginning_with(store::Snapshot& snapshot, std::string_view digits,
                                                         std::size_t count, const store::QueryLimits& limits) {
  return ids_between(snapshot, padded(digits, '0'), padded(digits, 'f'), count, limits);
}

Result<std::vector<otlp::TraceId>> traces_of_runs_beginning_with(store::Snapshot& snapshot, std::string_view prefix,
                                                                 std::size_t count, const store::QueryLimits& limits) {
  const auto spans = [](const store::Piece& piece) { return piece.source; };
  return smallest_ids(snapshot, spans, "starts_with(meshflow_run_id, ?)", {std::string(prefix)}, count, limits);
}

bool is_hex_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kTraceIdDigits && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

Result<std::vector<ResolvedId>> resolve_id(store::Snapshot& snapshot, std::string_view text,
                                           const store::QueryLimits& limits) {
  using Kind = ResolvedId::Kind;
  std::vector<ResolvedId> found;
  std::set<otlp::TraceId> traces;
  const auto add = [&](Kind kind, const std::vector<otlp::TraceId>& ids) {
    for (const otlp::TraceId& id : ids) {
      if (found.size() < kResolvedMax && traces.insert(id).second) found.push_back({kind, id, {}});
    }
  };
  if (text.starts_with(kRunPrefix)) {
    MESHFLOW_TRY(const auto ids, traces_of_runs_beginning_with(snapshot, text, kResolvedMax, limits));
    add(Kind::run, ids);
  }
  if (!is_hex_id(text)) return found;
  const std::string whole = std::string(kTraceIdDigits - text.size(), '0') + std::string(text);
  MESHFLOW_TRY(const auto exact, traces_beginning_with(snapshot, whole, 1, limits));
  add(Kind::trace, exact);
  if (text.size() >= kPrefixDigitsMin) {
    MESHFLOW_TRY(const auto ids, traces_beginning_with(snapshot, text, kResolvedMax, limits));
    add(Kind::trace, ids);
  }
  if (text.size() != kShortTraceIdDigits) return found;
  const std::uint64_t span_id = std::stoull(std::string(text), nullptr, 16);
  for (const store::Piece& piece : snapshot.pieces()) {
    const std::string sql = fmt::format("SELECT trace_id FROM {} WHERE span_id = {}::UBIGINT LIMIT {}", piece.source,
                                        span_id, kResolvedMax);
    MESHFLOW_TRY(const store::Rows rows, snapshot.query(sql, {}, limits));
    for (const auto& row : rows.rows) {
      const auto* const id = std::get_if<store::U128>(&row.front());
      if (id != nullptr && found.size() < kResolvedMax) {
        found.push_back({Kind::span, trace_id_of(*id), store::span_id_of(span_id)});
      }
    }
  }
  return found;
}

}  // namespace meshflow::query
