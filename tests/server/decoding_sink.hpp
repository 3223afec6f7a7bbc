// A SpanSink as a store is one: decodes what it gets, and keeps it in memory.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "otlp/decode.hpp"
#include "server/span_sink.hpp"

namespace meshflow::server {

// Thread-safe. Does each request at once on the caller's thread, unless told to hold them.
class DecodingSink final : public SpanSink {
 public:
  void ingest(std::string otlp_protobuf, Done done) override {
    {
      const std::lock_guard lock(mutex_);
      if (is_holding_) {
        held_.emplace_back(std::move(otlp_protobuf), std::move(done));
        changed_.notify_all();
        return;
      }
    }
    finish(std::move(otlp_protobuf), done);
  }

  void hold() {
    const std::lock_guard lock(mutex_);
    is_holding_ = true;
  }
  // Waits for a held request and does it, from the thread of whoever calls.
  void do_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_.empty(); });
    auto [bytes, done] = std::move(held_.front());
    held_.pop_front();
    lock.unlock();
    finish(std::move(bytes), done);
  }
  void wait_until_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= count; });
  }

  // Every later request is refused so.
  void fail_with(ErrorCode code, std::string message) {
    const std::lock_guard lock(mutex_);
    failure_ = Error{code, std::move(message)};
  }

  void begun(std::vector<telemetry::SpanStart> starts) override {
    const std::lock_guard lock(mutex_);
    for (auto& start : starts) starts_.push_back(std::move(start));
  }
  std::vector<telemetry::SpanStart> starts() {
    const std::lock_guard lock(mutex_);
    return starts_;
  }

  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<otlp::Span> spans() {
    const std::lock_guard lock(mutex_);
    return spans_;
  }

 private:
  void finish(std::string bytes, const Done& done) {
    Result<Accepted> result = keep(std::move(bytes));
    done(std::move(result));
  }
  Result<Accepted> keep(std::string bytes) {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected<Error>(*failure_);
    auto decoded = otlp::decode_traces(bytes);
    if (!decoded) return tl::unexpected<Error>(decoded.error());
    requests_.push_back(std::move(bytes));
    for (auto& resource : decoded->value.resource_spans) {
      for (auto& scope : resource.scope_spans) {
        for (auto& span : scope.spans) spans_.push_back(std::move(span));
      }
    }
    return Accepted{decoded->stats.rejected_spans, decoded->stats.rejection};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_holding_ = false;
  std::deque<std::pair<std::string, Done>> held_;
  std::optional<Error> failure_;
  std::vector<std::string> requests_;
  std::vector<otlp::Span> spans_;
  std::vector<telemetry::SpanStart> starts_;
};

}  // namespace meshflow::server
