#include "query/summary.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/resources.hpp"

namespace meshflow::query {
namespace {

// Calls `visit` with each span and its resource.
template <typename Visit>
void for_each_span(const store::StoredTrace& trace, Visit visit) {
  for (const otlp::ResourceSpans& resource_spans : trace.data.resource_spans) {
    for (const otlp::ScopeSpans& scope_spans : resource_spans.scope_spans) {
      for (const otlp::Span& span : scope_spans.spans) visit(span, resource_spans.resource);
    }
  }
}

void write_count(JsonWriter& out, std::string_view name, std::uint64_t count) {
  if (count == 0) return;
  out.key(name);
  out.integer(count);
}

void write_text(JsonWriter& out, std::string_view name, std::string_view text) {
  if (!text.empty()) out.field(name, text);
}

}  // namespace

TraceSummary summarize(const store::StoredTrace& trace) {
  TraceSummary summary;
  summary.trace_id = trace.trace_id;
  summary.start_unix_nano = UINT64_MAX;
  std::set<otlp::SpanId> ids;
  for_each_span(trace, [&](const otlp::Span& span, const otlp::Resource& /*resource*/) { ids.insert(span.span_id); });
  std::map<std::string, ServiceSummary> services;
  const otlp::Span* root = nullptr;
  for_each_span(trace, [&](const otlp::Span& span, const otlp::Resource& resource) {
    const std::string service = service_name_of(resource);
    ServiceSummary& of_service = services[service];
    const bool is_error = span.status.code == otlp::StatusCode::error;
    ++of_service.spans;
    ++summary.spans;
    of_service.error_spans += is_error ? 1 : 0;
    summary.error_spans += is_error ? 1 : 0;
    summary.start_unix_nano = std::min(summary.start_unix_nano, span.start_time_unix_nano);
    summary.end_unix_nano = std::max(summary.end_unix_nano, span.end_time_unix_nano);
    if (otlp::is_set(span.parent_span_id)) {
      summary.orphan_spans += ids.contains(span.parent_span_id) ? 0 : 1;
    } else if (root == nullptr || span.start_time_unix_nano < root->start_time_unix_nano) {
      root = &span;
      summary.root_service = service;
      summary.root_operation = span.name;
    }
  });
  if (summary.spans == 0) summary.start_unix_nano = 0;
  for (auto& [name, service] : services) {
    service.name = name;
    summary.services.push_back(std::move(service));
  }
  return summary;
}

void write_json(JsonWriter& out, const TraceSummary& summary) {
  out.begin_object();
  out.field("traceId", to_hex({reinterpret_cast<const char*>(summary.trace_id.data()), summary.trace_id.size()}));
  write_text(out, "rootServiceName", summary.root_service);
  write_text(out, "rootOperationName", summary.root_operation);
  if (summary.start_unix_nano != 0) out.field("minStartTimeUnixNano", fmt::format("{}", summary.start_unix_nano));
  if (summary.end_unix_nano != 0) out.field("maxEndTimeUnixNano", fmt::format("{}", summary.end_unix_nano));
  write_count(out, "spanCount", summary.spans);
  write_count(out, "errorSpanCount", summary.error_spans);
  write_count(out, "orphanSpanCount", summary.orphan_spans);
  out.key("services");
  out.begin_array();
  for (const ServiceSummary& service : summary.services) {
    out.begin_object();
    out.field("name", service.name);
    write_count(out, "spanCount", service.spans);
    write_count(out, "errorSpanCount", service.error_spans);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

}  // namespace meshflow::query
