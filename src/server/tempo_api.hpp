// What there is of Tempo's HTTP API:
//
//   /api/echo, /api/status/buildinfo
//   /api/traces/{id}      the trace as {"batches": […]}; 404 where there is none
//   /api/v2/traces/{id}   {"trace": {"resourceSpans": […]}, "metrics": {…}}; an empty trace where there is none
//       both in protobuf with Accept: application/protobuf
//
// GET /ready is the listener's own.
#pragma once

#include <string_view>

#include "net/http_router.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

// `service` must outlive the server.
void add_tempo_routes(const QueryService& service, net::HttpRouter& router);

// Errors of the server itself as Tempo writes them: the sentence as plain text.
[[nodiscard]] net::HttpReply render_tempo_error(const net::HttpServerRequest& request, int status,
                                                std::string_view sentence);

}  // namespace meshflow::server
