#include "store/span_reader.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "otlp/wire.hpp"
#include "store/engine.hpp"
#include "store/span_chunk.hpp"
#include "store/span_decoder.hpp"
#include "store/trace_number.hpp"

namespace meshflow::store {
namespace {

constexpr std::size_t at(Column column) { return static_cast<std::size_t>(column); }

template <typename Id>
void put_big_endian(std::uint64_t number, Id& id, std::size_t offset) noexcept {
  for (std::size_t i = 0; i < 8; ++i) id[offset + i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
}

// `rest` has no ids, without which no span can be decoded: they go before it.
Result<otlp::Span> decode_rest(const otlp::Span& span, std::string_view rest) {
  using F = otlp::SpanField;
  std::string message(64, '\0');
  const auto text_of = [](const auto& id) {
    return std::string_view(reinterpret_cast<const char*>(id.data()), id.size());
  };
  char* end = otlp::wire::write_length_field<F::trace_id>(message.data(), text_of(span.trace_id));
  end = otlp::wire::write_length_field<F::span_id>(end, text_of(span.span_id));
  message.resize(static_cast<std::size_t>(end - message.data()));
  message.append(rest);
  MESHFLOW_TRY(auto decoded, otlp::decode_span(message));
  return std::move(decoded.value);
}

Result<otlp::AnyValue> column_value(const ChunkReader& chunk, std::size_t attribute, std::size_t row) {
  const std::size_t column = kFieldColumns + attribute;
  if (attribute >= attribute_columns().size() || chunk.is_null(column, row)) {
    return fail(ErrorCode::invalid_input, "a span's attribute_order names a column that has no value");
  }
  switch (attribute_columns()[attribute].type) {
    case ColumnType::text: return otlp::AnyValue{std::string(chunk.text(column, row))};
    case ColumnType::i64: return otlp::AnyValue{chunk.at<std::int64_t>(column, row)};
    case ColumnType::f64: return otlp::AnyValue{chunk.at<double>(column, row)};
    default: return fail(ErrorCode::internal, "an attribute column has a type that attributes do not have");
  }
}

// Puts each attribute in its place: from its column, from `rest`, or from the trace id.
Result<void> order_attributes(const ChunkReader& chunk, std::size_t row, otlp::Span& span) {
  otlp::KeyValueList rest = std::exchange(span.attributes, {});
  auto next = rest.begin();
  const std::string_view order = chunk.text(at(Column::attribute_order), row);
  span.attributes.reserve(order.size());
  for (const char code : order) {
    if (code == kOrderRest) {
      if (next == rest.end()) return fail(ErrorCode::invalid_input, "a span has fewer attributes than its order says");
      span.attributes.push_back(std::move(*next++));
    } else if (code == kOrderTraceId) {
      const std::string_view id(reinterpret_cast<const char*>(span.trace_id.data()), span.trace_id.size());
      span.attributes.push_back({std::string(kTraceIdKey), {to_hex(id)}});
    } else {
      const auto attribute = static_cast<std::size_t>(static_cast<unsigned char>(code)) - 1;
      MESHFLOW_TRY(auto value, column_value(chunk, attribute, row));
      span.attributes.push_back({std::string(attribute_columns()[attribute].key), std::move(value)});
    }
  }
  if (next != rest.end()) return fail(ErrorCode::invalid_input, "a span has more attributes than its order says");
  return {};
}

}  // namespace

const std::string& select_list() {
  static const std::string list = [] {
    std::string names;
    for (std::size_t i = 0; i < column_count(); ++i) names += fmt::format("{}{}", i == 0 ? "" : ", ", column_name(i));
    return names;
  }();
  return list;
}

void resolve_duplicate_keys(otlp::KeyValueList& attributes) {
  std::unordered_map<std::string_view, std::size_t> first;
  first.reserve(attributes.size());
  std::vector<bool> dropped(attributes.size());
  bool any = false;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const auto [found, is_new] = first.try_emplace(attributes[i].key, i);
    if (is_new) continue;
    attributes[found->second].value = std::move(attributes[i].value);
    dropped[i] = any = true;
  }
  if (!any) return;
  otlp::KeyValueList kept;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    if (!dropped[i]) kept.push_back(std::move(attributes[i]));
  }
  attributes = std::move(kept);
}

Result<SpanRow> read_span(const ChunkReader& chunk, std::size_t row) {
  SpanRow read;
  otlp::Span& span = read.span;
  const auto& trace = chunk.at<duckdb_uhugeint>(at(Column::trace_id), row);
  span.trace_id = trace_id_of({trace.upper, trace.lower});
  put_big_endian(chunk.at<std::uint64_t>(at(Column::span_id), row), span.span_id, 0);
  if (!chunk.is_null(at(Column::rest), row)) {
    MESHFLOW_TRY(span, decode_rest(span, chunk.text(at(Column::rest), row)));
  }
  put_big_endian(chunk.at<std::uint64_t>(at(Column::parent_id), row), span.parent_span_id, 0);
  span.start_time_unix_nano = chunk.at<std::uint64_t>(at(Column::start), row);
  span.end_time_unix_nano =
      span.start_time_unix_nano + static_cast<std::uint64_t>(chunk.at<std::int64_t>(at(Column::duration), row));
  span.name = chunk.text(at(Column::name), row);
  span.kind = otlp::SpanKind{chunk.at<std::int32_t>(at(Column::kind), row)};
  span.status.code = otlp::StatusCode{chunk.at<std::int32_t>(at(Column::status), row)};
  if (!chunk.is_null(at(Column::status_message), row)) {
    span.status.message = chunk.text(at(Column::status_message), row);
  }
  span.flags = static_cast<std::uint32_t>(chunk.at<std::int64_t>(at(Column::flags), row));
  MESHFLOW_CHECK(order_attributes(chunk, row, span));
  for (auto& event : span.events) resolve_duplicate_keys(event.attributes);
  for (auto& link : span.links) resolve_duplicate_keys(link.attributes);
  read.resource = chunk.at<std::uint64_t>(at(Column::resource), row);
  read.scope = chunk.at<std::uint64_t>(at(Column::scope), row);
  return read;
}

Result<otlp::ResourceSpans> read_resource(std::string_view message) {
  // A ResourceSpans is what a TracesData holds.
  std::string traces(16, '\0');
  char* const end = otlp::wire::write_length_header<otlp::TracesField::resource_spans>(traces.data(), message.size());
  traces.resize(static_cast<std::size_t>(end - traces.data()));
  traces.append(message);
  MESHFLOW_TRY(auto decoded, otlp::decode_traces(traces));
  if (decoded.value.resource_spans.size() != 1) return fail(ErrorCode::invalid_input, "not one ResourceSpans");
  auto& resource = decoded.value.resource_spans.front();
  resolve_duplicate_keys(resource.resource.attributes);
  return std::move(resource);
}

Result<otlp::ScopeSpans> read_scope(std::string_view message) {
  std::string resource(16, '\0');
  char* const end =
      otlp::wire::write_length_header<otlp::ResourceSpansField::scope_spans>(resource.data(), message.size());
  resource.resize(static_cast<std::size_t>(end - resource.data()));
  resource.append(message);
  MESHFLOW_TRY(auto decoded, read_resource(resource));
  if (decoded.scope_spans.size() != 1) return fail(ErrorCode::invalid_input, "not one ScopeSpans");
  auto& scope = decoded.scope_spans.front();
  resolve_duplicate_keys(scope.scope.attributes);
  return std::move(scope);
}

}  // namespace meshflow::store
