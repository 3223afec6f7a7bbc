#include "otlp/decode.hpp"

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

#include "otlp/decode_guard.hpp"
#include "otlp/fields.hpp"
#include "otlp/log_fields.hpp"
#include "otlp/logs.hpp"
#include "otlp/wire.hpp"

namespace meshflow::otlp {
namespace {

using protozero::pbf_reader;
using wire::kTag;
using wire::Type;

// Reads one request. Everything throws: protozero's exceptions, DecodeFailure.
class Reader {
 public:
  explicit Reader(const DecodeLimits& limits) : guard_(limits) {}

  DecodeGuard& guard() { return guard_; }

  void read(pbf_reader in, TracesData& traces) { read_request<TracesField::resource_spans>(in, traces.resource_spans); }
  void read(pbf_reader in, LogsData& logs) { read_request<LogsField::resource_logs>(in, logs.resource_logs); }
  void read(pbf_reader in, Resource& resource);
  void read(pbf_reader in, InstrumentationScope& scope);
  void read(pbf_reader in, ExportTraceServiceResponse& response);
  [[nodiscard]] Rejection read(pbf_reader in, Span& span);

 private:
  // The levels above spans and records are the same in all signals: a request's items of one resource each, ...
  template <auto kItems, typename Item>
  void read_request(pbf_reader in, std::vector<Item>& items);
  // ... and theirs of one scope each. kItems: the field that holds them.
  template <auto kItems, typename Group, typename Item>
  void read_of_resource(pbf_reader in, Group& group, std::vector<Item>& items);

  void read(pbf_reader in, ResourceSpans& group) {
    read_of_resource<ResourceSpansField::scope_spans>(in, group, group.scope_spans);
  }
  void read(pbf_reader in, ResourceLogs& group) {
    read_of_resource<ResourceLogsField::scope_logs>(in, group, group.scope_logs);
  }
  void read(pbf_reader in, ScopeSpans& scope_spans);
  void read(pbf_reader in, ScopeLogs& scope_logs);
  void read(pbf_reader in, LogRecord& record);
  void read(pbf_reader in, EntityRef& entity);
  void read(pbf_reader in, Event& event);
  void read(pbf_reader in, Link& link, Rejection& rejection);
  void read(pbf_reader in, Status& status);
  void read(pbf_reader in, KeyValue& attribute, std::size_t depth);
  void read(pbf_reader in, AnyValue& any, std::size_t depth);
  void read(pbf_reader in, ArrayValue& array, std::size_t depth);
  void read(pbf_reader in, KeyValueList& list, std::size_t depth);

  void read_attribute(pbf_reader& in, KeyValueList& attributes) {
    guard_.count_attribute(attributes.size());
    read(in.get_message(), attributes.emplace_back(), 0);
  }
  void read_partial_success(pbf_reader in, ExportTraceServiceResponse& response);
  static std::string_view bytes(pbf_reader& in) {
    const auto view = in.get_view();
    return {view.data(), view.size()};
  }
  std::string text(pbf_reader& in) { return guard_.text(bytes(in)); }

  DecodeGuard guard_;
};

void Reader::read(pbf_reader in, AnyValue& any, std::size_t depth) {
  // A oneof: the last field wins, but a message joins the one of the same field that came before it.
  const auto joined = [&any]<typename T>(T fresh) -> T& {
    if (!std::holds_alternative<T>(any.value)) any.value = std::move(fresh);
    return std::get<T>(any.value);
  };
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<AnyValueField::string_value, Type::length>: any.value = text(in); break;
      case kTag<AnyValueField::bool_value, Type::varint>: any.value = in.get_uint64() != 0; break;
      case kTag<AnyValueField::int_value, Type::varint>: any.value = std::int64_t{in.get_int64()}; break;
      case kTag<AnyValueField::double_value, Type::fixed64>: any.value = in.get_double(); break;
      case kTag<AnyValueField::array_value, Type::length>:
        read(in.get_message(), joined(ArrayValue{}), depth + 1);
        break;
      case kTag<AnyValueField::kvlist_value, Type::length>:
        read(in.get_message(), joined(KeyValueList{}), depth + 1);
        break;
      case kTag<AnyValueField::bytes_value, Type::length>: any.value = Bytes{std::string(bytes(in))}; break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, ArrayValue& array, std::size_t depth) {
  guard_.check_depth(depth);
  while (in.next()) {
    if (in.tag_and_type() != kTag<ListField::values, Type::length>) {
      in.skip();
      continue;
    }
    guard_.count_item();
    read(in.get_message(), array.emplace_back(), depth);
  }
}

void Reader::read(pbf_reader in, KeyValueList& list, std::size_t depth) {
  guard_.check_depth(depth);
  while (in.next()) {
    if (in.tag_and_type() != kTag<ListField::values, Type::length>) {
      in.skip();
      continue;
    }
    guard_.count_item();
    read(in.get_message(), list.emplace_back(), depth);
  }
}

void Reader::read(pbf_reader in, KeyValue& attribute, std::size_t depth) {
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<KeyValueField::key, Type::length>: attribute.key = text(in); break;
      case kTag<KeyValueField::value, Type::length>: read(in.get_message(), attribute.value, depth); break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, Status& status) {
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<StatusField::message, Type::length>: status.message = text(in); break;
      case kTag<StatusField::code, Type::varint>: status.code = StatusCode{in.get_enum()}; break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, Event& event) {
  using F = EventField;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::time_unix_nano, Type::fixed64>: event.time_unix_nano = in.get_fixed64(); break;
      case kTag<F::name, Type::length>: event.name = text(in); break;
      case kTag<F::attributes, Type::length>: read_attribute(in, event.attributes); break;
      case kTag<F::dropped_attributes_count, Type::varint>: event.dropped_attributes_count = in.get_uint32(); break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, Link& link, Rejection& rejection) {
  using F = LinkField;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::trace_id, Type::length>: take_id(link.trace_id, bytes(in), "a link's trace_id", rejection); break;
      case kTag<F::span_id, Type::length>: take_id(link.span_id, bytes(in), "a link's span_id", rejection); break;
      case kTag<F::trace_state, Type::length>: link.trace_state = text(in); break;
      case kTag<F::attributes, Type::length>: read_attribute(in, link.attributes); break;
      case kTag<F::dropped_attributes_count, Type::varint>: link.dropped_attributes_count = in.get_uint32(); break;
      case kTag<F::flags, Type::fixed32>: link.flags = in.get_fixed32(); break;
      default: in.skip();
    }
  }
}

Rejection Reader::read(pbf_reader in, Span& span) {
  using F = SpanField;
  Rejection rejection;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::trace_id, Type::length>: take_id(span.trace_id, bytes(in), "trace_id", rejection); break;
      case kTag<F::span_id, Type::length>: take_id(span.span_id, bytes(in), "span_id", rejection); break;
      case kTag<F::trace_state, Type::length>: span.trace_state = text(in); break;
      case kTag<F::parent_span_id, Type::length>:
        take_id(span.parent_span_id, bytes(in), "parent_span_id", rejection);
        break;
      case kTag<F::name, Type::length>: span.name = text(in); break;
      case kTag<F::kind, Type::varint>: span.kind = SpanKind{in.get_enum()}; break;
      case kTag<F::start_time_unix_nano, Type::fixed64>: span.start_time_unix_nano = in.get_fixed64(); break;
      case kTag<F::end_time_unix_nano, Type::fixed64>: span.end_time_unix_nano = in.get_fixed64(); break;
      case kTag<F::attributes, Type::length>: read_attribute(in, span.attributes); break;
      case kTag<F::dropped_attributes_count, Type::varint>: span.dropped_attributes_count = in.get_uint32(); break;
      case kTag<F::events, Type::length>:
        guard_.count_item();
        read(in.get_message(), span.events.emplace_back());
        break;
      case kTag<F::dropped_events_count, Type::varint>: span.dropped_events_count = in.get_uint32(); break;
      case kTag<F::links, Type::length>:
        guard_.count_item();
        read(in.get_message(), span.links.emplace_back(), rejection);
        break;
      case kTag<F::dropped_links_count, Type::varint>: span.dropped_links_count = in.get_uint32(); break;
      case kTag<F::status, Type::length>: read(in.get_message(), span.status); break;
      case kTag<F::flags, Type::fixed32>: span.flags = in.get_fixed32(); break;
      default: in.skip();
    }
  }
  check_ids(span, rejection);
  return rejection;
}

void Reader::read(pbf_reader in, InstrumentationScope& scope) {
  using F = ScopeField;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::name, Type::length>: scope.name = text(in); break;
      case kTag<F::version, Type::length>: scope.version = text(in); break;
      case kTag<F::attributes, Type::length>: read_attribute(in, scope.attributes); break;
      case kTag<F::dropped_attributes_count, Type::varint>: scope.dropped_attributes_count = in.get_uint32(); break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, ScopeSpans& scope_spans) {
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<ScopeSpansField::scope, Type::length>: read(in.get_message(), scope_spans.scope); break;
      case kTag<ScopeSpansField::spans, Type::length>: {
        guard_.count_span();
        Span& span = scope_spans.spans.emplace_back();
        if (const Rejection rejection = read(in.get_message(), span); !rejection.empty()) {
          guard_.count_rejected(span.name, rejection);
          scope_spans.spans.pop_back();
        }
        break;
      }
      case kTag<ScopeSpansField::schema_url, Type::length>: scope_spans.schema_url = text(in); break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, EntityRef& entity) {
  const auto read_key = [&](std::vector<std::string>& keys) {
    guard_.count_item();
    keys.push_back(text(in));
  };
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<EntityRefField::schema_url, Type::length>: entity.schema_url = text(in); break;
      case kTag<EntityRefField::type, Type::length>: entity.type = text(in); break;
      case kTag<EntityRefField::id_keys, Type::length>: read_key(entity.id_keys); break;
      case kTag<EntityRefField::description_keys, Type::length>: read_key(entity.description_keys); break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, Resource& resource) {
  using F = ResourceField;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::attributes, Type::length>: read_attribute(in, resource.attributes); break;
      case kTag<F::dropped_attributes_count, Type::varint>: resource.dropped_attributes_count = in.get_uint32(); break;
      case kTag<F::entity_refs, Type::length>:
        guard_.count_item();
        read(in.get_message(), resource.entity_refs.emplace_back());
        break;
      default: in.skip();
    }
  }
}

template <auto kItems, typename Group, typename Item>
void Reader::read_of_resource(pbf_reader in, Group& group, std::vector<Item>& items) {
  using F = decltype(kItems);
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::resource, Type::length>: read(in.get_message(), group.resource); break;
      case kTag<kItems, Type::length>:
        guard_.count_item();
        read(in.get_message(), items.emplace_back());
        break;
      case kTag<F::schema_url, Type::length>: group.schema_url = text(in); break;
      default: in.skip();
    }
  }
}

template <auto kItems, typename Item>
void Reader::read_request(pbf_reader in, std::vector<Item>& items) {
  while (in.next()) {
    if (in.tag_and_type() != kTag<kItems, Type::length>) {
      in.skip();
      continue;
    }
    guard_.count_item();
    read(in.get_message(), items.emplace_back());
  }
}

void Reader::read(pbf_reader in, LogRecord& record) {
  using F = LogRecordField;
  Rejection ignored;  // a record without usable ids is one of no span
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::time_unix_nano, Type::fixed64>: record.time_unix_nano = in.get_fixed64(); break;
      case kTag<F::observed_time_unix_nano, Type::fixed64>: record.observed_time_unix_nano = in.get_fixed64(); break;
      case kTag<F::severity_number, Type::varint>: record.severity_number = in.get_enum(); break;
      case kTag<F::severity_text, Type::length>: record.severity_text = text(in); break;
      case kTag<F::body, Type::length>: read(in.get_message(), record.body, 0); break;
      case kTag<F::attributes, Type::length>: read_attribute(in, record.attributes); break;
      case kTag<F::dropped_attributes_count, Type::varint>: record.dropped_attributes_count = in.get_uint32(); break;
      case kTag<F::flags, Type::fixed32>: record.flags = in.get_fixed32(); break;
      case kTag<F::trace_id, Type::length>: take_id(record.trace_id, bytes(in), "trace_id", ignored); break;
      case kTag<F::span_id, Type::length>: take_id(record.span_id, bytes(in), "span_id", ignored); break;
      case kTag<F::event_name, Type::length>: record.event_name = text(in); break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, ScopeLogs& scope_logs) {
  using F = ScopeLogsField;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::scope, Type::length>: read(in.get_message(), scope_logs.scope); break;
      case kTag<F::log_records, Type::length>:
        guard_.count_span();
        read(in.get_message(), scope_logs.log_records.emplace_back());
        break;
      case kTag<F::schema_url, Type::length>: scope_logs.schema_url = text(in); break;
      default: in.skip();
    }
  }
}

void Reader::read_partial_success(pbf_reader in, ExportTraceServiceResponse& response) {
  using F = PartialSuccessField;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::rejected_spans, Type::varint>: response.rejected_spans = in.get_int64(); break;
      case kTag<F::error_message, Type::length>: response.error_message = text(in); break;
      default: in.skip();
    }
  }
}

void Reader::read(pbf_reader in, ExportTraceServiceResponse& response) {
  while (in.next()) {
    if (in.tag_and_type() == kTag<ResponseField::partial_success, Type::length>) {
      read_partial_success(in.get_message(), response);
    } else {
      in.skip();
    }
  }
}

// Where exceptions end.
template <typename T>
Result<Decoded<T>> decode(std::string_view bytes, const DecodeLimits& limits, const char* message_name) {
  try {
    Reader reader(limits);
    reader.guard().check_input(bytes.size());
    T value;
    const pbf_reader in(bytes.data(), bytes.size());
    if constexpr (std::same_as<T, Span>) {
      if (const Rejection rejection = reader.read(in, value); !rejection.empty()) {
        return fail(ErrorCode::invalid_input, fmt::format("not a usable OTLP span: {}", rejection));
      }
    } else {
      reader.read(in, value);
    }
    return Decoded<T>{std::move(value), reader.guard().take_stats()};
  } catch (DecodeFailure& failure) {
    return tl::unexpected<Error>(std::move(failure.error));
  } catch (const protozero::exception& broken) {
    return fail(ErrorCode::invalid_input, fmt::format("not a protobuf message {}: {}", message_name, broken.what()));
  }
}

}  // namespace

Result<Decoded<TracesData>> decode_traces(std::string_view bytes, const DecodeLimits& limits) {
  return decode<TracesData>(bytes, limits, "TracesData");
}
Result<Decoded<LogsData>> decode_logs(std::string_view bytes, const DecodeLimits& limits) {
  return decode<LogsData>(bytes, limits, "LogsData");
}
Result<Decoded<Span>> decode_span(std::string_view bytes, const DecodeLimits& limits) {
  return decode<Span>(bytes, limits, "Span");
}
Result<Decoded<Resource>> decode_resource(std::string_view bytes, const DecodeLimits& limits) {
  return decode<Resource>(bytes, limits, "Resource");
}
Result<Decoded<InstrumentationScope>> decode_scope(std::string_view bytes, const DecodeLimits& limits) {
  return decode<InstrumentationScope>(bytes, limits, "InstrumentationScope");
}
Result<Decoded<ExportTraceServiceResponse>> decode_response(std::string_view bytes, const DecodeLimits& limits) {
  return decode<ExportTraceServiceResponse>(bytes, limits, "ExportTraceServiceResponse");
}

}  // namespace meshflow::otlp
