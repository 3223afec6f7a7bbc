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
  // Of those of the traces that are here.
  [[nodiscard]] Result<std::map<U128, std::optional<TimeRange>>> time_ranges_of(std::vector<U128> traces);
  [[nodiscard]] Result<std::vector<Candidate>> traces_of_run(std::string_view run_id);
  [[nodiscard]] Result<std::vector<StoredTrace>> traces(std::span<const otlp::TraceId> trace_ids,
                                                        const QueryLimits& limits);
  [[nodiscard]] Result<void> read(std::string_view sql, std::span<const Value> parameters, const QueryLimits& limits,
                                  const TakeBatch& take);
  [[nodiscard]] Result<std::vector<StoredResource>> resources(TimeRange range);
  [[nodiscard]] Result<std::vector<StoredScope>> scopes(TimeRange range);
  [[nodiscard]] Result<std::uint64_t> columns_in_rest(const Piece& piece, const QueryLimits& limits);

 private:
  [[nodiscard]] Result<void> read_dictionary(const char* table, std::unordered_set<std::uint64_t> keys,
                                             std::unordered_map<std::uint64_t, std::string>& messages);
  // All messages of "resources" or "scopes" in pieces that overlap the range, by key.
  [[nodiscard]] Result<std::map<std::uint64_t, std::string>> dictionary(const char* table, TimeRange range);

  Tables& tables_;
  RecentViews& views_;
  std::unique_ptr<Connection> connection_;
  std::shared_ptr<const RecentView> recent_;
  std::uint64_t view_id_ = 0;  // 0: nothing is recent
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> ids_;  // of the pieces that are tables, in the same order
};

}  // namespace meshflow::store
