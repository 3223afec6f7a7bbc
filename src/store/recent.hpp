// Spans that are visible and not yet in DuckDB's tables, as chunks that queries read in place. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/inspect.hpp"
#include "spool/keeping.hpp"
#include "store/engine.hpp"
#include "store/span_chunk.hpp"
#include "store/span_decoder.hpp"

namespace meshflow::store {

// How far each source of requests has come: the log, the spool of local runs.
struct SourcePositions {
  spool::Positions log;
  spool::Positions spool;
};

// What a snapshot saw of the recent spans: whole chunks and rows of the last one.
struct RecentView {
  struct Part {
    std::shared_ptr<const SpanChunk> chunk;
    std::size_t rows = 0;
  };
  std::vector<Part> parts;
  std::uint64_t rows = 0;
  std::uint64_t start_min = UINT64_MAX;
  std::uint64_t start_max = 0;
};

// One thread adds, one takes away, any number look.
class RecentSpans {
 public:
  // ---- the thread that adds ----
  // Decodes a request into it. `sink` is told of every operation.
  struct Told {
    virtual ~Told() = default;
    virtual void operation(std::string_view service, std::string_view name, std::int32_t kind) = 0;
  };
  void add(SpanDecoder& decoder, std::string_view request, const std::vector<otlp::SpanKey>& keys, Told& told);
  // All requests up to these positions have been added.
  void reached(const SourcePositions& positions);

  // ---- the thread that takes away ----
  // The oldest rows, at least `rows_min` of them or `bytes_min` of memory unless that is all: sealed, and complete up
  // to `positions`.
  struct Batch {
    std::vector<std::shared_ptr<SpanChunk>> chunks;
    std::uint64_t rows = 0;
    // Of the last request whose spans are all in this batch or were in one before; nothing where none was added since.
    std::optional<SourcePositions> positions;
  };
  [[nodiscard]] Batch take_out(std::uint64_t rows_min, std::uint64_t bytes_min);
  // The batch is in DuckDB: no longer here.
  void remove(const Batch& batch);

  // ---- any thread ----
  [[nodiscard]] RecentView view() const;
  struct Size {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;  // of memory
  };
  [[nodiscard]] Size size() const;
  // Which of the keys are here already.
  [[nodiscard]] std::vector<otlp::SpanKey> find(const std::vector<otlp::SpanKey>& keys) const;

 private:
  class Target;
  [[nodiscard]] std::shared_ptr<SpanChunk> open_chunk();
  void push(std::shared_ptr<SpanChunk> chunk);  // with `mutex_` held

  struct Held {
    std::shared_ptr<SpanChunk> chunk;
    std::optional<SourcePositions> positions;  // reached when this chunk was the last
  };
  mutable std::mutex mutex_;  // a chunk's mutex is taken before it, never after
  std::vector<Held> chunks_;
  Size last_;  // of the last chunk: the rows that may be looked at
  Size before_last_;  // of all others
};

// Registers the table function recent(id): the rows of a view that `find` gives for the id. `views` must outlive the
// engine's connections.
class RecentViews {
 public:
  [[nodiscard]] std::uint64_t add(std::shared_ptr<const RecentView> view);
  void remove(std::uint64_t id);
  [[nodiscard]] std::shared_ptr<const RecentView> find(std::uint64_t id) const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, std::shared_ptr<const RecentView>> views_;
};
[[nodiscard]] Result<void> register_recent(Connection& connection, RecentViews& views);

}  // namespace meshflow::store
