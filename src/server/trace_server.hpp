// The embedded trace backend: its listeners, wired to a store.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "net/http_server.hpp"
#include "net/listen_address.hpp"
#include "server/alert_engine.hpp"
#include "server/control_api.hpp"
#include "server/run_desk.hpp"
#include "server/self_metrics.hpp"
#include "server/ui_pages.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

struct TraceServerOptions {
  // Nothing: that listener is off.
  std::optional<net::ListenAddress> otlp_http = {};
  std::optional<net::ListenAddress> otlp_grpc = {};
  std::optional<net::ListenAddress> jaeger = {};  // Jaeger's API and the web UI
  std::optional<net::ListenAddress> tempo = {};
  std::optional<net::ListenAddress> metrics = {};  // GET /metrics, for Prometheus
  // A unix-domain socket for the commands of this user (control_api.hpp); empty: none.
  std::string control_socket = {};

  std::string views_file = {};  // where saved views of the web UI are kept; empty: as long as the server runs

  AlertEngineOptions alerts = {};  // evaluated from attach() on
  UiOptions ui = {};               // on the listener of Jaeger's API
  RunDesk* desk = nullptr;  // the runtime's; must outlive the server. Null: what it would answer is 501

  // Of all listeners but the control socket, as HttpServerOptions says.
  net::HttpServerTls tls = {};
  std::string bearer_token = {};
  bool insecure_public = false;
  std::vector<std::string> allowed_hosts = {};
  std::vector<std::string> cors_origins = {};

  // What the bodies of requests may take together; half for each receiver.
  std::size_t bodies_bytes_max = std::size_t{256} << 20;
  std::size_t io_threads = 2;
  // Threads for queries, and queries that may wait for one.
  std::size_t query_threads = 2;
  std::size_t queries_waiting_max = 64;
};

// Each method may be called by any thread that serves no requests.
class TraceServer {
 public:
  // Listens at once. Until attach() every listener answers 503 (UNAVAILABLE) with the reason, GET /ready included, so
  // that clients wait for a store which takes its time to open. Errors: those of the listeners.
  [[nodiscard]] static Result<std::unique_ptr<TraceServer>> start(TraceServerOptions options);
  // stop() with no time to finish.
  ~TraceServer();
  TraceServer(const TraceServer&) = delete;
  TraceServer& operator=(const TraceServer&) = delete;

  // Those that are on: "otlp-http", "otlp-grpc", "jaeger", "tempo", "metrics", in this order.
  [[nodiscard]] std::vector<ServerListener> listeners() const;

  // Sets what live views need to be told by the store that these options are for: before it is opened.
  void connect(store::StoreOptions& options);

  // Serves the store from now on; it must outlive this object. Once.
  void attach(store::TraceStore& store);

  // More for GET /metrics. The collector is called by any thread as long as this object lives.
  void add_metrics(SelfMetrics::Collector collector);

  // Accepts nothing more, waits up to `limit` for the requests that have begun, and ends every connection. Idempotent.
  void stop(std::chrono::milliseconds limit);

 private:
  class Implementation;
  explicit TraceServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace meshflow::server
