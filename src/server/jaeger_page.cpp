// Plain pages for people who have a trace id and a browser: the newest traces, and one trace as a waterfall. No script;
// every text that came from outside is escaped, and the Content-Security-Policy lets nothing run or load.
#include <algorithm>
#include <ctime>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/jaeger_search.hpp"
#include "query/number.hpp"
#include "query/resources.hpp"
#include "server/jaeger_api.hpp"
#include "server/jaeger_names.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;

constexpr std::string_view kStyle =
    "body{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#222;background:#fff}"
    "table{border-collapse:collapse;width:100%}th{text-align:left;border-bottom:1px solid #999}"
    "td,th{padding:.2em .8em .2em 0;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".e{color:#b00020;font-weight:600}code{font-size:13px}svg{display:block;width:100%;min-width:12em;height:1em}";

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

net::HttpReply page(int status, std::string_view title, std::string_view content) {
  // The style is allowed by its digest, so that no other style and no script is.
  static const std::string policy = fmt::format(
      "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      to_base64(sha256(kStyle)));
  net::HttpReply reply;
  reply.status = status;
  reply.content_type = "text/html; charset=utf-8";
  reply.headers = {{"Content-Security-Policy", policy},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Referrer-Policy", "no-referrer"},
                   {"Cache-Control", "no-store"}};
  reply.body = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title><style>{1}</style></head>"
      "<body><h1>{0}</h1>\n{2}</body></html>\n",
      escape(title), kStyle, content);
  return reply;
}

net::HttpReply error_page(const Error& error) {
  return page(http_status_of(error), "MeshFlow", fmt::format("<p>{}</p>", escape(error.message)));
}

// "2026-11-25 22:34:05.123" in UTC.
std::string time_text(std::uint64_t unix_nano) {
  const auto seconds = static_cast<std::time_t>(unix_nano / 1'000'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
  return fmt::format("{}.{:03}", date, unix_nano / 1'000'000 % 1'000);
}

std::string id_text(const otlp::TraceId& id) { return to_hex({reinterpret_cast<const char*>(id.data()), id.size()}); }

std::string duration_text(std::uint64_t start, std::uint64_t end) {
  // To the microsecond: nobody compares nanoseconds by eye.
  const std::uint64_t nanos = end > start ? end - start : 0;
  return query::go_duration(static_cast<std::int64_t>(std::min<std::uint64_t>(nanos / 1'000 * 1'000, INT64_MAX)));
}

void send_newest(const QueryService& service, const HttpResponder& responder) {
  auto snapshot = service.store().snapshot();
  if (!snapshot) return responder.send(error_page(snapshot.error()));
  query::JaegerQuery newest;
  newest.traces_max = 20;
  const auto summaries = find_summaries(service, *snapshot, newest);
  if (!summaries) return responder.send(error_page(summaries.error()));
  std::string rows;
  for (const query::TraceSummary& each : *summaries) {
    const std::string id = id_text(each.trace_id);
    const std::string root = each.root_operation.empty() ? "(no root span yet)" : each.root_operation;
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td><a href=\"/trace/{}\">{}</a></td><td class=\"n\">{}</td><td class=\"n\">{}</td>"
        "<td class=\"n{}\">{}</td><td><code>{}</code> <a href=\"/api/traces/{}\">JSON</a></td></tr>\n",
        time_text(each.start_unix_nano), escape(each.root_service), id, escape(root),
        duration_text(each.start_unix_nano, each.end_unix_nano), each.spans, each.error_spans > 0 ? " e" : "",
        each.error_spans, id, id);
  }
  std::string content =
      "<table><thead><tr><th>Start (UTC)</th><th>Service</th><th>Root span</th><th>Duration</th><th>Spans</th>"
      "<th>Errors</th><th>Trace</th></tr></thead><tbody>\n" +
      rows + "</tbody></table>\n";
  if (rows.empty()) content = "<p>No traces yet. Send OTLP to port 4318 (HTTP) or 4317 (gRPC).</p>\n";
  responder.send(page(200, "Newest traces", content));
}

struct Row {
  const otlp::Span* span;
  std::string service;
  std::size_t depth;
};

// Spans as a tree: children below their parent, by start. Spans whose parents are missing, or that are each other's
// parents, stand at the top.
std::vector<Row> tree_of(const store::StoredTrace& trace) {
  std::vector<Row> all;
  for (const otlp::ResourceSpans& resource_spans : trace.data.resource_spans) {
    const std::string service = query::service_name_of(resource_spans.resource);
    for (const otlp::ScopeSpans& scope_spans : resource_spans.scope_spans) {
      for (const otlp::Span& span : scope_spans.spans) all.push_back({&span, service, 0});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Row& a, const Row& b) {
    return a.span->start_time_unix_nano < b.span->start_time_unix_nano;
  });
  std::map<otlp::SpanId, std::vector<std::size_t>> children;
  std::map<otlp::SpanId, std::size_t> by_id;
  for (std::size_t i = 0; i < all.size(); ++i) by_id.emplace(all[i].span->span_id, i);
  std::vector<std::size_t> roots;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (by_id.contains(all[i].span->parent_span_id)) {
      children[all[i].span->parent_span_id].push_back(i);
    } else {
      roots.push_back(i);
    }
  }
  std::vector<Row> tree;
  std::vector<bool> is_placed(all.size(), false);
  const auto place = [&](std::size_t root) {
    std::vector<std::pair<std::size_t, std::size_t>> stack{{root, 0}};
    while (!stack.empty()) {
      const auto [index, depth] = stack.back();
      stack.pop_back();
      if (is_placed[index]) continue;
      is_placed[index] = true;
      tree.push_back({all[index].span, all[index].service, depth});
      const std::vector<std::size_t>& below = children[all[index].span->span_id];
      for (auto each = below.rbegin(); each != below.rend(); ++each) stack.emplace_back(*each, depth + 1);
    }
  };
  for (const std::size_t root : roots) place(root);
  for (std::size_t i = 0; i < all.size(); ++i) place(i);
  return tree;
}

// A span's bar, to scale within the trace.
std::string bar_of(const otlp::Span& span, std::uint64_t start, std::uint64_t end) {
  const double whole = std::max(1.0, static_cast<double>(end - start));
  const std::uint64_t span_end = std::max(span.end_time_unix_nano, span.start_time_unix_nano);
  const double left = 100 * static_cast<double>(span.start_time_unix_nano - start) / whole;
  const double width = std::max(0.3, 100 * static_cast<double>(span_end - span.start_time_unix_nano) / whole);
  return fmt::format(
      "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\"><rect x=\"{:.2f}\" y=\"1\" width=\"{:.2f}\" "
      "height=\"8\" fill=\"{}\"/></svg>",
      std::min(left, 99.7), width, span.status.code == otlp::StatusCode::error ? "#b00020" : "#3367d6");
}

// What a page shows; the JSON has all.
constexpr std::size_t kPageSpansMax = 2'000;
constexpr std::size_t kIndentMax = 40;

void send_trace_page(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto id = query::parse_jaeger_trace_id(request.path_parameter("id"));
  if (!id) return responder.send(error_page(id.error()));
  const auto trace = service.trace(*id);
  if (!trace) return responder.send(error_page(trace.error()));
  const query::TraceSummary summary = query::summarize(*trace);
  const std::vector<Row> tree = tree_of(*trace);
  std::string rows;
  for (std::size_t i = 0; i < std::min(tree.size(), kPageSpansMax); ++i) {
    const otlp::Span& span = *tree[i].span;
    const bool is_error = span.status.code == otlp::StatusCode::error;
    std::string indent;
    for (std::size_t level = 0; level < std::min(tree[i].depth, kIndentMax); ++level) indent += "&nbsp;&nbsp;";
    rows += fmt::format(
        "<tr><td>{}<span class=\"{}\">{}</span></td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td "
        "class=\"e\">{}</td></tr>\n",
        indent, is_error ? "e" : "", escape(span.name), escape(tree[i].service),
        duration_text(span.start_time_unix_nano, span.end_time_unix_nano),
        bar_of(span, summary.start_unix_nano, summary.end_unix_nano), escape(is_error ? span.status.message : ""));
  }
  const std::string hex = id_text(*id);
  const std::string left_out =
      tree.size() > kPageSpansMax ? fmt::format(" The first {} are shown.", kPageSpansMax) : std::string();
  const std::string content = fmt::format(
      "<p><code>{}</code>, {} UTC, {}, {} spans.{} <a href=\"/api/traces/{}\">JSON</a> · <a href=\"/\">newest "
      "traces</a></p>\n<table><thead><tr><th>Span</th><th>Service</th><th>Duration</th><th>Time</th><th>Error</th>"
      "</tr></thead><tbody>\n{}</tbody></table>\n",
      hex, time_text(summary.start_unix_nano), duration_text(summary.start_unix_nano, summary.end_unix_nano),
      summary.spans, left_out, hex, rows);
  responder.send(page(200, summary.root_operation.empty() ? "Trace" : summary.root_operation, content));
}

}  // namespace

void add_jaeger_pages(const QueryService& service, net::HttpRouter& router) {
  constexpr std::string_view kApi = "page";
  for (const std::string_view path : {"/", "/search"}) {
    service.add(router, kApi, path, "newest",
                [&service](const auto& /*request*/, const auto& responder) { send_newest(service, responder); });
  }
  service.add(router, kApi, "/trace/{id}", "trace",
              [&service](const auto& request, const auto& responder) { send_trace_page(service, request, responder); });
}

}  // namespace meshflow::server
