// The routes through which the commands ask a running server, on its unix-domain socket: TraceSource over HTTP.
//
//   GET  /traces?limit=N       [row, …]   (query/trace_row.hpp)
//   GET  /trace?name=NAME      TracesData, the one trace
//   GET  /traces/after?id=HEX  TracesData, whole traces one after the other; without `id` from the first
//   GET  /status               {"pid", "listeners": [{"name", "ip", "port"}], "tls"}
//   GET  /report?from=N&to=N&limit=N&by=GROUP   query/report.hpp, its JSON; without `by` the questions
//   POST /import               an ExportTraceServiceRequest; {"spans", "rejected_spans", "rejection"}
//   POST /sql, /export/parquet (sql_api.hpp), /search, /metrics (tempo_control.hpp)
//   POST /sign-in              {"by"}; {"code", "expires_unix_nanos"} (session_api.hpp)
//
// TracesData are protobuf. Errors are those of api_error.hpp, from which the client makes the same Error again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "net/http_client.hpp"
#include "net/http_router.hpp"
#include "net/listen_address.hpp"
#include "net/worker_pool.hpp"
#include "server/trace_source.hpp"

namespace meshflow::server {

struct ServerListener {
  std::string name;  // "otlp-http"
  net::ListenAddress address;
};
struct ServerStatus {
  std::int64_t pid = 0;
  std::vector<ServerListener> listeners;
  bool is_tls = false;  // all listeners but the control socket
};

// `store` and `workers` must outlive the server. `status` is called by any thread.
void add_control_routes(store::TraceStore& store, net::WorkerPool& workers, std::function<ServerStatus()> status,
                        net::HttpRouter& router);

// Errors of the server itself, in that form; what is not there is unsupported: the client is of another version.
[[nodiscard]] net::HttpReply render_control_error(const net::HttpServerRequest& request, int status,
                                                  std::string_view sentence);

// Asks the server behind the socket. Errors: `unavailable` where nobody answers there, or the server is not ready yet.
class ControlClient final : public TraceSource {
 public:
  explicit ControlClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  // Fails (unavailable) unless a server listens and is ready.
  [[nodiscard]] Result<void> check_ready();

  [[nodiscard]] Result<ServerStatus> status();
  // A one-time code for `by` to sign in with at the pages (sign_in.hpp).
  [[nodiscard]] Result<std::string> sign_in_code(std::string_view by);
  [[nodiscard]] Result<std::vector<query::TraceRow>> newest(std::size_t limit) override;
  [[nodiscard]] Result<store::StoredTrace> trace(std::string_view name) override;
  [[nodiscard]] Result<std::vector<store::StoredTrace>> traces_after(
      const std::optional<otlp::TraceId>& after) override;
  [[nodiscard]] Result<store::TraceStore::Received> import(std::string request) override;
  [[nodiscard]] Result<query::sql::Answer> sql(std::string_view text, std::size_t rows_max) override;
  [[nodiscard]] Result<std::string> search(const query::TempoSearch& search) override;
  [[nodiscard]] Result<std::string> metrics(const query::TempoMetrics& metrics) override;
  [[nodiscard]] Result<std::string> export_parquet(std::string_view name) override;
  [[nodiscard]] Result<query::Report> report(const query::ReportRequest& request) override;

 private:
  [[nodiscard]] Result<std::string> ask(std::string_view method, const std::string& target, std::string_view body,
                                        std::chrono::milliseconds limit = kAnswerLimit);
  // Of a question.
  static constexpr std::chrono::milliseconds kAnswerLimit{60'000};

  const std::string socket_path_;
  net::HttpClient client_;
};

}  // namespace meshflow::server
