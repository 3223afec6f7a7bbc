// TraceQL for the control socket (control_api.hpp):
//
//   POST /search?from=N&to=N&limit=N   TraceQL; the answer as JSON (tempo_answers.hpp, answer_search)
//   POST /metrics?from=N&to=N&step=N   likewise answer_query_range; with a step of 0 answer_query_instant
//
// Times in nanoseconds.
#pragma once

#include "net/http_router.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

// `service` must outlive the server.
void add_tempo_control_routes(const QueryService& service, net::HttpRouter& router);

}  // namespace meshflow::server
