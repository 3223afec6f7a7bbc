#include "telemetry/memory_exporter.hpp"

#include <utility>

namespace meshflow::telemetry {

std::vector<std::string> MemoryStore::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<std::string> MemoryStore::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

std::vector<std::string> MemoryStore::take_requests() {
  const std::lock_guard lock(mutex_);
  spans_.clear();
  bytes_ = 0;
  return std::exchange(requests_, {});
}

std::size_t MemoryStore::span_count() const {
  const std::lock_guard lock(mutex_);
  return spans_.size();
}

bool MemoryStore::add(const SpanBatch& batch) {
  std::string request = encode_request(batch);
  const std::size_t size = request.size() + batch.span_bytes;
  const std::lock_guard lock(mutex_);
  if (size > bytes_max_ - bytes_) return false;
  bytes_ += size;
  requests_.push_back(std::move(request));
  for (const SpanBatch::SpanReference& at : batch.order) spans_.emplace_back(batch.scopes[at.scope].spans[at.span]);
  return true;
}

ExportOutcome MemoryExporter::export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) {
  if (store_->add(batch)) return {batch.span_count, 0, {}};
  return {0, batch.span_count, "the in-memory exporter has reached its limit of bytes"};
}

}  // namespace meshflow::telemetry
