// Tempo's HTTP API (pkg/api and modules/frontend of Tempo 3).
//
//   /api/echo, /api/status/buildinfo
//   /api/traces/{id}      the trace as {"batches": […]}; 404 where there is none
//   /api/v2/traces/{id}   {"trace": {"resourceSpans": […]}, "metrics": {…}}; an empty trace where there is none
//   /api/search?q|tags&minDuration&maxDuration&limit&spss&start&end
//   /api/search/tags, /api/v2/search/tags?scope&q&start&end&limit
//   /api/search/tag/{tag}/values, /api/v2/search/tag/{tag}/values?q&start&end&limit
//   /api/metrics/query_range, /api/metrics/query?q&start&end&since&step&exemplars&maxSeries
//       all in protobuf with Accept: application/protobuf
//
// Queries run under the service's limits, and end when their client goes. GET /ready is the listener's own.
#pragma once

#include <string>
#include <string_view>

#include "net/http_router.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

// `text`: as Tempo writes errors, "invalid TraceQL query: 1:3: unknown name …". `json`: as api_error.hpp has them, for
// pages of our own.
enum class TempoErrors { text, json };

struct TempoApiOptions {
  std::string prefix = {};  // before each path: "/tempo"
  TempoErrors errors = TempoErrors::text;
};

// `service` must outlive the server.
void add_tempo_routes(const QueryService& service, net::HttpRouter& router, const TempoApiOptions& options = {});

// Errors of the server itself as Tempo writes them: the sentence as plain text.
[[nodiscard]] net::HttpReply render_tempo_error(const net::HttpServerRequest& request, int status,
                                                std::string_view sentence);

}  // namespace meshflow::server
