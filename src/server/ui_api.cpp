#include "server/ui_api.hpp"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/try.hpp"
#include "base/version.hpp"
#include "query/run_list.hpp"
#include "query/run_question.hpp"
#include "query/sql/run.hpp"
#include "query/trace_name.hpp"
#include "query/trace_rows.hpp"
#include "query/traceql/limits.hpp"
#include "server/api_error.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;

constexpr std::uint64_t kApiVersion = 1;

void send_json(const HttpResponder& responder, JsonWriter& out) {
  responder.send({.status = 200, .content_type = "application/json", .body = out.take()});
}

void write_count(JsonWriter& out, std::string_view name, std::uint64_t count) {
  out.key(name);
  out.integer(count);
}

void write_limits(JsonWriter& out) {
  out.key("limits");
  out.begin_object();
  write_count(out, "runs_max", query::kRunsMax);
  write_count(out, "outline_rows_max", query::kOutlineRowsMax);
  write_count(out, "outline_events_max", query::kOutlineEventsMax);
  write_count(out, "query_bytes_max", query::traceql::kQueryBytesMax);
  write_count(out, "sql_rows_max", query::sql::kRowsMax);
  out.end_object();
}

void write_listeners(JsonWriter& out, const std::vector<ServerListener>& listeners) {
  out.key("listeners");
  out.begin_array();
  for (const ServerListener& each : listeners) {
    out.begin_object();
    out.field("name", each.name);
    out.field("ip", each.address.ip);
    write_count(out, "port", each.address.port);
    out.end_object();
  }
  out.end_array();
}

// Traces of which some span names a run.
Result<std::uint64_t> count_runs(store::Snapshot& snapshot, const store::QueryLimits& limits) {
  std::string sql;
  for (const store::Piece& piece : snapshot.pieces()) {
    sql += sql.empty() ? "" : " UNION ALL ";
    sql += piece.traces.empty() ? fmt::format("SELECT trace_id FROM {} WHERE meshflow_run_id IS NOT NULL", piece.source)
                                : fmt::format("SELECT trace_id FROM {} WHERE run != 0", piece.traces);
  }
  if (sql.empty()) return std::uint64_t{0};
  const std::string count = fmt::format("SELECT count(DISTINCT trace_id)::UBIGINT FROM ({})", sql);
  MESHFLOW_TRY(const store::Rows rows, snapshot.query(count, {}, limits));
  return std::get<std::uint64_t>(rows.rows.front().front());
}

std::string_view name_of(query::ResolvedId::Kind kind) {
  switch (kind) {
    case query::ResolvedId::Kind::trace: return "trace";
    case query::ResolvedId::Kind::span: return "span";
    case query::ResolvedId::Kind::run: return "run";
  }
  return {};
}

void write_match(JsonWriter& out, const query::ResolvedId& match, const query::TraceRow& row) {
  out.begin_object();
  out.field("kind", name_of(match.kind));
  out.field("trace_id", query::hex_of(match.trace_id));
  if (match.span_id) out.field("span_id", query::hex_of(*match.span_id));
  if (!row.run_id.empty()) out.field("run_id", row.run_id);
  out.field("root", row.root);
  out.field("start_ns", fmt::format("{}", row.start_unix_nanos));
  out.end_object();
}

}  // namespace

UiApi::UiApi(const QueryService& service, UiApiOptions options)
    : service_(service), options_(std::move(options)), views_(options_.views_file, system_files(), system_clock()) {}

void UiApi::add_routes(net::HttpRouter& router) {
  constexpr std::string_view kApi = "meshflow";
  service_.add(router, kApi, "/api/meshflow/capabilities", "capabilities",
               [this](const auto& request, const auto& responder) { send_capabilities(request, responder); });
  service_.add(router, kApi, "/api/meshflow/runs", "runs",
               [this](const auto& request, const auto& responder) { send_runs(request, responder); });
  service_.add(router, kApi, "/api/meshflow/resolve", "resolve",
               [this](const auto& request, const auto& responder) { send_resolved(request, responder); });
  add_trace_routes(router);
  add_query_routes(router);
  add_view_routes(router);
  add_differ_routes(router);
}

void UiApi::send_capabilities(const HttpServerRequest& request, const HttpResponder& responder) const {
  auto snapshot = service_.store().snapshot();
  if (!snapshot) return responder.send(error_reply(snapshot.error()));
  const auto runs = count_runs(*snapshot, service_.limits());
  if (!runs) return responder.send(error_reply(runs.error()));
  std::uint64_t spans = 0;
  for (const store::Piece& piece : snapshot->pieces()) spans += piece.rows;
  JsonWriter out;
  out.begin_object();
  out.field("version", version());
  write_count(out, "api", kApiVersion);
  out.key("sql");
  out.boolean(options_.may_ask_sql && options_.may_ask_sql(request));
  write_limits(out);
  write_listeners(out, options_.listeners ? options_.listeners() : std::vector<ServerListener>());
  write_count(out, "retention_s", static_cast<std::uint64_t>(service_.store().retention().count()));
  write_count(out, "spans", spans);
  write_count(out, "runs", *runs);
  if (options_.more_capabilities) options_.more_capabilities(request, out);
  out.end_object();
  send_json(responder, out);
}

void UiApi::send_runs(const HttpServerRequest& request, const HttpResponder& responder) const {
  auto asked = query::read_run_question(request.query);
  if (!asked) return responder.send(error_reply(asked.error().problem, asked.error().text));
  asked->question.limits = service_.limits();
  auto snapshot = service_.store().snapshot();
  if (!snapshot) return responder.send(error_reply(snapshot.error()));
  const auto page = query::list_runs(*snapshot, asked->question);
  if (!page) return responder.send(error_reply(page.error()));
  JsonWriter out;
  out.begin_object();
  out.key("runs");
  out.begin_array();
  for (const query::TraceRow& row : page->rows) write_run_json(out, row);
  out.end_array();
  out.key("total");
  page->total ? out.integer(*page->total) : out.null();
  out.key("next_cursor");
  page->next_cursor.empty() ? out.null() : out.string(page->next_cursor);
  out.field("query", asked->query);
  out.key("tags");
  asked->jaeger_tags ? out.string(*asked->jaeger_tags) : out.null();
  if (page->cut_by) out.field("partial", page->cut_by->message);
  out.end_object();
  send_json(responder, out);
}

void UiApi::send_resolved(const HttpServerRequest& request, const HttpResponder& responder) const {
  const std::string_view id = request.query_value("id").value_or("");
  if (id.empty()) {
    return responder.send(error_reply(
        {ErrorCode::invalid_argument, "the parameter id is missing", std::nullopt, "?id=run_…, or hex digits"}));
  }
  auto snapshot = service_.store().snapshot();
  if (!snapshot) return responder.send(error_reply(snapshot.error()));
  const auto matches = query::resolve_id(*snapshot, id, service_.limits());
  if (!matches) return responder.send(error_reply(matches.error()));
  std::map<otlp::TraceId, query::TraceRow> rows;
  for (const query::ResolvedId& match : *matches) rows.try_emplace(match.trace_id);
  std::vector<otlp::TraceId> ids;
  for (const auto& [trace_id, unused] : rows) ids.push_back(trace_id);
  auto read = query::read_trace_rows(*snapshot, ids, service_.limits());
  if (!read) return responder.send(error_reply(read.error()));
  for (query::TraceRow& row : *read) rows[row.trace_id] = std::move(row);
  JsonWriter out;
  out.begin_object();
  out.key("matches");
  out.begin_array();
  for (const query::ResolvedId& match : *matches) write_match(out, match, rows[match.trace_id]);
  out.end_array();
  out.key("more");
  out.boolean(matches->size() >= query::kResolvedMax);
  out.end_object();
  send_json(responder, out);
}

}  // namespace meshflow::server
