// The receivers' way into the store, which may not be open yet.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "server/span_sink.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

// Thread-safe. Until open() was called requests are refused as `unavailable`: their clients come again.
class StoreSink final : public SpanSink {
 public:
  using TellBegun = std::function<void(std::vector<telemetry::SpanStart>)>;
  explicit StoreSink(TellBegun tell_begun) : tell_begun_(std::move(tell_begun)) {}

  // `store` must outlive the last request.
  void open(store::TraceStore& store) noexcept { store_.store(&store, std::memory_order_release); }
  void ingest(std::string otlp_protobuf, Done done) override;
  void begun(std::vector<telemetry::SpanStart> starts) override { tell_begun_(std::move(starts)); }

 private:
  const TellBegun tell_begun_;
  std::atomic<store::TraceStore*> store_{nullptr};
};

}  // namespace meshflow::server
