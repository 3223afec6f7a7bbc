// The database: its tables, and how recent spans get into them. Private to the room.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "meshflow/base/error.hpp"
#include "store/context_cache.hpp"
#include "store/engine.hpp"
#include "store/recent.hpp"
#include "store/span_filter.hpp"
#include "store/trace_store.hpp"

namespace meshflow::store {

// A part of the store that is dropped as a whole: the tables spans_N, traces_N, resources_N, scopes_N, operations_N.
struct PieceRecord {
  std::uint64_t id = 0;
  std::uint64_t created = 0;  // wall clock, nanoseconds
  std::uint64_t arrived = 0;  // when the newest of its spans came in
  std::uint64_t start_min = UINT64_MAX;
  std::uint64_t start_max = 0;
  std::uint64_t rows = 0;
  friend bool operator==(const PieceRecord&, const PieceRecord&) = default;
};

// Spans of a piece; then the next begins. Small enough that dropping one is not dropping much (some 300 MB), large
// enough that a query meets few.
inline constexpr std::uint64_t kPieceRowsMax = std::uint64_t{8} << 20;
// A piece that is older than this fraction of the retention time gets no more spans, so that age can drop it.
inline constexpr std::uint64_t kPiecesPerRetention = 8;

struct TablesOptions {
  std::string path = {};
  std::uint64_t memory_bytes_max = std::uint64_t{256} << 20;
  std::string temporary_directory = {};
  std::uint64_t piece_rows_max = kPieceRowsMax;
  std::uint64_t piece_nanos_max = UINT64_MAX;
  std::uint64_t piece_bytes_max = UINT64_MAX;  // on average: what limits the disk must have something to drop
};

// `append`, `drop` and `checkpoint` from one thread; the rest from any.
class Tables {
 public:
  // `clock` and `views` must outlive it; the table function recent() reads the latter.
  [[nodiscard]] static Result<std::unique_ptr<Tables>> open(TablesOptions options, const Clock& clock,
                                                            RecentViews& views);

  // One transaction: the rows, what they refer to, their traces, and the positions. `published` is called in the moment
  // in which they become visible, while nobody can take a snapshot.
  using Published = std::function<void(const RecentSpans::Batch&)>;
  [[nodiscard]] Result<void> append(const RecentSpans::Batch& batch, const Published& published);
  // Drops the oldest piece. `published` as above.
  [[nodiscard]] Result<PieceRecord> drop_oldest();
  // Writes DuckDB's own log into its file. Fails (unavailable) where the disk may not have the room for it.
  [[nodiscard]] Result<void> checkpoint();

  // DuckDB gives a database up when it cannot write what it must (a disk that is full in the middle of a checkpoint):
  // from then on nothing works, reading neither, until it is opened anew.
  [[nodiscard]] bool is_broken() const noexcept { return is_broken_.load(std::memory_order_relaxed); }
  // Opens it anew; fails while queries are under way, or where it cannot be. From the thread that appends.
  [[nodiscard]] Result<void> recover();

  // Of DuckDB's file, without the room that dropped pieces have left in it, and of its log.
  [[nodiscard]] Result<std::uint64_t> used_bytes();

  [[nodiscard]] SourcePositions positions() const;
  [[nodiscard]] std::vector<PieceRecord> pieces() const;
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

  // Of the keys, those that the tables have. Zeroed entries are passed over.
  [[nodiscard]] Result<std::vector<otlp::SpanKey>> find(const std::vector<otlp::SpanKey>& keys);
  // Distinct service, name, kind of all spans, at most `rows_max`.
  [[nodiscard]] Result<std::vector<Operation>> operations(std::size_t rows_max);

  // A connection in a transaction that sees the tables as they are now, and what `look` reads meanwhile: nothing is
  // published between the two.
  struct View {
    std::unique_ptr<Connection> connection;
    std::vector<PieceRecord> pieces;
  };
  [[nodiscard]] Result<View> view(const std::function<void()>& look);
  // Ends its transaction; it is used again.
  void give_back(std::unique_ptr<Connection> connection);

  // What is known of the keys in `rest` of a piece's first `rows` rows: columns_in_rest (rest.hpp) of them together.
  struct RestKeys {
    std::uint64_t rows = 0;
    std::uint64_t columns = 0;
  };
  [[nodiscard]] RestKeys rest_keys(std::uint64_t piece) const;
  void keep_rest_keys(std::uint64_t piece, const RestKeys& keys);

  [[nodiscard]] Engine& engine() noexcept { return *engine_; }
  [[nodiscard]] ContextCache& contexts() noexcept { return contexts_; }

 private:
  Tables(TablesOptions options, const Clock& clock, RecentViews& views)
      : options_(std::move(options)), clock_(clock), views_(views) {}
  [[nodiscard]] Result<void> open_engine();
  // The result, after a look whether the database was given up.
  template <typename T>
  [[nodiscard]] Result<T> noted(Result<T> result);
  [[nodiscard]] Result<void> commit(const RecentSpans::Batch& batch, const PieceRecord& piece, bool is_new,
                                    const Published& published);
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<void> migrate_from_1();
  [[nodiscard]] Result<void> read_state();
  [[nodiscard]] Result<void> fill_filters();
  [[nodiscard]] Result<std::unique_ptr<SpanFilter>> filter_of(const PieceRecord& piece);
  // Whether the spans go into a piece of their own.
  [[nodiscard]] Result<bool> begins_piece(std::uint64_t rows, std::uint64_t now);
  [[nodiscard]] Result<void> write_spans(const RecentSpans::Batch& batch, std::uint64_t piece);
  [[nodiscard]] Result<void> write(const RecentSpans::Batch& batch, PieceRecord& piece, bool is_new);
  [[nodiscard]] Result<void> write_traces(const RecentSpans::Batch& batch, std::uint64_t piece);
  [[nodiscard]] Result<void> write_dictionaries(const RecentSpans::Batch& batch, std::uint64_t piece);
  [[nodiscard]] Result<void> write_operations(const RecentSpans::Batch& batch, std::uint64_t piece);
  void forget_known();
  [[nodiscard]] Result<void> write_positions(const SourcePositions& positions);

  const TablesOptions options_;
  const Clock& clock_;
  RecentViews& views_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Connection> writer_;
  std::uint64_t seed_ = 0;

  // What snapshots see: changed only in the moment of a commit.
  mutable std::shared_mutex published_mutex_;
  std::vector<PieceRecord> pieces_;
  SourcePositions positions_;

  // The filter of each piece, in the order of pieces_.
  mutable std::shared_mutex filters_mutex_;
  std::vector<std::unique_ptr<SpanFilter>> filters_;

  mutable std::mutex rest_keys_mutex_;
  std::unordered_map<std::uint64_t, RestKeys> rest_keys_;  // by piece

  // Keys that resources_N and scopes_N of the newest piece have; bounded, an entry that is written twice is harmless.
  std::unordered_set<std::uint64_t> known_;
  std::unordered_set<std::uint64_t> known_operations_;

  ContextCache contexts_;

  std::mutex idle_mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int views_out_ = 0;

  std::atomic<bool> is_broken_{false};
  // A commit of which nobody knows whether it came to pass: the database, opened anew, tells.
  struct Pending {
    PieceRecord piece;
    RecentSpans::Batch batch;
    Published published;
  };
  std::optional<Pending> pending_;
};

}  // namespace meshflow::store
