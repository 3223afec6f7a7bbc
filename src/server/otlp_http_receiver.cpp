#include "server/otlp_http_receiver.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "net/http_router.hpp"
#include "net/worker_pool.hpp"
#include "otlp/encode.hpp"
#include "otlp/json.hpp"
#include "otlp/logs.hpp"
#include "server/logs_intake.hpp"
#include "server/otlp_answer.hpp"

namespace meshflow::server {
namespace {

constexpr std::string_view kProtobufType = "application/x-protobuf";
constexpr std::string_view kJsonType = "application/json";
// JSON takes ten times as long to decode as protobuf: one thread does it, so that it cannot hold up the sockets, and
// what waits for it is bounded by HttpServerLimits::bodies_bytes_max too.
constexpr std::size_t kJsonThreads = 1;
constexpr std::size_t kJsonQueueMax = 64;

bool is_protobuf(const net::HttpServerRequest& request) { return request.content_type() == kProtobufType; }

net::HttpReply render(const RpcStatus& status, int http_status, bool in_protobuf) {
  return {.status = http_status,
          .content_type = std::string(in_protobuf ? kProtobufType : kJsonType),
          .body = in_protobuf ? encode(status) : encode_json(status)};
}

// In the request's encoding, JSON where it has none of OTLP's.
net::HttpReply render_error(const net::HttpServerRequest& request, int http_status, std::string_view sentence) {
  return render({.code = rpc_code_of(http_status), .message = std::string(sentence)}, http_status,
                is_protobuf(request));
}

net::HttpReply success(const SpanSink::Accepted& accepted, bool in_protobuf) {
  const otlp::ExportTraceServiceResponse response{
      .rejected_spans = static_cast<std::int64_t>(accepted.rejected_spans),
      .error_message = accepted.rejected_spans > 0 ? accepted.rejection : std::string()};
  return {.content_type = std::string(in_protobuf ? kProtobufType : kJsonType),
          .body = in_protobuf ? otlp::encode(response) : otlp::encode_json(response)};
}

}  // namespace

class OtlpHttpReceiver::Implementation {
 public:
  explicit Implementation(SpanSink& sink)
      : sink_(sink), counters_(std::make_shared<ReceiverCounters>()), json_workers_(kJsonThreads, kJsonQueueMax) {
    const auto json =
        net::on_workers(json_workers_, [this](net::HttpServerRequest request, const net::HttpResponder& responder) {
          take_json(std::move(request), responder);
        });
    router_.add("POST", "/v1/traces", [this, json](net::HttpServerRequest request, net::HttpResponder responder) {
      ++counters_->requests;
      counters_->body_bytes += request.body.size();
      const std::string type = request.content_type();
      if (type == kProtobufType) return take_protobuf(std::move(request), responder);
      if (type == kJsonType) return json(std::move(request), std::move(responder));
      ++counters_->refused_bad;
      responder.fail(415, fmt::format("OTLP comes as {} or {}, not as \"{}\"", kProtobufType, kJsonType, type));
    });
    router_.add("POST", "/v1/metrics", [](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
      responder.fail(404, fmt::format("this server keeps traces only, nothing was taken at {}; "
                                      "set OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER to none",
                                      request.path));
    });
    router_.add("POST", "/v1/logs",
                net::on_workers(json_workers_,
                                [this](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
                                  take_logs_of(request, responder);
                                }));
  }

  Result<void> listen(net::IoThreads& threads, net::HttpServerOptions options) {
    retry_after_ = options.limits.retry_after;
    options.render_error = render_error;
    MESHFLOW_TRY(server_, net::HttpServer::listen(threads, std::move(options), net::handler_of(router_)));
    return {};
  }

  net::HttpServer& server() { return *server_; }
  ReceiverStats stats() const { return counters_->stats(); }

 private:
  void take_protobuf(net::HttpServerRequest request, const net::HttpResponder& responder) {
    hand_on(std::move(request.body), {}, responder, true);
  }

  void take_json(net::HttpServerRequest request, const net::HttpResponder& responder) {
    auto decoded = otlp::decode_traces_json(request.body);
    if (!decoded) return refuse(decoded.error(), retry_after_, responder, false, *counters_);
    request.body = {};
    SpanSink::Accepted accepted{.rejected_spans = decoded->stats.rejected_spans,
                                .rejection = std::move(decoded->stats.rejection)};
    std::string protobuf = otlp::encode(decoded->value);
    decoded->value = {};
    hand_on(std::move(protobuf), std::move(accepted), responder, false);
  }

  // Decoding a request of other people's logs takes its time, which is not the sockets'.
  void take_logs_of(const net::HttpServerRequest& request, const net::HttpResponder& responder) {
    ++counters_->requests;
    counters_->body_bytes += request.body.size();
    const std::string type = request.content_type();
    if (type != kProtobufType && type != kJsonType) {
      ++counters_->refused_bad;
      return responder.fail(415, fmt::format("OTLP comes as {} or {}, not as \"{}\"", kProtobufType, kJsonType, type));
    }
    const bool in_protobuf = type == kProtobufType;
    const auto logs = in_protobuf ? otlp::decode_logs(request.body) : otlp::decode_logs_json(request.body);
    if (!logs) return refuse(logs.error(), retry_after_, responder, in_protobuf, *counters_);
    const auto response = take_logs(sink_, logs->value);
    if (!response) return responder.fail(404, response.error().text());
    ++counters_->acknowledged;
    responder.send({.content_type = type, .body = in_protobuf ? encode(*response) : encode_json(*response)});
  }

  // `before`: what was rejected already.
  void hand_on(std::string protobuf, SpanSink::Accepted before, const net::HttpResponder& responder, bool in_protobuf) {
    const auto finish = [before = std::move(before), responder, in_protobuf, retry_after = retry_after_,
                         counters = counters_](const Result<SpanSink::Accepted>& result) {
      if (!result) return refuse(result.error(), retry_after, responder, in_protobuf, *counters);
      SpanSink::Accepted accepted = before;
      accepted.rejected_spans += result->rejected_spans;
      if (accepted.rejection.empty()) accepted.rejection = result->rejection;
      ++counters->acknowledged;
      counters->rejected_spans += accepted.rejected_spans;
      responder.send(success(accepted, in_protobuf));
    };
    if (protobuf.empty()) return finish(SpanSink::Accepted{});  // nothing to keep
    sink_.ingest(std::move(protobuf), finish);
  }

  static void refuse(const Error& error, std::chrono::seconds retry_after, const net::HttpResponder& responder,
                     bool in_protobuf, ReceiverCounters& counters) {
    const Refusal refusal = refusal_of(error, retry_after, counters);
    net::HttpReply reply = render(refusal.status, refusal.http_status, in_protobuf);
    if (refusal.status.retry_delay) {
      reply.headers.emplace_back("Retry-After", std::to_string(refusal.status.retry_delay->count()));
    }
    responder.send(std::move(reply));
  }

  SpanSink& sink_;
  const std::shared_ptr<ReceiverCounters> counters_;  // shared with requests that are not done when this goes
  std::chrono::seconds retry_after_{1};
  net::HttpRouter router_;
  net::WorkerPool json_workers_;
  std::unique_ptr<net::HttpServer> server_;  // last: it goes before what its handler uses
};

Result<std::unique_ptr<OtlpHttpReceiver>> OtlpHttpReceiver::start(net::IoThreads& threads,
                                                                  net::HttpServerOptions options, SpanSink& sink) {
  auto implementation = std::make_unique<Implementation>(sink);
  MESHFLOW_CHECK(implementation->listen(threads, std::move(options)));
  return std::unique_ptr<OtlpHttpReceiver>(new OtlpHttpReceiver(std::move(implementation)));
}

OtlpHttpReceiver::OtlpHttpReceiver(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
OtlpHttpReceiver::~OtlpHttpReceiver() = default;

const net::ListenAddress& OtlpHttpReceiver::address() const noexcept { return implementation_->server().address(); }
ReceiverStats OtlpHttpReceiver::stats() const { return implementation_->stats(); }
net::HttpServerStats OtlpHttpReceiver::http_stats() const { return implementation_->server().stats(); }
bool OtlpHttpReceiver::stop(std::chrono::milliseconds limit) { return implementation_->server().stop(limit); }

}  // namespace meshflow::server
