#include "server/tempo_api.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/version.hpp"
#include "otlp/encode.hpp"
#include "query/json_writer.hpp"
#include "server/tempo_json.hpp"

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
  for (const std::string_view name : {"start", "end"}) {
    const std::string_view text = request.query_value(name).value_or("");
    if (text.find_first_not_of("0123456789") != std::string_view::npos) {
      return fail(ErrorCode::invalid_input,
                  fmt::format("invalid {}: strconv.ParseInt: parsing \"{}\": invalid syntax", name, text));
    }
  }
  return {};
}

// What both versions of the endpoint begin with; nothing where the answer has been given.
Result<store::StoredTrace> find_trace(const QueryService& service, const HttpServerRequest& request) {
  const auto id = parse_trace_id(request.path_parameter("id"));
  if (!id) return tl::unexpected(id.error());
  if (const auto checked = check_bounds(request); !checked) return tl::unexpected(checked.error());
  return service.trace(*id);
}

void send_trace(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto trace = find_trace(service, request);
  if (!trace) {
    // Tempo's own 404 has no body.
    const bool is_missing = trace.error().code == ErrorCode::not_found;
    return send_text(responder, http_status_of(trace.error()), is_missing ? "" : trace.error().message);
  }
  if (wants_protobuf(request)) return send_body(responder, kProtobuf, otlp::encode(trace->data));
  JsonWriter out;
  write_tempo_trace(out, trace->data, "batches");
  send_body(responder, kJson, out.take());
}

// TraceByIDResponse {Trace trace = 1; TraceByIDMetrics metrics = 2 {uint64 inspectedBytes = 1}}, by hand: two fields.
std::string encode_response(const std::string& trace, std::uint64_t inspected_bytes) {
  const auto varint = [](std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
  };
  std::string metrics;
  if (inspected_bytes > 0) {
    metrics += '\x08';
    varint(metrics, inspected_bytes);
  }
  std::string out = "\x0a";
  varint(out, trace.size());
  out += trace;
  out += '\x12';
  varint(out, metrics.size());
  return out + metrics;
}

void send_trace_v2(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto trace = find_trace(service, request);
  if (!trace && trace.error().code != ErrorCode::not_found) {
    return send_text(responder, http_status_of(trace.error()), trace.error().message);
  }
  const otlp::TracesData data = trace ? trace->data : otlp::TracesData{};
  const std::string bytes = otlp::encode(data);
  if (wants_protobuf(request)) return send_body(responder, kProtobuf, encode_response(bytes, bytes.size()));
  JsonWriter out;
  out.begin_object();
  out.key("trace");
  write_tempo_trace(out, data, "resourceSpans");
  out.key("metrics");
  out.begin_object();
  if (!bytes.empty()) out.field("inspectedBytes", fmt::format("{}", bytes.size()));
  out.end_object();
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

void add_tempo_routes(const QueryService& service, net::HttpRouter& router) {
  constexpr std::string_view kApi = "tempo";
  router.add("GET", "/api/echo",
             [](const auto& /*request*/, const HttpResponder& responder) { send_text(responder, 200, "echo"); });
  router.add("GET", "/api/status/buildinfo",
             [](const auto& /*request*/, const HttpResponder& responder) { send_build_info(responder); });
  service.add(router, kApi, "/api/traces/{id}", "trace",
              [&service](const auto& request, const auto& responder) { send_trace(service, request, responder); });
  service.add(router, kApi, "/api/v2/traces/{id}", "trace",
              [&service](const auto& request, const auto& responder) { send_trace_v2(service, request, responder); });
}

}  // namespace meshflow::server
