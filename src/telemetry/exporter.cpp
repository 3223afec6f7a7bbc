#include "telemetry/exporter.hpp"

#include "otlp/wire.hpp"

namespace meshflow::telemetry {
namespace {

namespace wire = otlp::wire;
using otlp::ResourceSpansField;
using otlp::ScopeSpansField;
using otlp::TracesField;

std::size_t scope_spans_size(const SpanBatch::ScopeSpans& scope) noexcept {
  std::size_t size = 0;
  if (!scope.scope.empty()) size += wire::length_field_size<ScopeSpansField::scope>(scope.scope.size());
  for (const std::string_view span : scope.spans) {
    size += wire::length_field_size<ScopeSpansField::spans>(span.size());
  }
  if (!scope.schema_url.empty()) size += wire::length_field_size<ScopeSpansField::schema_url>(scope.schema_url.size());
  return size;
}

char* write_scope_spans(char* out, const SpanBatch::ScopeSpans& scope) noexcept {
  out = wire::write_length_header<ResourceSpansField::scope_spans>(out, scope_spans_size(scope));
  if (!scope.scope.empty()) out = wire::write_length_field<ScopeSpansField::scope>(out, scope.scope);
  for (const std::string_view span : scope.spans) out = wire::write_length_field<ScopeSpansField::spans>(out, span);
  if (!scope.schema_url.empty()) out = wire::write_length_field<ScopeSpansField::schema_url>(out, scope.schema_url);
  return out;
}

}  // namespace

std::string encode_request(const SpanBatch& batch) {
  if (batch.span_count == 0) return {};
  std::size_t size = 0;
  if (!batch.resource.empty()) size += wire::length_field_size<ResourceSpansField::resource>(batch.resource.size());
  for (const SpanBatch::ScopeSpans& scope : batch.scopes) {
    size += wire::length_field_size<ResourceSpansField::scope_spans>(scope_spans_size(scope));
  }
  const std::string_view schema_url = batch.resource_schema_url;
  if (!schema_url.empty()) size += wire::length_field_size<ResourceSpansField::schema_url>(schema_url.size());

  std::string request(wire::length_field_size<TracesField::resource_spans>(size), '\0');
  char* out = wire::write_length_header<TracesField::resource_spans>(request.data(), size);
  if (!batch.resource.empty()) out = wire::write_length_field<ResourceSpansField::resource>(out, batch.resource);
  for (const SpanBatch::ScopeSpans& scope : batch.scopes) out = write_scope_spans(out, scope);
  if (!schema_url.empty()) wire::write_length_field<ResourceSpansField::schema_url>(out, schema_url);
  return request;
}

}  // namespace meshflow::telemetry
