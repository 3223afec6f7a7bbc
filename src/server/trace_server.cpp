#include "server/trace_server.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/try.hpp"
#include "net/http_router.hpp"
#include "net/io_threads.hpp"
#include "net/worker_pool.hpp"
#include "otlp/logs.hpp"
#include "server/desk_api.hpp"
#include "server/jaeger_api.hpp"
#include "server/live_open.hpp"
#include "server/live_sources.hpp"
#include "server/live_spans.hpp"
#include "server/live_stream.hpp"
#include "server/otlp_grpc_receiver.hpp"
#include "server/otlp_http_receiver.hpp"
#include "server/query_service.hpp"
#include "server/report_api.hpp"
#include "server/run_costs.hpp"
#include "server/self_metrics.hpp"
#include "server/server_metrics.hpp"
#include "server/session_api.hpp"
#include "server/sql_api.hpp"
#include "server/store_sink.hpp"
#include "server/tempo_api.hpp"
#include "server/tempo_control.hpp"
#include "server/tempo_grpc.hpp"
#include "server/ui_api.hpp"
#include "telemetry/start_events.hpp"

namespace meshflow::server {
namespace {

constexpr const char* kStarting = "the server is starting: the store is being opened";
// Clients of queries send no large bodies; Jaeger's /api/transform takes a trace.
constexpr std::size_t kQueryBodyBytesMax = std::size_t{32} << 20;
// Queries in SQL run one at a time, in threads of their own, so that a long one keeps no other query waiting.
constexpr std::size_t kSqlThreads = 1;
constexpr std::size_t kSqlWaitingMax = 16;
// A scrape waits no longer for what was acknowledged to be visible; Prometheus gives up after 10 s.
constexpr std::chrono::seconds kLagMax{2};

}  // namespace

class TraceServer::Implementation {
 public:
  explicit Implementation(TraceServerOptions options)
      : options_(std::move(options)),
        sign_in_({.is_tls = !options_.tls.certificate_file.empty()}),
        stream_(make_live_sources(queries_, ui_, options_.desk)),
        sink_([this](std::vector<telemetry::SpanStart> starts) { begun(std::move(starts)); }),
        threads_(options_.io_threads),
        workers_(options_.query_threads, options_.queries_waiting_max) {}

  Result<void> start();
  void connect(store::StoreOptions& options);
  void attach(store::TraceStore& store);
  void stop(std::chrono::milliseconds limit);
  void add_metrics(SelfMetrics::Collector collector) { metrics_.add(std::move(collector)); }
  [[nodiscard]] std::vector<ServerListener> listeners() const;
  [[nodiscard]] ServerStatus server_status() const {
    return {.pid = ::getpid(), .listeners = listeners(), .is_tls = !options_.tls.certificate_file.empty()};
  }

 private:
  using RendersError = net::HttpErrorRenderer;

  // What all HTTP listeners have in common.
  [[nodiscard]] net::HttpServerOptions http_options(std::string name, const net::ListenAddress& address) const {
    net::HttpServerOptions http;
    http.name = std::move(name);
    http.address = address;
    http.tls = options_.tls;
    http.bearer_token = options_.bearer_token;
    http.insecure_public = options_.insecure_public;
    http.allowed_hosts = options_.allowed_hosts;
    http.cors_origins = options_.cors_origins;
    http.readiness = [this] {
      return is_ready_ ? net::HttpServerReadiness{} : net::HttpServerReadiness{false, kStarting};
    };
    return http;
  }

  // Requests before the store is there get 503; then they are the router's, which nobody changes any more.
  [[nodiscard]] net::HttpHandler once_ready(const net::HttpRouter& router) const {
    return [this, &router](net::HttpServerRequest request, const net::HttpResponder& responder) {
      if (!is_ready_) return responder.fail(503, kStarting, {{"retry-after", "1"}});
      router.handle(std::move(request), responder);
    };
  }

  [[nodiscard]] Result<void> start_receivers();
  [[nodiscard]] Result<std::unique_ptr<net::HttpServer>> start_queries(
      std::string name, const net::ListenAddress& address, RendersError render_error, const net::HttpRouter& router,
      std::function<void(int)> take_http2 = {}, net::HttpAdmits admits = {}) {
    net::HttpServerOptions http = http_options(std::move(name), address);
    http.admits = std::move(admits);
    http.render_error = std::move(render_error);
    http.take_http2 = std::move(take_http2);
    http.limits.body_bytes_max = kQueryBodyBytesMax;
    http.limits.decoded_body_bytes_max = kQueryBodyBytesMax;
    return net::HttpServer::listen(threads_, std::move(http), once_ready(router));
  }
  [[nodiscard]] Result<void> start_control();
  // Of everything, at a scrape.
  void collect(store::TraceStore& store, MetricsText& text);
  void begun(std::vector<telemetry::SpanStart> starts);
  // Nothing where there is no runtime to know it.
  [[nodiscard]] std::optional<double> waiting_people() const;
  [[nodiscard]] UiApiOptions ui_options();
  // What a browser without the token may ask for: the page, which has no data, and what signing in takes.
  [[nodiscard]] bool may_do_without_token(const net::HttpServerRequest& request) const;
  [[nodiscard]] bool may_ask_sql(const net::HttpServerRequest& request) const;

  const TraceServerOptions options_;
  std::atomic<bool> is_ready_{false};
  SignIn sign_in_;
  LiveSpans live_spans_;
  LiveStream stream_;
  StoreSink sink_;
  net::HttpRouter jaeger_router_;
  net::HttpRouter tempo_router_;
  net::HttpRouter control_router_;
  net::HttpRouter metrics_router_;
  SelfMetrics metrics_;
  HistogramFamily query_durations_{duration_bounds()};
  std::unique_ptr<QueryService> queries_;
  std::unique_ptr<QueryService> sql_queries_;
  std::unique_ptr<UiApi> ui_;
  query::SpanMetrics span_metrics_;
  query::ServiceGraph service_graph_;
  std::unique_ptr<AlertEngine> alerts_;  // a request may look at it until the workers are gone
  net::IoThreads threads_;
  net::WorkerPool workers_;
  net::WorkerPool sql_workers_{kSqlThreads, kSqlWaitingMax};
  // Destroyed before what they use.
  std::unique_ptr<OtlpHttpReceiver> otlp_http_;
  std::unique_ptr<OtlpGrpcReceiver> otlp_grpc_;
  std::unique_ptr<net::HttpServer> jaeger_;
  std::unique_ptr<TempoGrpc> tempo_grpc_;
  std::unique_ptr<net::HttpServer> tempo_;
  std::unique_ptr<net::HttpServer> metrics_server_;
  std::unique_ptr<net::HttpServer> control_;
};

Result<void> TraceServer::Implementation::start() {
  MESHFLOW_CHECK(start_receivers());
  if (options_.jaeger) {
    MESHFLOW_TRY(jaeger_,
                 start_queries("jaeger", *options_.jaeger, render_ui_error(options_.ui, render_jaeger_error),
                               jaeger_router_, {}, [this](const auto& head) { return may_do_without_token(head); }));
  }
  if (options_.tempo) {
    // Over TLS there is HTTP/1.1 alone, as the certificate's handshake says.
    if (options_.tls.certificate_file.empty()) {
      MESHFLOW_TRY(tempo_grpc_, TempoGrpc::start({.bearer_token = options_.bearer_token}));
    }
    std::function<void(int)> take_http2;
    if (tempo_grpc_) take_http2 = [grpc = tempo_grpc_.get()](int socket) { grpc->take(socket); };
    MESHFLOW_TRY(tempo_, start_queries("tempo", *options_.tempo, render_tempo_error, tempo_router_, take_http2));
  }
  if (options_.metrics) {
    MESHFLOW_TRY(metrics_server_, start_queries("metrics", *options_.metrics, net::render_json_error, metrics_router_));
  }
  if (!options_.control_socket.empty()) MESHFLOW_CHECK(start_control());
  return {};
}

Result<void> TraceServer::Implementation::start_receivers() {
  if (options_.otlp_http) {
    net::HttpServerOptions http = http_options("otlp-http", *options_.otlp_http);
    http.limits.bodies_bytes_max = options_.bodies_bytes_max / 2;
    MESHFLOW_TRY(otlp_http_, OtlpHttpReceiver::start(threads_, std::move(http), sink_));
  }
  if (options_.otlp_grpc) {
    OtlpGrpcOptions grpc;
    grpc.address = *options_.otlp_grpc;
    grpc.tls = options_.tls;
    grpc.bearer_token = options_.bearer_token;
    grpc.insecure_public = options_.insecure_public;
    grpc.limits.requests_bytes_max = options_.bodies_bytes_max / 2;
    grpc.limits.transport_bytes_max = options_.bodies_bytes_max / 2;
    MESHFLOW_TRY(otlp_grpc_, OtlpGrpcReceiver::start(std::move(grpc), sink_));
  }
  return {};
}

Result<void> TraceServer::Implementation::start_control() {
  net::HttpServerOptions http = http_options("control", {});
  http.unix_socket_path = options_.control_socket;
  http.tls = {};
  http.bearer_token = {};  // the file's mode is what guards it
  http.cors_origins = {};
  http.render_error = render_control_error;
  MESHFLOW_TRY(control_, net::HttpServer::listen(threads_, std::move(http), once_ready(control_router_)));
  return {};
}

void TraceServer::Implementation::begun(std::vector<telemetry::SpanStart> starts) {
  stream_.changed(live_spans_.begin(std::move(starts)));
}

void TraceServer::Implementation::connect(store::StoreOptions& options) {
  options.visible = [this](std::span<const otlp::SpanKey> keys) {
    live_spans_.arrived(keys);
    stream_.changed(keys);
  };
  options.begun = [this](std::string_view events) {
    if (const auto logs = otlp::decode_logs(events)) begun(telemetry::find_starts(logs->value).starts);
  };
}

std::optional<double> TraceServer::Implementation::waiting_people() const {
  if (options_.desk == nullptr) return std::nullopt;
  const auto waiting = options_.desk->waiting();
  return waiting ? std::optional(static_cast<double>(waiting->size())) : std::nullopt;
}

UiApiOptions TraceServer::Implementation::ui_options() {
  UiApiOptions ui;
  ui.listeners = [this] { return listeners(); };
  ui.may_ask_sql = [this](const net::HttpServerRequest& request) { return may_ask_sql(request); };
  ui.views_file = options_.views_file;
  ui.more_capabilities = [this](const net::HttpServerRequest& request, query::JsonWriter& out) {
    const auto session = sign_in_.session_of(request);
    out.key("signed_in");
    out.boolean(session.has_value());
    out.key("by");
    session ? out.string(session->by) : out.null();
    out.key("live");
    out.boolean(true);
    out.key("runtime");
    out.boolean(options_.desk != nullptr);
  };
  ui.more_of_outline = [this](const otlp::TraceId& trace_id, query::JsonWriter& out) {
    write_open(out, live_spans_.of(trace_id, kOpenSpansShownMax));
  };
  return ui;
}

bool TraceServer::Implementation::may_do_without_token(const net::HttpServerRequest& request) const {
  if (sign_in_.session_of(request)) return true;
  if (request.path == "/api/meshflow/session") return true;
  const bool is_api = request.path.starts_with("/api") || request.path.starts_with("/tempo");
  return request.method == "GET" && !is_api;
}

// What others reach without a token does not answer every question, but to those who have signed in.
bool TraceServer::Implementation::may_ask_sql(const net::HttpServerRequest& request) const {
  if (!options_.jaeger || options_.jaeger->is_loopback() || !options_.bearer_token.empty()) return true;
  return sign_in_.session_of(request).has_value();
}

void TraceServer::Implementation::attach(store::TraceStore& store) {
  QueryServiceOptions queries;
  queries.observe = [this](std::string_view api, std::string_view query, std::chrono::nanoseconds took) {
    query_durations_.at(fmt::format("{}.{}", api, query)).observe(std::chrono::duration<double>(took).count());
  };
  sql_queries_ = std::make_unique<QueryService>(store, sql_workers_, queries);
  queries_ = std::make_unique<QueryService>(store, workers_, std::move(queries));
  add_jaeger_routes(*queries_, jaeger_router_);
  add_ui_routes(options_.ui, jaeger_router_);
  add_report_routes(*queries_, jaeger_router_);
  const auto may_ask = [this](const net::HttpServerRequest& request) { return may_ask_sql(request); };
  add_sql_routes(*sql_queries_, {.may_ask = may_ask}, jaeger_router_);
  add_session_routes(sign_in_, jaeger_router_);
  add_desk_routes(*queries_, options_.desk, sign_in_, jaeger_router_);
  ui_ = std::make_unique<UiApi>(*queries_, ui_options());
  ui_->add_routes(jaeger_router_);
  stream_.add_routes(jaeger_router_);
  add_tempo_routes(*queries_, tempo_router_);
  add_tempo_routes(*queries_, jaeger_router_, {.prefix = "/tempo", .errors = TempoErrors::json});
  if (tempo_grpc_) tempo_grpc_->attach(*queries_);
  add_sign_in_control_routes(sign_in_, control_router_);
  add_sql_control_routes(*sql_queries_, control_router_);
  add_tempo_control_routes(*queries_, control_router_);
  add_control_routes(store, workers_, [this] { return server_status(); }, control_router_);
  if (!options_.alerts.groups.empty()) {
    AlertEngineOptions alerts = options_.alerts;
    alerts.waiting_people = [this] { return waiting_people(); };
    alerts_ = std::make_unique<AlertEngine>(std::move(alerts), store, span_metrics_);
    metrics_.add([this](MetricsText& text) { alerts_->write_metrics(text); });
  }
  jaeger_router_.add("GET", "/api/meshflow/alerts", alerts_handler(alerts_.get()));
  metrics_.add([this, &store](MetricsText& text) { collect(store, text); });
  metrics_router_.add("GET", "/metrics", net::on_workers(workers_, metrics_handler(metrics_)));
  sink_.open(store);
  is_ready_ = true;
}

void TraceServer::Implementation::collect(store::TraceStore& store, MetricsText& text) {
  if (otlp_http_) write_metrics(text, "http", otlp_http_->stats());
  if (otlp_grpc_) write_metrics(text, "grpc", otlp_grpc_->stats());
  if (otlp_http_) write_metrics(text, "otlp-http", otlp_http_->http_stats());
  if (jaeger_) write_metrics(text, "jaeger", jaeger_->stats());
  if (tempo_) write_metrics(text, "tempo", tempo_->stats());
  if (metrics_server_) write_metrics(text, "metrics", metrics_server_->stats());
  write_metrics(text, store.stats());
  const auto begin = std::chrono::steady_clock::now();
  (void)store.wait_until_visible(std::chrono::duration_cast<std::chrono::milliseconds>(kLagMax));
  const std::chrono::duration<double> lag = std::chrono::steady_clock::now() - begin;
  text.gauge("meshflow_store_ingest_lag_seconds", "How long what was acknowledged took to be visible; at most 2.", {},
             lag.count());
  write_query_metrics(text, query_durations_);
  write_metrics(text, live_spans_.stats());
  if (const auto waiting = waiting_people()) write_waiting_people(text, *waiting);
  auto snapshot = store.snapshot();
  if (!snapshot) return;  // the store's own trouble is told above
  const auto costs = recent_run_costs(*snapshot, static_cast<std::uint64_t>(system_clock().wall_nanos()));
  if (costs) write_metrics(text, *costs);
  if (span_metrics_.refresh(*snapshot)) write_metrics(text, span_metrics_);
  if (service_graph_.refresh(*snapshot)) write_metrics(text, service_graph_.edges());
}

void TraceServer::Implementation::stop(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const auto left = [deadline] {
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return std::max(rest, std::chrono::milliseconds(0));
  };
  stream_.stop();  // its answers would not end by themselves
  // Those who send come first: what they were told is kept must be.
  if (otlp_http_) otlp_http_->stop(left());
  if (otlp_grpc_) otlp_grpc_->stop(left());
  for (const auto* server : {&jaeger_, &tempo_, &metrics_server_, &control_}) {
    if (*server) (*server)->stop(left());
  }
  if (tempo_grpc_) tempo_grpc_->stop(left());
  if (alerts_) alerts_->stop();
}

std::vector<ServerListener> TraceServer::Implementation::listeners() const {
  std::vector<ServerListener> on;
  if (otlp_http_) on.push_back({"otlp-http", otlp_http_->address()});
  if (otlp_grpc_) on.push_back({"otlp-grpc", otlp_grpc_->address()});
  if (jaeger_) on.push_back({"jaeger", jaeger_->address()});
  if (tempo_) on.push_back({"tempo", tempo_->address()});
  if (metrics_server_) on.push_back({"metrics", metrics_server_->address()});
  return on;
}

Result<std::unique_ptr<TraceServer>> TraceServer::start(TraceServerOptions options) {
  auto implementation = std::make_unique<Implementation>(std::move(options));
  MESHFLOW_CHECK(implementation->start());
  return std::unique_ptr<TraceServer>(new TraceServer(std::move(implementation)));
}

TraceServer::TraceServer(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
TraceServer::~TraceServer() { stop(std::chrono::milliseconds(0)); }

std::vector<ServerListener> TraceServer::listeners() const { return implementation_->listeners(); }
void TraceServer::connect(store::StoreOptions& options) { implementation_->connect(options); }
void TraceServer::attach(store::TraceStore& store) { implementation_->attach(store); }
void TraceServer::add_metrics(SelfMetrics::Collector collector) { implementation_->add_metrics(std::move(collector)); }
void TraceServer::stop(std::chrono::milliseconds limit) { implementation_->stop(limit); }

}  // namespace meshflow::server
