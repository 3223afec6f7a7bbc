// Keeps what was exported, for tests and for programs that want to see their own spans.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

// Where a MemoryExporter puts batches; shared with whoever reads them. Thread-safe.
class MemoryStore {
 public:
  // Keeps at most `bytes_max`; a batch that passes it is refused.
  explicit MemoryStore(std::size_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  // Everything so far: one ExportTraceServiceRequest (TracesData) a batch, in the order of export. Flush the provider
  // first to see all that ended.
  [[nodiscard]] std::vector<std::string> requests() const;
  // The same spans as encoded Span messages in the order in which they ended.
  [[nodiscard]] std::vector<std::string> spans() const;
  // What requests() returns, and forgets it (the spans too).
  [[nodiscard]] std::vector<std::string> take_requests();
  [[nodiscard]] std::size_t span_count() const;

  static constexpr std::size_t kBytesMax = std::size_t{256} << 20;

 private:
  friend class MemoryExporter;
  [[nodiscard]] bool add(const SpanBatch& batch);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::string> spans_;
  std::size_t bytes_ = 0;
};

class MemoryExporter final : public SpanExporter {
 public:
  explicit MemoryExporter(std::shared_ptr<MemoryStore> store) : store_(std::move(store)) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "memory"; }
  [[nodiscard]] bool may_wait() const noexcept override { return false; }
  [[nodiscard]] ExportOutcome export_batch(const SpanBatch& batch,
                                           std::chrono::steady_clock::time_point deadline) override;

 private:
  const std::shared_ptr<MemoryStore> store_;  // shared with the reader, who may outlive the provider
};

}  // namespace meshflow::telemetry
