// SQL over the views (docs/sql.md), asked by web pages, scripts and the commands.
//
//   POST /api/meshflow/sql   {"sql": "SELECT …", "limit": N}, application/json
//   GET  /api/meshflow/sql?sql=…&limit=N
//       → {"columns": [{"name", "type"}], "rows": [[…]], "truncated", "elapsed_ms"}
//
// Errors are those of api_error.hpp. Pages of other origins are refused (same_origin.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "net/http_router.hpp"
#include "query/sql/run.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

struct SqlApiOptions {
  // Who may ask; 403 for the others. Empty: whoever reaches the listener.
  std::function<bool(const net::HttpServerRequest&)> may_ask = {};
};

// `service` must outlive the server; its workers are what bounds how many queries run at once.
void add_sql_routes(const QueryService& service, SqlApiOptions options, net::HttpRouter& router);

// For the control socket (control_api.hpp):
//   POST /sql             {"sql", "limit"}; sql_rows_json
//   POST /export/parquet  {"trace": name or ""}; {"file"}: the caller removes it
void add_sql_control_routes(const QueryService& service, net::HttpRouter& router);

// An answer with every value as its kind and its text, and back: what the commands print is then the same with and
// without a server.
[[nodiscard]] std::string sql_rows_json(const query::sql::Answer& answer);
[[nodiscard]] Result<query::sql::Answer> sql_rows_from(std::string_view json);

}  // namespace meshflow::server
