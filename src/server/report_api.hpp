// The report over runs and agents (query/report.hpp), asked by the web UI and the commands: both show the same figures.
//
//   GET …/report?from=N&to=N&limit=N&by=GROUP
//
// `from` and `to` are nanoseconds since 1970, the second not included; `limit` is an amount in nano-dollars (runs that
// cost more are listed; $0.01), `by` a group (none: the questions). The answer is the report's JSON.
#pragma once

#include <string>

#include "net/http_router.hpp"
#include "query/report.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

// /api/meshflow/report. `service` must outlive the server.
void add_report_routes(const QueryService& service, net::HttpRouter& router);

// What a request asks for. Errors: invalid_argument, naming the parameter.
[[nodiscard]] Result<query::ReportRequest> report_request_of(const net::HttpServerRequest& request);

[[nodiscard]] std::string report_json(const query::Report& report);

}  // namespace meshflow::server
