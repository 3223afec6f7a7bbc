// Jaeger's API v3 over HTTP, as Jaeger 2.20 answers.
#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "base/try.hpp"
#include "otlp/json.hpp"
#include "query/jaeger_search.hpp"
#include "query/json_writer.hpp"
#include "query/summary.hpp"
#include "server/jaeger_api.hpp"
#include "server/jaeger_names.hpp"
#include "server/reply_writer.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPrefix = "/api/v3/";
constexpr std::size_t kTracesAtOnce = 16;

void send_error(const HttpResponder& responder, int status, std::string_view message) {
  HttpServerRequest request;
  request.path = kPrefix;
  responder.send(render_jaeger_error(request, status, message));
}
void send_error(const HttpResponder& responder, const Error& error) {
  send_error(responder, http_status_of(error), error.message);
}

void send_json(const HttpResponder& responder, JsonWriter out) {
  net::HttpReply reply;
  reply.content_type = kJson;
  reply.body = out.take();
  responder.send(std::move(reply));
}

void send_services(const QueryService& service, const HttpResponder& responder) {
  const auto names = jaeger_services(service);
  if (!names) return send_error(responder, names.error());
  JsonWriter out;
  out.begin_object();
  out.key("services");
  out.begin_array();
  for (const std::string& each : *names) out.string(each);
  out.end_array();
  out.end_object();
  send_json(responder, std::move(out));
}

void send_operations(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  std::string_view kind = request.query_value("spanKind").value_or("");
  if (kind.empty()) kind = request.query_value("span_kind").value_or("");
  const auto operations = jaeger_operations(service, request.query_value("service").value_or(""), kind);
  if (!operations) return send_error(responder, operations.error());
  JsonWriter out;
  out.begin_object();
  out.key("operations");
  out.begin_array();
  for (const JaegerOperation& each : *operations) {
    out.begin_object();
    out.field("name", each.name);
    out.field("spanKind", each.kind.empty() ? "internal" : each.kind);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  send_json(responder, std::move(out));
}

// The elements of resourceSpans, as JSON without the array's brackets.
std::string resource_spans_json(const store::StoredTrace& trace) {
  constexpr std::string_view kBegin = "{\"resourceSpans\":[";
  constexpr std::string_view kEnd = "]}";
  std::string json = otlp::encode_json(trace.data);
  if (!json.starts_with(kBegin)) return {};  // a trace without spans
  return json.substr(kBegin.size(), json.size() - kBegin.size() - kEnd.size());
}

// {"result": {"resourceSpans": […]}} of all the traces, a few at a time.
void send_traces(const QueryService& service, store::Snapshot& snapshot, const std::vector<otlp::TraceId>& ids,
                 const HttpResponder& responder) {
  ReplyWriter reply(responder, std::string(kJson));
  bool has_any = false;
  for (std::size_t at = 0; at < ids.size(); at += kTracesAtOnce) {
    const std::span<const otlp::TraceId> some(ids.data() + at, std::min(kTracesAtOnce, ids.size() - at));
    const auto traces = snapshot.traces(some, service.limits());
    if (!traces) {
      if (reply.is_unsent()) send_error(responder, traces.error());
      return;
    }
    for (const store::StoredTrace& trace : *traces) {
      const std::string json = resource_spans_json(trace);
      if (json.empty()) continue;
      if (!reply.write((has_any ? "," : "{\"result\":{\"resourceSpans\":[") + json)) return;
      has_any = true;
    }
  }
  if (!has_any) return send_error(responder, 404, "No traces found");
  if (reply.write("]}}")) reply.finish();
}

void send_search(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto parsed = query::parse_jaeger_v3_query(request.query);
  if (!parsed) return send_error(responder, parsed.error());
  auto snapshot = service.store().snapshot();
  if (!snapshot) return send_error(responder, snapshot.error());
  const auto found = query::find_jaeger_traces(*snapshot, *parsed, service.limits());
  if (!found) return send_error(responder, found.error());
  std::vector<otlp::TraceId> ids;
  for (const query::FoundTrace& each : *found) ids.push_back(each.trace_id);
  send_traces(service, *snapshot, ids, responder);
}

void send_trace(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto id = query::parse_jaeger_trace_id(request.path_parameter("id"), true);
  if (!id) return send_error(responder, 400, fmt::format("malformed parameter trace_id: {}", id.error().message));
  auto snapshot = service.store().snapshot();
  if (!snapshot) return send_error(responder, snapshot.error());
  send_traces(service, *snapshot, {*id}, responder);
}

void send_summaries(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto parsed = query::parse_jaeger_v3_query(request.query);
  if (!parsed) return send_error(responder, parsed.error());
  auto snapshot = service.store().snapshot();
  if (!snapshot) return send_error(responder, snapshot.error());
  const auto summaries = find_summaries(service, *snapshot, *parsed);
  if (!summaries) return send_error(responder, summaries.error());
  JsonWriter out;
  out.begin_object();
  out.key("summaries");
  out.begin_array();
  for (const query::TraceSummary& each : *summaries) query::write_json(out, each);
  out.end_array();
  out.end_object();
  send_json(responder, std::move(out));
}

}  // namespace

Result<std::vector<query::TraceSummary>> find_summaries(const QueryService& service, store::Snapshot& snapshot,
                                                        const query::JaegerQuery& query) {
  MESHFLOW_TRY(const auto found, query::find_jaeger_traces(snapshot, query, service.limits()));
  std::vector<query::TraceSummary> summaries;
  for (std::size_t at = 0; at < found.size(); at += kTracesAtOnce) {
    std::vector<otlp::TraceId> some;
    for (std::size_t i = at; i < std::min(at + kTracesAtOnce, found.size()); ++i) some.push_back(found[i].trace_id);
    MESHFLOW_TRY(const auto traces, snapshot.traces(some, service.limits()));
    for (const store::StoredTrace& trace : traces) summaries.push_back(query::summarize(trace));
  }
  return summaries;
}

void add_jaeger_v3_routes(const QueryService& service, net::HttpRouter& router) {
  constexpr std::string_view kApi = "jaeger-v3";
  service.add(router, kApi, "/api/v3/services", "services",
              [&service](const auto& /*request*/, const auto& responder) { send_services(service, responder); });
  service.add(router, kApi, "/api/v3/operations", "operations",
              [&service](const auto& request, const auto& responder) { send_operations(service, request, responder); });
  service.add(router, kApi, "/api/v3/traces", "search",
              [&service](const auto& request, const auto& responder) { send_search(service, request, responder); });
  service.add(router, kApi, "/api/v3/traces/{id}", "trace",
              [&service](const auto& request, const auto& responder) { send_trace(service, request, responder); });
  service.add(router, kApi, "/api/v3/trace-summaries", "summaries",
              [&service](const auto& request, const auto& responder) { send_summaries(service, request, responder); });
}

}  // namespace meshflow::server
