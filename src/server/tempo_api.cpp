#include "server/tempo_api.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/version.hpp"
#include "otlp/encode.hpp"
#include "query/json_writer.hpp"
#include "query/tempo_requests.hpp"
#include "server/api_error.hpp"
#include "server/tempo_answers.hpp"
#include "server/tempo_json.hpp"
#include "server/tempo_message.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kProtobuf = "application/protobuf";

void send_text(const HttpResponder& responder, int status, std::string_view text) {
  net::HttpReply reply;
  reply.status = status;
  reply.content_type = "text/plain; charset=utf-8";
  reply.body = text;
  responder.send(std::move(reply));
}

void send_body(const HttpResponder& responder, std::string_view content_type, std::string body) {
  net::HttpReply reply;
  reply.content_type = content_type;
  reply.body = std::move(body);
  responder.send(std::move(reply));
}

bool wants_protobuf(const HttpServerRequest& request) {
  return request.header("accept").find(kProtobuf) != std::string_view::npos;
}

// As Tempo writes errors.
net::HttpReply text_reply(const TempoRefusal& refusal) {
  net::HttpReply reply;
  reply.status = refusal.problem ? 400 : http_status_of(refusal.error);
  reply.content_type = "text/plain; charset=utf-8";
  reply.body = text_of(refusal);
  return reply;
}
net::HttpReply json_reply(const TempoRefusal& refusal) {
  return refusal.problem ? error_reply(*refusal.problem, refusal.query) : error_reply(refusal.error);
}

// As Tempo reads ids: up to 32 hex digits, zeros before them where there are fewer.
Result<otlp::TraceId> parse_trace_id(std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
  constexpr std::size_t kDigits = 32;
  if (const std::size_t at = text.find_first_not_of(kHexDigits); at != std::string_view::npos) {
    return fail(ErrorCode::invalid_input,
                fmt::format("trace IDs can only contain hex characters: invalid character '{}' at position {}",
                            sanitize_utf8(text.substr(at, 1)), at + 1));
  }
  if (text.size() > kDigits) return fail(ErrorCode::invalid_input, "trace IDs can't be larger than 128 bits");
  const std::string bytes = *from_hex(std::string(kDigits - text.size(), '0') + std::string(text));
  otlp::TraceId id{};
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

// Optional bounds in seconds that Grafana adds. The index finds the whole trace all the same, so they are only checked.
Result<void> check_bounds(const HttpServerRequest& request) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  for (const std::string_view name : {"start", "end"}) {
    const std::string_view text = request.query_value(name).value_or("");
    if (text.empty()) continue;
    if (const auto seconds = query::parse_go_int(text, -kMax, kMax); !seconds) {
      return fail(ErrorCode::invalid_input, fmt::format("invalid {}: {}", name, seconds.error().message));
    }
  }
  return {};
}

// What both versions of the endpoint begin with.
Result<store::StoredTrace> find_trace(const QueryService& service, const HttpServerRequest& request) {
  const auto id = parse_trace_id(request.path_parameter("id"));
  if (!id) return tl::unexpected(id.error());
  if (const auto checked = check_bounds(request); !checked) return tl::unexpected(checked.error());
  return service.trace(*id);
}

// Answers Tempo's questions over one mount of the routes.
class TempoApi {
 public:
  TempoApi(const QueryService& service, TempoApiOptions options) : service_(service), errors_(options.errors) {}

  void send_trace(const HttpServerRequest& request, const HttpResponder& responder) const;
  void send_trace_v2(const HttpServerRequest& request, const HttpResponder& responder) const;
  void send_search(const HttpServerRequest& request, const HttpResponder& responder) const {
    send(request, responder, query::parse_tempo_search(request.query),
         [](const TempoAsking& asking, const auto& search) { return answer_search(asking, search); });
  }
  void send_tags(const HttpServerRequest& request, const HttpResponder& responder, bool is_second) const {
    send(request, responder, query::parse_tempo_tags(request.query, is_second),
         is_second ? answer_tags_v2 : answer_tags);
  }
  void send_tag_values(const HttpServerRequest& request, const HttpResponder& responder, bool is_second) const {
    send(request, responder, query::parse_tempo_tag_values(request.path_parameter("tag"), request.query, is_second),
         is_second ? answer_tag_values_v2 : answer_tag_values);
  }
  void send_metrics(const HttpServerRequest& request, const HttpResponder& responder, bool is_range) const {
    send(request, responder, query::parse_tempo_metrics(request.query, service_.now(), is_range),
         is_range ? answer_query_range : answer_query_instant);
  }

 private:
  // The answer to what was asked, or why there is none.
  template <typename Asked, typename Answer>
  void send(const HttpServerRequest& request, const HttpResponder& responder, const Result<Asked>& asked,
            Answer answer) const {
    if (!asked) return refuse(responder, refusal_of(asked.error()));
    const ClientWatch::Guard client(service_.clients(), [responder] { return responder.is_wanted(); });
    TempoAsking asking{service_.store(), service_.limits(),
                       wants_protobuf(request) ? TempoEncoding::protobuf : TempoEncoding::json};
    asking.limits.cancelled = &client.is_gone();
    auto body = answer(asking, *asked);
    if (!body) return refuse(responder, body.error());
    send_body(responder, asking.encoding == TempoEncoding::protobuf ? kProtobuf : kJson, std::move(*body));
  }
  void refuse(const HttpResponder& responder, const TempoRefusal& refusal) const {
    responder.send(errors_ == TempoErrors::text ? text_reply(refusal) : json_reply(refusal));
  }
  void refuse(const HttpResponder& responder, const Error& error) const { refuse(responder, refusal_of(error)); }

  const QueryService& service_;
  const TempoErrors errors_;
};

void TempoApi::send_trace(const HttpServerRequest& request, const HttpResponder& responder) const {
  const auto trace = find_trace(service_, request);
  if (!trace) {
    // Tempo's own 404 has no body.
    const bool is_missing = trace.error().code == ErrorCode::not_found && errors_ == TempoErrors::text;
    return is_missing ? send_text(responder, 404, "") : refuse(responder, trace.error());
  }
  if (wants_protobuf(request)) return send_body(responder, kProtobuf, otlp::encode(trace->data));
  JsonWriter out;
  write_tempo_trace(out, trace->data, "batches");
  send_body(responder, kJson, out.take());
}

// tempopb.TraceByIDResponse.
void TempoApi::send_trace_v2(const HttpServerRequest& request, const HttpResponder& responder) const {
  const auto trace = find_trace(service_, request);
  if (!trace && trace.error().code != ErrorCode::not_found) return refuse(responder, trace.error());
  const otlp::TracesData data = trace ? trace->data : otlp::TracesData{};
  const std::string bytes = otlp::encode(data);
  const auto describe_metrics = [&bytes](auto& message) { message.uint64(1, "inspectedBytes", bytes.size()); };
  if (wants_protobuf(request)) {
    std::string body;
    protozero::pbf_writer(body).add_message(1, bytes);
    ProtobufMessage(body).message(2, "metrics", describe_metrics);
    return send_body(responder, kProtobuf, std::move(body));
  }
  JsonWriter out;
  out.begin_object();
  out.key("trace");
  write_tempo_trace(out, data, "resourceSpans");
  JsonMessage(out).message(2, "metrics", describe_metrics);
  out.end_object();
  send_body(responder, kJson, out.take());
}

void send_build_info(const HttpResponder& responder) {
  JsonWriter out;
  out.begin_object();
  out.field("version", version());
  for (const std::string_view name : {"revision", "branch", "buildUser", "buildDate", "goVersion"}) out.field(name, "");
  out.end_object();
  send_body(responder, kJson, out.take());
}

}  // namespace

net::HttpReply render_tempo_error(const HttpServerRequest& /*request*/, int status, std::string_view sentence) {
  net::HttpReply reply;
  reply.status = status;
  reply.content_type = "text/plain; charset=utf-8";
  reply.body = sentence;
  return reply;
}

void add_tempo_routes(const QueryService& service, net::HttpRouter& router, const TempoApiOptions& options) {
  constexpr std::string_view kApi = "tempo";
  // The routes share it.
  const auto api = std::make_shared<const TempoApi>(service, options);
  const auto path = [&options](std::string_view of) { return options.prefix + std::string(of); };
  const auto add = [&](std::string_view pattern, std::string_view query, auto send) {
    service.add(router, kApi, path(pattern), query,
                [api, send](const auto& request, const auto& responder) { send(*api, request, responder); });
  };
  router.add("GET", path("/api/echo"),
             [](const auto& /*request*/, const HttpResponder& responder) { send_text(responder, 200, "echo"); });
  router.add("GET", path("/api/status/buildinfo"),
             [](const auto& /*request*/, const HttpResponder& responder) { send_build_info(responder); });
  add("/api/traces/{id}", "trace", [](const TempoApi& on, const auto& a, const auto& b) { on.send_trace(a, b); });
  add("/api/v2/traces/{id}", "trace", [](const TempoApi& on, const auto& a, const auto& b) { on.send_trace_v2(a, b); });
  add("/api/search", "search", [](const TempoApi& on, const auto& a, const auto& b) { on.send_search(a, b); });
  for (const bool is_second : {false, true}) {
    const std::string search = is_second ? "/api/v2/search" : "/api/search";
    add(search + "/tags", "tags",
        [is_second](const TempoApi& on, const auto& a, const auto& b) { on.send_tags(a, b, is_second); });
    add(search + "/tag/{tag}/values", "tag values",
        [is_second](const TempoApi& on, const auto& a, const auto& b) { on.send_tag_values(a, b, is_second); });
  }
  for (const bool is_range : {false, true}) {
    add(is_range ? "/api/metrics/query_range" : "/api/metrics/query", "metrics",
        [is_range](const TempoApi& on, const auto& a, const auto& b) { on.send_metrics(a, b, is_range); });
  }
}

}  // namespace meshflow::server
