// An exporter that a test can make wait, hang, fail and be cancelled.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recorded.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::telemetry::test {

// What a GatedExporter did, and what it is told. Thread-safe; outlives the exporter.
class Gate {
 public:
  void open() { set(true); }
  void close() { set(false); }
  // Returns once `spans` have come out, or fails the test.
  void wait_for_exported(std::size_t spans) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return names_.size() >= spans; }));
  }
  // Returns once an export waits at the closed gate.
  void wait_for_arrival() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return is_waiting_; }));
  }
  [[nodiscard]] std::vector<std::string> names() const { return locked(names_); }
  [[nodiscard]] std::vector<std::size_t> batch_sizes() const { return locked(batch_sizes_); }
  [[nodiscard]] bool was_cancelled() const { return locked(was_cancelled_); }
  [[nodiscard]] bool is_destroyed() const { return locked(is_destroyed_); }

  // Set before anything is recorded.
  bool heeds_cancel = true;
  bool throws = false;

 private:
  friend class GatedExporter;
  template <typename T>
  T locked(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }
  void set(bool is_open) {
    const std::lock_guard lock(mutex_);
    is_open_ = is_open;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = true;
  bool is_waiting_ = false;
  bool was_cancelled_ = false;
  bool is_destroyed_ = false;
  std::vector<std::string> names_;  // of spans, in the order of export
  std::vector<std::size_t> batch_sizes_;
};

class GatedExporter final : public SpanExporter {
 public:
  GatedExporter(std::shared_ptr<Gate> gate, bool may_wait) : gate_(std::move(gate)), may_wait_(may_wait) {}
  ~GatedExporter() override {
    const std::lock_guard lock(gate_->mutex_);
    gate_->is_destroyed_ = true;
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "gated"; }
  [[nodiscard]] bool may_wait() const noexcept override { return may_wait_; }
  [[nodiscard]] ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    if (gate_->throws) throw std::runtime_error("thrown by the exporter");
    std::unique_lock lock(gate_->mutex_);
    gate_->is_waiting_ = !gate_->is_open_;
    gate_->changed_.notify_all();
    gate_->changed_.wait(lock, [&] { return gate_->is_open_ || (gate_->was_cancelled_ && gate_->heeds_cancel); });
    gate_->is_waiting_ = false;
    if (!gate_->is_open_) return {0, batch.span_count, "cancelled"};
    gate_->batch_sizes_.push_back(batch.span_count);
    for (const auto& at : batch.order) gate_->names_.push_back(decoded(batch.scopes[at.scope].spans[at.span]).name);
    gate_->changed_.notify_all();
    return {batch.span_count, 0, {}};
  }
  void cancel() noexcept override {
    const std::lock_guard lock(gate_->mutex_);
    gate_->was_cancelled_ = true;
    gate_->changed_.notify_all();
  }
  void after_fork_in_child() noexcept override {
    new (&gate_->mutex_) std::mutex;  // the parent's threads wait at the old ones
    new (&gate_->changed_) std::condition_variable;
  }

 private:
  const std::shared_ptr<Gate> gate_;
  const bool may_wait_;
};

// A provider with a gated exporter for each of `gates`, given as (gate, may_wait).
inline std::unique_ptr<TracerProvider> gated_provider(
    ProviderOptions options, const std::vector<std::pair<std::shared_ptr<Gate>, bool>>& gates) {
  std::vector<std::unique_ptr<SpanExporter>> exporters;
  for (const auto& [gate, may_wait] : gates) exporters.push_back(std::make_unique<GatedExporter>(gate, may_wait));
  return make_provider(std::move(options), std::move(exporters));
}

inline void record_spans(const Tracer& tracer, std::size_t count, const std::string& name = "s") {
  for (std::size_t i = 0; i < count; ++i) tracer.start_span(name).end();
}

}  // namespace meshflow::telemetry::test
