#include "server/store_sink.hpp"

#include <utility>

namespace meshflow::server {

void StoreSink::ingest(std::string otlp_protobuf, Done done) {
  store::TraceStore* const store = store_.load(std::memory_order_acquire);
  if (store == nullptr) {
    return done(fail(ErrorCode::unavailable, "the server is starting: the store is being opened", "try again later"));
  }
  store->ingest(std::move(otlp_protobuf), [done = std::move(done)](Result<store::TraceStore::Received> received) {
    if (!received) return done(tl::unexpected(std::move(received).error()));
    done(Accepted{.rejected_spans = received->rejected_spans, .rejection = std::move(received->rejection)});
  });
}

}  // namespace meshflow::server
