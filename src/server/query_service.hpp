// What the query APIs have in common: where spans are, how long a query may take, and what is said of one that failed.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "meshflow/base/error.hpp"
#include "net/http_router.hpp"
#include "net/worker_pool.hpp"
#include "otlp/model.hpp"
#include "server/client_watch.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

struct QueryServiceOptions {
  store::QueryLimits limits = {};
  const Clock* clock = nullptr;  // null: the operating system's
  // Told how long each query took, by the API's and the query's name ("jaeger", "search"). Called by any thread.
  std::function<void(std::string_view api, std::string_view query, std::chrono::nanoseconds took)> observe = {};
};

// Thread-safe. The store and the clock must outlive it; the servers whose routes use it, and then the workers, must be
// gone before it: a query may still be running when its answer has been sent.
class QueryService {
 public:
  QueryService(store::TraceStore& store, net::WorkerPool& workers, QueryServiceOptions options = {});

  // Routes GET `pattern` to `handler`, which runs on a worker and is timed under `query`.
  void add(net::HttpRouter& router, std::string_view api, std::string_view pattern, std::string_view query,
           net::HttpHandler handler) const;
  void add(net::HttpRouter& router, std::string_view api, std::string_view method, std::string_view pattern,
           std::string_view query, net::HttpHandler handler) const;

  // Runs `work` on a worker, timed likewise. False, without running it, where too much waits already.
  [[nodiscard]] bool try_post(std::string_view api, std::string_view query, std::function<void()> work) const;

  [[nodiscard]] store::TraceStore& store() const noexcept { return store_; }
  [[nodiscard]] const store::QueryLimits& limits() const noexcept { return options_.limits; }
  [[nodiscard]] std::int64_t now() const noexcept { return clock_.wall_nanos(); }
  // Ends a query whose client has gone: ClientWatch::Guard guard(service.clients(), …).
  [[nodiscard]] ClientWatch& clients() const noexcept { return clients_; }

  // One trace, whole; not_found where there is none.
  [[nodiscard]] Result<store::StoredTrace> trace(const otlp::TraceId& trace_id) const;

 private:
  store::TraceStore& store_;
  net::WorkerPool& workers_;
  QueryServiceOptions options_;
  const Clock& clock_;
  mutable ClientWatch clients_;
};

// The status that a failed query is answered with.
[[nodiscard]] int http_status_of(const Error& error);

}  // namespace meshflow::server
