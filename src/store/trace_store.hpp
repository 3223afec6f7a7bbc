// The trace store: takes OTLP requests, keeps them through kill -9, and answers SQL over their spans.
//
//   request ─► log (one sync for all that wait) ─► acknowledged ─► decoded into column chunks: visible ─► DuckDB
//
// What was acknowledged is in the log before it is anywhere else, and leaves the log only once DuckDB has committed it
// together with the position up to which it did (docs/store-format.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "otlp/inspect.hpp"
#include "store/snapshot.hpp"

namespace meshflow::store {

enum class Durability {
  sync,   // acknowledged when the log is on the device: survives power cuts
  async,  // acknowledged when the kernel has it: survives kill -9
};

struct StoreOptions {
  std::string directory = {};        // created with mode 0700 where it does not exist
  std::string spool_directory = {};  // of local runs, followed live; empty: none
  Durability durability = Durability::sync;
  std::uint64_t memory_bytes_max = std::uint64_t{512} << 20;  // what queues, chunks, index and DuckDB may take together
  std::chrono::seconds retention{0};  // spans that arrived longer ago go; 0: they stay
  std::uint64_t disk_bytes_max = 0;  // past it the oldest go; 0: no limit
  // Requests are refused while less is free on the disk: DuckDB needs room to finish what it has.
  std::uint64_t disk_reserve_bytes = std::uint64_t{64} << 20;
  // Told of spans once they are visible, those that are read back at open() among them; the span of one that was left
  // out is 0. By the thread that takes spans in: it must return soon.
  std::function<void(std::span<const otlp::SpanKey>)> visible = {};
  // Told what local runs say of spans that have begun: payloads of spool::FrameType::starts. While it is set they are
  // asked for that (spool/watch.hpp). By the thread that follows the spool.
  std::function<void(std::string_view)> begun = {};
  const Clock* clock = nullptr;  // null: the operating system's
  FileSystem* files = nullptr;  // for the log and the spool; null: the operating system's
};

// Counted since the store was opened, or as they are now.
struct StoreStats {
  std::uint64_t received_requests = 0;
  std::uint64_t received_spans = 0;  // acknowledged, duplicates included
  std::uint64_t received_bytes = 0;
  std::uint64_t rejected_spans = 0;  // for their ids
  std::uint64_t refused_requests = 0;  // for bad bytes, limits, overload or the disk
  std::uint64_t duplicate_spans = 0;
  std::uint64_t replaced_utf8 = 0;
  std::uint64_t spool_requests = 0;  // of received_requests, from the spool of local runs
  std::uint64_t spool_damage_bytes = 0;  // stepped over in the spool
  std::uint64_t log_syncs = 0;
  std::uint64_t log_bytes = 0;  // on disk
  std::uint64_t queued_bytes = 0;  // acknowledged and not yet visible
  std::uint64_t recent_spans = 0;  // visible and not yet in DuckDB
  std::uint64_t recent_bytes = 0;  // of memory, that these take
  std::uint64_t stored_spans = 0;  // in DuckDB
  std::uint64_t store_bytes = 0;  // of DuckDB's file and its log
  std::uint64_t dropped_spans = 0;  // by retention
  std::uint64_t operations = 0;  // distinct service, operation, kind
  std::uint64_t operations_dropped = 0;  // not listed, past the limit of how many are
  std::string trouble = {};  // a sentence while writing fails: "no space left on …"
};

// A service's operation, as Jaeger lists them.
struct Operation {
  std::string service;
  std::string name;
  std::int32_t kind = 0;  // SpanKind
  friend auto operator<=>(const Operation&, const Operation&) = default;
};

// Every method may be called by any thread.
class TraceStore {
 public:
  // Opens or creates; reads back what the log has and DuckDB has not, so that all that was ever acknowledged is visible
  // when it returns. Errors: another process has it (conflict, with its pid), a newer format (unsupported), files.
  [[nodiscard]] static Result<std::unique_ptr<TraceStore>> open(StoreOptions options);
  // close().
  ~TraceStore();
  TraceStore(const TraceStore&) = delete;
  TraceStore& operator=(const TraceStore&) = delete;

  struct Received {
    std::uint64_t spans = 0;  // kept
    std::uint64_t rejected_spans = 0;  // left out for their ids
    std::string rejection = {};  // why the first of them was
  };
  using Done = std::function<void(Result<Received>)>;
  // Takes an ExportTraceServiceRequest in protobuf. `done` is called once, on a thread of the store's or the caller's:
  // durable, or refused (invalid_input: no such message; limit_exceeded: otlp::DecodeLimits; unavailable: the queue is
  // full or the disk is, try later).
  void ingest(std::string request, Done done);

  [[nodiscard]] Result<Snapshot> snapshot();
  // Where statements may write files (COPY … TO); beside the store's own files they reach no others.
  [[nodiscard]] std::string temporary_directory() const;
  // StoreOptions::retention.
  [[nodiscard]] std::chrono::seconds retention() const noexcept;

  // Of all spans that are here, sorted; those without a service's name are listed under the empty one. Bounded;
  // StoreStats counts what is not listed.
  [[nodiscard]] std::vector<std::string> services() const;
  [[nodiscard]] std::vector<Operation> operations(std::string_view service) const;

  [[nodiscard]] StoreStats stats() const;

  // Returns once all that was acknowledged before the call is visible (true), or at the limit.
  bool wait_until_visible(std::chrono::milliseconds limit);
  // Moves what is in memory to DuckDB now. For tests, benchmarks and before the files are copied.
  [[nodiscard]] Result<void> flush();
  // Drops what retention asks for; also done by itself every few seconds.
  [[nodiscard]] Result<void> apply_retention();
  // Refuses new requests, finishes those it has, moves all to DuckDB. Idempotent.
  [[nodiscard]] Result<void> close();

  class Implementation;

 private:
  explicit TraceStore(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace meshflow::store
