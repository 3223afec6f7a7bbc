// The web UI's questions about one trace.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/jaeger_search.hpp"
#include "query/outline.hpp"
#include "query/outline_find.hpp"
#include "query/span_json.hpp"
#include "query/traceql/check.hpp"
#include "server/api_error.hpp"
#include "server/ui_api.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;

Result<otlp::TraceId> trace_id_of(const HttpServerRequest& request) {
  return query::parse_jaeger_trace_id(request.path_parameter("id"));
}

Result<otlp::SpanId> span_id_of(const HttpServerRequest& request) {
  const auto bytes = from_hex(request.path_parameter("span"));
  otlp::SpanId id{};
  if (!bytes || bytes->size() != id.size()) {
    return fail(ErrorCode::invalid_argument, "a span id has 16 hex digits");
  }
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return id;
}

// `tag` without quotes. The client's is compared as text: answers are sent whole or not at all.
bool has_tag(const HttpServerRequest& request, std::string_view tag) {
  return request.header("if-none-match").find(fmt::format("\"{}\"", tag)) != std::string_view::npos;
}

void send_tagged(const HttpServerRequest& request, const HttpResponder& responder, std::string_view tag,
                 std::string body) {
  net::HttpReply reply;
  reply.headers = {{"ETag", fmt::format("\"{}\"", tag)}, {"Cache-Control", "private, no-cache"}};
  if (has_tag(request, tag)) {
    reply.status = 304;
  } else {
    reply.content_type = "application/json";
    reply.body = std::move(body);
  }
  responder.send(std::move(reply));
}

}  // namespace

void UiApi::add_trace_routes(net::HttpRouter& router) {
  constexpr std::string_view kApi = "meshflow";
  service_.add(router, kApi, "/api/meshflow/traces/{id}/outline", "outline",
               [this](const auto& request, const auto& responder) { send_outline(request, responder); });
  service_.add(router, kApi, "/api/meshflow/traces/{id}/spans/{span}", "span",
               [this](const auto& request, const auto& responder) { send_span(request, responder); });
  service_.add(router, kApi, "/api/meshflow/traces/{id}/find", "find",
               [this](const auto& request, const auto& responder) { send_found(request, responder); });
}

Result<UiApi::OutlineText> UiApi::outline(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                          std::string_view since) {
  const auto known = since.empty() ? nullptr : outlines_.find(since);
  query::OutlineOptions options{.limits = service_.limits()};
  // Behind folded rows nothing can be added.
  if (known != nullptr && known->hidden.empty()) options.known = known->span_ids;
  MESHFLOW_TRY(const query::Outline outline, query::read_outline(snapshot, trace_id, options));
  outlines_.keep(outline);
  const bool is_whole = outline.known == 0;
  JsonWriter out;
  const auto more = [&](JsonWriter& to) {
    if (options_.more_of_outline) options_.more_of_outline(trace_id, to);
  };
  write_json(out, outline, is_whole ? std::string_view() : since, more);
  return OutlineText{out.take(), outline.revision(), is_whole, outline.rows.size() - outline.known};
}

void UiApi::send_outline(const HttpServerRequest& request, const HttpResponder& responder) {
  const auto trace_id = trace_id_of(request);
  if (!trace_id) return responder.send(error_reply(trace_id.error()));
  auto snapshot = service_.store().snapshot();
  if (!snapshot) return responder.send(error_reply(snapshot.error()));
  auto text = outline(*snapshot, *trace_id, request.query_value("since").value_or(""));
  if (!text) return responder.send(error_reply(text.error()));
  // Open spans change while the rows stay: then the whole is sent again.
  const std::string tag = options_.more_of_outline
                              ? fmt::format("{}-{:016x}", text->revision, std::hash<std::string>()(text->json))
                              : text->revision;
  send_tagged(request, responder, tag, std::move(text->json));
}

void UiApi::send_span(const HttpServerRequest& request, const HttpResponder& responder) const {
  const auto trace_id = trace_id_of(request);
  if (!trace_id) return responder.send(error_reply(trace_id.error()));
  const auto span_id = span_id_of(request);
  if (!span_id) return responder.send(error_reply(span_id.error()));
  auto snapshot = service_.store().snapshot();
  if (!snapshot) return responder.send(error_reply(snapshot.error()));
  const auto span = snapshot->span(*trace_id, *span_id, service_.limits());
  if (!span) return responder.send(error_reply(span.error()));
  if (!*span) return responder.send(error_reply({ErrorCode::not_found, "span not found", std::nullopt, {}}));
  JsonWriter out;
  write_span_json(out, **span);
  // A span never changes once it is here.
  send_tagged(request, responder, std::string(request.path_parameter("span")), out.take());
}

// Text, or TraceQL where it begins with a brace.
void UiApi::send_found(const HttpServerRequest& request, const HttpResponder& responder) {
  const auto trace_id = trace_id_of(request);
  if (!trace_id) return responder.send(error_reply(trace_id.error()));
  const std::string_view q = request.query_value("q").value_or("");
  if (q.empty()) {
    return responder.send(error_reply(
        {ErrorCode::invalid_argument, "the parameter q is missing", std::nullopt, "?q=text, or a TraceQL filter"}));
  }
  auto snapshot = service_.store().snapshot();
  if (!snapshot) return responder.send(error_reply(snapshot.error()));
  const bool is_traceql = q.starts_with('{');
  Result<std::vector<std::uint64_t>> found;
  if (is_traceql) {
    const auto checked = query::traceql::check_query(q);
    if (!checked) return responder.send(error_reply(checked.error(), q));
    const auto* const pipeline = std::get_if<query::traceql::Pipeline>(&checked->query().of);
    if (pipeline == nullptr) {
      return responder.send(
          error_reply({ErrorCode::invalid_argument, "q: a query for metrics finds no spans", std::nullopt, {}}));
    }
    found = query::find_spans(*snapshot, *trace_id, *pipeline, service_.limits());
  } else {
    found = query::find_text(*snapshot, *trace_id, q, service_.limits());
  }
  if (!found) return responder.send(error_reply(found.error()));
  std::string revision(request.query_value("revision").value_or(""));
  auto known = revision.empty() ? nullptr : outlines_.find(revision);
  if (known == nullptr) {
    const auto fresh = outline(*snapshot, *trace_id, {});
    if (!fresh) return responder.send(error_reply(fresh.error()));
    revision = fresh->revision;
    known = outlines_.find(revision);
  }
  std::vector<std::size_t> indices;
  if (known != nullptr) {
    const auto places = known->places();
    for (const std::uint64_t span_id : *found) {
      if (const auto place = places.find(span_id); place != places.end()) indices.push_back(place->second);
    }
  }
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  JsonWriter out;
  out.begin_object();
  out.key("indices");
  out.begin_array();
  for (const std::size_t each : indices) out.integer(std::uint64_t{each});
  out.end_array();
  out.field("revision", revision);
  out.field("language", is_traceql ? "traceql" : "text");
  out.key("matched");
  out.integer(std::uint64_t{found->size()});
  out.end_object();
  responder.send({.status = 200, .content_type = "application/json", .body = out.take()});
}

}  // namespace meshflow::server
