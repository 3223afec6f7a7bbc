// The receivers' way into the store, which may not be open yet.
#pragma once

#include <atomic>

#include "server/span_sink.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

// Thread-safe. Until open() was called requests are refused as `unavailable`: their clients come again.
class StoreSink final : public SpanSink {
 public:
  // `store` must outlive the last request.
  void open(store::TraceStore& store) noexcept { store_.store(&store, std::memory_order_release); }
  void ingest(std::string otlp_protobuf, Done done) override;

 private:
  std::atomic<store::TraceStore*> store_{nullptr};
};

}  // namespace meshflow::server
