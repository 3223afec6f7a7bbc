#include "server/query_service.hpp"

#include <string>
#include <utility>

#include "base/try.hpp"

namespace meshflow::server {

QueryService::QueryService(store::TraceStore& store, net::WorkerPool& workers, QueryServiceOptions options)
    : store_(store),
      workers_(workers),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? *options_.clock : system_clock()) {}

void QueryService::add(net::HttpRouter& router, std::string_view api, std::string_view pattern, std::string_view query,
                       net::HttpHandler handler) const {
  add(router, api, "GET", pattern, query, std::move(handler));
}

void QueryService::add(net::HttpRouter& router, std::string_view api, std::string_view method, std::string_view pattern,
                       std::string_view query, net::HttpHandler handler) const {
  net::HttpHandler timed = [observe = options_.observe, api = std::string(api), query = std::string(query),
                            handler = std::move(handler)](net::HttpServerRequest request,
                                                          const net::HttpResponder& responder) {
    const auto begin = std::chrono::steady_clock::now();
    handler(std::move(request), responder);
    if (observe) observe(api, query, std::chrono::steady_clock::now() - begin);
  };
  router.add(method, pattern, net::on_workers(workers_, std::move(timed)));
}

bool QueryService::try_post(std::string_view api, std::string_view query, std::function<void()> work) const {
  return workers_.try_post(
      [observe = options_.observe, api = std::string(api), query = std::string(query), work = std::move(work)] {
        const auto begin = std::chrono::steady_clock::now();
        work();
        if (observe) observe(api, query, std::chrono::steady_clock::now() - begin);
      });
}

Result<store::StoredTrace> QueryService::trace(const otlp::TraceId& trace_id) const {
  MESHFLOW_TRY(store::Snapshot snapshot, store_.snapshot());
  const std::vector<otlp::TraceId> ids{trace_id};
  MESHFLOW_TRY(std::vector<store::StoredTrace> traces, snapshot.traces(ids, options_.limits));
  if (traces.empty()) return fail(ErrorCode::not_found, "trace not found");
  return std::move(traces.front());
}

int http_status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::invalid_input: return 400;
    case ErrorCode::permission_denied: return 403;
    case ErrorCode::not_found: return 404;
    case ErrorCode::limit_exceeded: return 422;
    case ErrorCode::cancelled: return 499;
    case ErrorCode::unsupported: return 501;
    case ErrorCode::conflict:
    case ErrorCode::unavailable: return 503;
    case ErrorCode::timeout: return 504;
    default: return 500;
  }
}

}  // namespace meshflow::server
