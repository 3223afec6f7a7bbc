// What stands behind a Snapshot. Private to the room.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "store/context_cache.hpp"
#include "store/recent.hpp"
#include "store/snapshot.hpp"
#include "store/tables.hpp"

namespace meshflow::store {

// `tables` and `views` must outlive it.
class Snapshot::Implementation {
 public:
  Implementation(Tables& tables, RecentViews& views, Tables::View view, std::shared_ptr<const RecentView> recent);
  ~Implementation();
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  [[nodiscard]] std::span<const Piece> pieces() const noexcept { return pieces_; }
  [[nodiscard]] Result<Rows> query(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits);
  [[nodiscard]] Result<TextRows> select(std::string_view sql, const QueryLimits& limits) {
    return connection_->select(sql, limits);
  }
  [[nodiscard]] Result<std::optional<TimeRange>> time_range_of(const U128& trace);
  [[nodiscard]] Result<std::vector<Candidate>> traces_of_run(std::string_view run_id);
  // `only`: a condition in SQL that their spans must fit; empty: none.
  [[nodiscard]] Result<std::vector<StoredTrace>> traces(std::span<const otlp::TraceId> trace_ids, std::string_view only,
                                                        const QueryLimits& limits);
  [[nodiscard]] Result<void> read_spans(std::span<const otlp::TraceId> trace_ids, std::string_view columns,
                                        const QueryLimits& limits, const TakeBatch& take);
  [[nodiscard]] Result<void> read(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits,
                                  const TakeBatch& take);
  [[nodiscard]] Result<std::vector<StoredResource>> resources(TimeRange range);
  [[nodiscard]] Result<std::vector<StoredScope>> scopes(TimeRange range);
  [[nodiscard]] Result<std::uint64_t> columns_in_rest(const Piece& piece, const QueryLimits& limits);

 private:
  // Within these start times some of a trace's spans lie in a piece.
  struct Place {
    std::size_t piece = 0;  // index into pieces_
    TimeRange range;
  };
  // Makes places_ know the traces.
  [[nodiscard]] Result<void> find_places(std::vector<U128> traces);
  [[nodiscard]] Result<void> find_places_in_tables(const std::vector<U128>& sorted);
  void find_places_in_memory(const std::vector<U128>& sorted);
  // Of spans: what a SELECT names, and what more it asks for.
  struct Wanted {
    std::string_view columns;
    std::string_view only = {};
  };
  // One SELECT for each piece and time in which the traces lie.
  [[nodiscard]] std::vector<std::string> selects_of(const std::vector<U128>& traces, const Wanted& wanted) const;
  // Finds the traces, each once, and gives their spans chunk by chunk.
  [[nodiscard]] Result<void> for_each_chunk_of(std::vector<U128> traces, const Wanted& wanted,
                                               const QueryLimits& limits, const Connection::Take& take);

  // The messages of the keys, from all pieces; those that are nowhere are left out.
  using Messages = std::unordered_map<std::uint64_t, std::string>;
  [[nodiscard]] Result<Messages> read_dictionary(const char* table, std::unordered_set<std::uint64_t> keys);
  template <typename T>
  using Contexts = std::unordered_map<std::uint64_t, std::shared_ptr<const T>>;
  [[nodiscard]] Result<Contexts<otlp::ResourceSpans>> resources_of(const std::unordered_set<std::uint64_t>& keys);
  [[nodiscard]] Result<Contexts<otlp::ScopeSpans>> scopes_of(const std::unordered_set<std::uint64_t>& keys);
  [[nodiscard]] Result<ContextCache::Resources> resources_of_piece(std::size_t piece);
  // All messages of "scopes" (or "resources") in pieces that overlap the range, by key.
  [[nodiscard]] Result<std::map<std::uint64_t, std::string>> dictionary(const char* table, TimeRange range);

  Tables& tables_;
  RecentViews& views_;
  std::unique_ptr<Connection> connection_;
  std::shared_ptr<const RecentView> recent_;
  std::uint64_t view_id_ = 0;  // 0: nothing is recent
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> ids_;  // of the pieces that are tables, in the same order
  std::vector<std::uint64_t> created_;  // likewise: names a piece for good, while an id is used again in an empty store
  std::map<U128, std::vector<Place>> places_;  // of traces that were looked up; without any: the trace is not here
};

}  // namespace meshflow::store
