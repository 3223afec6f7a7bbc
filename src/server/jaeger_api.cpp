#include "server/jaeger_api.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "otlp/json.hpp"
#include "query/dependencies.hpp"
#include "query/jaeger_search.hpp"
#include "query/jaeger_trace.hpp"
#include "query/json_writer.hpp"
#include "server/api_error.hpp"
#include "server/jaeger_names.hpp"
#include "server/reply_writer.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;

constexpr std::string_view kJson = "application/json";
// Traces that are in memory at once while an answer is written. A page of Jaeger's is 20: reading it in one go costs
// less than in two.
constexpr std::size_t kTracesAtOnce = 32;
// So much of an answer is handed on while the rest is being written.
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

// A part of the envelope's `errors`.
struct EnvelopeError {
  int code = 0;  // 0: none
  std::string message;
  std::string trace_id = {};
};

void write_envelope_end(JsonWriter& out, std::size_t total, const std::vector<EnvelopeError>& errors) {
  out.key("total");
  out.integer(static_cast<std::uint64_t>(total));
  out.key("limit");
  out.integer(std::uint64_t{0});
  out.key("offset");
  out.integer(std::uint64_t{0});
  out.key("errors");
  if (errors.empty()) {
    out.null();
  } else {
    out.begin_array();
    for (const EnvelopeError& error : errors) {
      out.begin_object();
      if (error.code != 0) {
        out.key("code");
        out.integer(static_cast<std::int64_t>(error.code));
      }
      out.field("msg", error.message);
      if (!error.trace_id.empty()) out.field("traceID", error.trace_id);
      out.end_object();
    }
    out.end_array();
  }
  out.end_object();
}

net::HttpReply envelope_error(int status, std::string_view message) {
  JsonWriter out;
  out.begin_object();
  out.key("data");
  out.null();
  write_envelope_end(out, 0, {{status, std::string(message), {}}});
  net::HttpReply reply;
  reply.status = status;
  reply.content_type = kJson;
  reply.body = out.take() + "\n";
  return reply;
}

net::HttpReply v3_error(int status, std::string_view message) {
  JsonWriter out;
  out.begin_object();
  out.key("error");
  out.begin_object();
  out.key("httpCode");
  out.integer(static_cast<std::int64_t>(status));
  out.field("message", message);
  out.end_object();
  out.end_object();
  net::HttpReply reply;
  reply.status = status;
  reply.content_type = kJson;
  reply.body = out.take() + "\n";
  return reply;
}

void send_error(const HttpResponder& responder, const Error& error) {
  responder.send(envelope_error(http_status_of(error), error.message));
}

// An answer whose `data` is written by `write_data`.
template <typename WriteData>
void send_envelope(const HttpResponder& responder, std::size_t total, WriteData write_data) {
  JsonWriter out;
  out.begin_object();
  out.key("data");
  write_data(out);
  write_envelope_end(out, total, {});
  net::HttpReply reply;
  reply.content_type = kJson;
  reply.body = out.take();
  responder.send(std::move(reply));
}

void write_strings(JsonWriter& out, const std::vector<std::string>& strings) {
  out.begin_array();
  for (const std::string& each : strings) out.string(each);
  out.end_array();
}

// ---- services and operations ----------------------------------------------------------------------------------------

void send_services(const QueryService& service, const HttpResponder& responder) {
  const auto names = jaeger_services(service);
  if (!names) return send_error(responder, names.error());
  send_envelope(responder, names->size(), [&](JsonWriter& out) { write_strings(out, *names); });
}

void send_operation_names(const QueryService& service, const HttpServerRequest& request,
                          const HttpResponder& responder) {
  const auto operations = jaeger_operations(service, request.path_parameter("service"), "");
  if (!operations) return send_error(responder, operations.error());
  std::vector<std::string> names;
  for (const JaegerOperation& each : *operations) {
    if (names.empty() || names.back() != each.name) names.push_back(each.name);
  }
  send_envelope(responder, names.size(), [&](JsonWriter& out) {
    // As Jaeger has it, and here alone.
    if (names.empty()) return out.null();
    write_strings(out, names);
  });
}

void send_operations(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const std::string_view name = request.query_value("service").value_or("");
  if (name.empty()) return responder.send(envelope_error(400, "parameter 'service' is required"));
  const auto operations = jaeger_operations(service, name, request.query_value("spanKind").value_or(""));
  if (!operations) return send_error(responder, operations.error());
  send_envelope(responder, operations->size(), [&](JsonWriter& out) {
    out.begin_array();
    for (const JaegerOperation& each : *operations) {
      out.begin_object();
      out.field("name", each.name);
      out.field("spanKind", each.kind);
      out.end_object();
    }
    out.end_array();
  });
}

// ---- traces ---------------------------------------------------------------------------------------------------------

// Writes `data` and the envelope around it, a few traces at a time, for as long as the client takes them.
void send_traces(const QueryService& service, store::Snapshot& snapshot, const std::vector<otlp::TraceId>& ids,
                 query::JaegerAdjust adjust, bool name_missing, const HttpResponder& responder) {
  ReplyWriter reply(responder, std::string(kJson));
  std::vector<EnvelopeError> errors;
  JsonWriter out;
  out.begin_object();
  out.key("data");
  out.begin_array();
  for (std::size_t at = 0; at < ids.size(); at += kTracesAtOnce) {
    const std::span<const otlp::TraceId> some(ids.data() + at, std::min(kTracesAtOnce, ids.size() - at));
    const auto traces = snapshot.traces(some, service.limits());
    if (!traces) {
      // Of a stream nothing more comes: its client sees that it is cut off.
      if (reply.is_unsent()) send_error(responder, traces.error());
      return;
    }
    std::set<otlp::TraceId> found;
    for (const store::StoredTrace& trace : *traces) {
      query::write_json(out, query::to_jaeger(trace, adjust));
      found.insert(trace.trace_id);
      if (out.size() >= kPieceBytes && !reply.write(out.take())) return;
    }
    for (const otlp::TraceId& id : some) {
      if (name_missing && !found.contains(id)) errors.push_back({0, "trace not found", query::jaeger_trace_id(id)});
    }
    if (!reply.write(out.take())) return;
  }
  out.end_array();
  write_envelope_end(out, 0, errors);
  if (reply.write(out.take())) reply.finish();
}

void send_search(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto parsed = query::parse_jaeger_query(request.query, service.now());
  if (!parsed) return send_error(responder, parsed.error());
  auto snapshot = service.store().snapshot();
  if (!snapshot) return send_error(responder, snapshot.error());
  const auto adjust = parsed->is_raw ? query::JaegerAdjust::no : query::JaegerAdjust::yes;
  std::vector<otlp::TraceId> ids = parsed->trace_ids;
  const bool by_id = !ids.empty();
  if (!by_id) {
    const auto found = query::find_jaeger_traces(*snapshot, *parsed, service.limits());
    if (!found) return send_error(responder, found.error());
    for (const query::FoundTrace& each : *found) ids.push_back(each.trace_id);
  }
  send_traces(service, *snapshot, ids, adjust, by_id, responder);
}

void send_trace(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto id = query::parse_jaeger_trace_id(request.path_parameter("id"), true);
  if (!id) return send_error(responder, id.error());
  const auto trace = service.trace(*id);
  if (!trace) return send_error(responder, trace.error());
  const std::string_view raw = request.query_value("raw").value_or("");
  const bool is_raw = raw == "true" || raw == "1" || raw == "t" || raw == "T" || raw == "TRUE" || raw == "True";
  send_envelope(responder, 0, [&](JsonWriter& out) {
    out.begin_array();
    query::write_json(out, query::to_jaeger(*trace, is_raw ? query::JaegerAdjust::no : query::JaegerAdjust::yes));
    out.end_array();
  });
}

// ---- the rest -------------------------------------------------------------------------------------------------------

// A count of milliseconds; nothing where it is none.
std::optional<std::int64_t> parse_milliseconds(std::string_view text) {
  const std::optional<query::Number> number = query::parse_number(text);
  if (!number || !number->integer) return std::nullopt;
  return number->integer;
}

void send_dependencies(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  constexpr std::int64_t kDayMs = 24 * 3'600 * 1'000;
  constexpr std::int64_t kMillisecondsMax = INT64_MAX / kMillisecond;
  std::int64_t end_ms = service.now() / kMillisecond;
  std::int64_t back_ms = kDayMs;
  for (auto& [name, value] : {std::pair("endTs", &end_ms), std::pair("lookback", &back_ms)}) {
    const std::string_view text = request.query_value(name).value_or("");
    if (text.empty()) continue;
    const std::optional<std::int64_t> number = parse_milliseconds(text);
    if (!number) {
      return responder.send(envelope_error(
          400,
          fmt::format("unable to parse param '{}': strconv.ParseInt: parsing \"{}\": invalid syntax", name, text)));
    }
    *value = std::clamp<std::int64_t>(*number, 0, kMillisecondsMax);
  }
  auto snapshot = service.store().snapshot();
  if (!snapshot) return send_error(responder, snapshot.error());
  const store::TimeRange range{static_cast<std::uint64_t>(std::max<std::int64_t>(end_ms - back_ms, 0) * kMillisecond),
                               static_cast<std::uint64_t>(end_ms * kMillisecond)};
  const auto found = query::find_dependencies(*snapshot, range, service.limits());
  if (!found) return send_error(responder, found.error());
  const std::string_view only = request.query_value("service").value_or("");
  send_envelope(responder, 0, [&](JsonWriter& out) {
    out.begin_array();
    for (const query::Dependency& each : *found) {
      if (!only.empty() && each.parent != only && each.child != only) continue;
      out.begin_object();
      out.field("parent", each.parent);
      out.field("child", each.child);
      out.key("callCount");
      out.integer(each.calls);
      out.end_object();
    }
    out.end_array();
  });
}

// The traces of one OTLP request, each apart.
std::vector<store::StoredTrace> split_by_trace(const otlp::TracesData& data) {
  std::map<otlp::TraceId, store::StoredTrace> traces;
  for (const otlp::ResourceSpans& resource_spans : data.resource_spans) {
    for (const otlp::ScopeSpans& scope_spans : resource_spans.scope_spans) {
      std::map<otlp::TraceId, otlp::ResourceSpans> parts;
      for (const otlp::Span& span : scope_spans.spans) {
        otlp::ResourceSpans& part = parts[span.trace_id];
        if (part.scope_spans.empty()) {
          part.resource = resource_spans.resource;
          part.scope_spans.push_back({scope_spans.scope, {}, scope_spans.schema_url});
        }
        part.scope_spans.front().spans.push_back(span);
      }
      for (auto& [id, part] : parts) {
        store::StoredTrace& trace = traces[id];
        trace.trace_id = id;
        trace.data.resource_spans.push_back(std::move(part));
      }
    }
  }
  std::vector<store::StoredTrace> out;
  for (auto& [id, trace] : traces) out.push_back(std::move(trace));
  return out;
}

// OTLP JSON that a person gives the UI, as Jaeger's JSON.
void send_transformed(const HttpServerRequest& request, const HttpResponder& responder) {
  const auto decoded = otlp::decode_traces_json(request.body);
  if (!decoded) return send_error(responder, decoded.error());
  send_envelope(responder, 0, [&](JsonWriter& out) {
    out.begin_array();
    for (const store::StoredTrace& trace : split_by_trace(decoded->value)) {
      query::write_json(out, query::to_jaeger(trace));
    }
    out.end_array();
  });
}

}  // namespace

net::HttpReply render_jaeger_error(const HttpServerRequest& request, int status, std::string_view sentence) {
  const bool is_our_own = request.path.starts_with("/api/meshflow/") || request.path.starts_with("/tempo/");
  if (is_our_own) return render_api_error(request, status, sentence);
  return request.path.starts_with("/api/v3/") ? v3_error(status, sentence) : envelope_error(status, sentence);
}

void add_jaeger_routes(const QueryService& service, net::HttpRouter& router) {
  constexpr std::string_view kApi = "jaeger";
  service.add(router, kApi, "/api/services", "services",
              [&service](const auto& /*request*/, const auto& responder) { send_services(service, responder); });
  service.add(
      router, kApi, "/api/services/{service}/operations", "operations",
      [&service](const auto& request, const auto& responder) { send_operation_names(service, request, responder); });
  service.add(router, kApi, "/api/operations", "operations",
              [&service](const auto& request, const auto& responder) { send_operations(service, request, responder); });
  service.add(router, kApi, "/api/traces", "search",
              [&service](const auto& request, const auto& responder) { send_search(service, request, responder); });
  service.add(router, kApi, "/api/traces/{id}", "trace",
              [&service](const auto& request, const auto& responder) { send_trace(service, request, responder); });
  service.add(
      router, kApi, "/api/dependencies", "dependencies",
      [&service](const auto& request, const auto& responder) { send_dependencies(service, request, responder); });
  service.add(router, kApi, "POST", "/api/transform", "transform",
              [](const auto& request, const auto& responder) { send_transformed(request, responder); });
  // What this server does not have is refused in Jaeger's words: its UI then leaves the feature out.
  const auto refuse = [&router](std::string_view method, std::string_view pattern, int status, std::string sentence) {
    router.add(method, pattern, [status, sentence](const auto& /*request*/, const HttpResponder& responder) {
      responder.send(envelope_error(status, sentence));
    });
  };
  refuse("POST", "/api/archive/{id}", 500, "archive span storage was not configured");
  for (const std::string_view metric : {"latencies", "calls", "errors", "minstep"}) {
    refuse("GET", fmt::format("/api/metrics/{}", metric), 501, "metrics querying is currently disabled");
  }
  add_jaeger_v3_routes(service, router);
}

}  // namespace meshflow::server
