// Jaeger's HTTP query API, both generations.
//
//   /api/services, /api/services/{s}/operations, /api/operations, /api/traces, /api/traces/{id}, /api/dependencies
//       in the envelope of Jaeger 1.x: {"data", "total", "limit", "offset", "errors"}
//   /api/transform          POST: OTLP JSON in, Jaeger's JSON out
//   /api/v3/services, /api/v3/operations, /api/v3/traces, /api/v3/traces/{id}, /api/v3/trace-summaries
//       as Jaeger 2.20
//
// docs/jaeger-api.md lists where answers differ from Jaeger's.
#pragma once

#include <string_view>
#include <vector>

#include "net/http_router.hpp"
#include "query/jaeger_search.hpp"
#include "query/summary.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

// Adds all of the above. `service` must outlive the server.
void add_jaeger_routes(const QueryService& service, net::HttpRouter& router);

// Errors of the server itself (404, 413, …) in the form that the path asks for: Jaeger 1.x's envelope, or v3's.
[[nodiscard]] net::HttpReply render_jaeger_error(const net::HttpServerRequest& request, int status,
                                                 std::string_view sentence);

// The traces of a search in a few words each, newest first.
[[nodiscard]] Result<std::vector<query::TraceSummary>> find_summaries(const QueryService& service,
                                                                      store::Snapshot& snapshot,
                                                                      const query::JaegerQuery& query);

// A part of add_jaeger_routes.
void add_jaeger_v3_routes(const QueryService& service, net::HttpRouter& router);

}  // namespace meshflow::server
