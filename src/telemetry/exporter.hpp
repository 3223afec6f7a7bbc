// The seam between the processor and where spans go.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::telemetry {

// Ended spans as OTLP bytes; immutable and shared by every exporter that gets them.
// Invariant: spans_of_scope are in order of their end, and no entry is empty.
struct SpanBatch {
  // One Span message each, without tag and length; views into memory that the batch owns.
  struct ScopeSpans {
    std::string_view scope;       // an encoded InstrumentationScope message; may be empty
    std::string_view schema_url;  // of the scope
    std::vector<std::string_view> spans;
  };
  std::string_view resource;      // an encoded Resource message; lives as long as the provider
  std::string_view resource_schema_url;
  std::vector<ScopeSpans> scopes;
  // All spans once more in the order of their end, across scopes.
  struct SpanReference {
    std::uint32_t scope = 0;  // index into scopes
    std::uint32_t span = 0;   // index into its spans
    // Context::local_root_start_unix_nanos of the span, so that a reader of ended spans (children before parents) can
    // give offsets from the root's start before the root ends; 0 where it is not known.
    std::int64_t local_root_start_unix_nanos = 0;
  };
  std::vector<SpanReference> order;
  std::size_t span_count = 0;
  std::size_t span_bytes = 0;
};

// The batch as one ExportTraceServiceRequest (the same bytes as TracesData), one ResourceSpans; empty without spans.
[[nodiscard]] std::string encode_request(const SpanBatch& batch);

// Spans that have begun and not ended: Span messages without what is known only at their end.
struct StartBatch {
  std::string_view resource;  // as a SpanBatch has it
  std::string_view resource_schema_url;
  std::vector<std::string> spans;
};

// What became of a batch. Spans that are neither exported nor dropped do not exist: exported + dropped = span_count.
struct ExportOutcome {
  std::uint64_t exported = 0;
  std::uint64_t dropped = 0;
  std::string error;  // a sentence when anything was dropped
};

// Sends or writes batches. `export_batch` and `flush` are called by one thread at a time; `shutdown` once, last.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  // True for exporters that may wait for a peer: they get a thread and a bounded queue of their own, so that they hold
  // up nobody else. The others (console, file, spool, memory) run on the processor's thread.
  [[nodiscard]] virtual bool may_wait() const noexcept = 0;
  // Must return by `deadline`; retries are the exporter's own.
  [[nodiscard]] virtual ExportOutcome export_batch(const SpanBatch& batch,
                                                   std::chrono::steady_clock::time_point deadline) = 0;
  virtual void flush(std::chrono::steady_clock::time_point deadline) { (void)deadline; }
  // For live views: whether is_watched() may ever be true; whether somebody looks now (a few system calls); and, while
  // somebody does, which spans have begun. All by the thread that calls export_batch, and export_starts before it.
  [[nodiscard]] virtual bool may_be_watched() const noexcept { return false; }
  [[nodiscard]] virtual bool is_watched() { return false; }
  virtual void export_starts(const StartBatch& batch) { (void)batch; }
  // Makes a running export_batch return soon (from another thread), once `shutdown` time is short.
  virtual void cancel() noexcept {}
  // Called in a forked child before anything else there. Whatever another thread of the parent was doing in this object
  // was cut off in the middle: connections belong to the parent, mutexes may be locked for ever.
  virtual void after_fork_in_child() noexcept {}
};

}  // namespace meshflow::telemetry
