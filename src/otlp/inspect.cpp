#include "otlp/inspect.hpp"

#include <bit>
#include <cstring>

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

#include "otlp/decode_guard.hpp"
#include "otlp/fields.hpp"
#include "otlp/wire.hpp"

namespace meshflow::otlp {
namespace {

using protozero::pbf_reader;
using wire::kTag;
using wire::Type;

std::uint64_t number_of(const std::uint8_t* bytes) noexcept {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return __builtin_bswap64(number);
}
static_assert(std::endian::native == std::endian::little);

// Walks one request. Everything throws: protozero's exceptions, DecodeFailure. The order of reading and counting is
// that of decode.cpp.
class Inspector {
 public:
  explicit Inspector(const DecodeLimits& limits) : guard_(limits) {}

  [[nodiscard]] Inspected inspect(std::string_view bytes) {
    guard_.check_input(bytes.size());
    traces(pbf_reader(bytes.data(), bytes.size()));
    inspected_.stats = guard_.take_stats();
    return std::move(inspected_);
  }

 private:
  void text(pbf_reader& in) {
    const auto view = in.get_view();
    guard_.check_text({view.data(), view.size()});
  }

  void value(pbf_reader in, std::size_t depth) {
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<AnyValueField::string_value, Type::length>: text(in); break;
        case kTag<AnyValueField::array_value, Type::length>: elements<false>(in.get_message(), depth + 1); break;
        case kTag<AnyValueField::kvlist_value, Type::length>: elements<true>(in.get_message(), depth + 1); break;
        case kTag<AnyValueField::bool_value, Type::varint>: (void)in.get_uint64(); break;
        case kTag<AnyValueField::int_value, Type::varint>: (void)in.get_int64(); break;
        default: in.skip();
      }
    }
  }

  template <bool kHasKeys>
  void elements(pbf_reader in, std::size_t depth) {
    guard_.check_depth(depth);
    while (in.next()) {
      if (in.tag_and_type() != kTag<ListField::values, Type::length>) {
        in.skip();
        continue;
      }
      guard_.count_item();
      if constexpr (kHasKeys) {
        attribute(in.get_message(), depth);
      } else {
        value(in.get_message(), depth);
      }
    }
  }

  void attribute(pbf_reader in, std::size_t depth) {
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<KeyValueField::key, Type::length>: text(in); break;
        case kTag<KeyValueField::value, Type::length>: value(in.get_message(), depth); break;
        default: in.skip();
      }
    }
  }

  void attribute_of(pbf_reader& in, std::size_t& present) {
    guard_.count_attribute(present++);
    attribute(in.get_message(), 0);
  }

  void event(pbf_reader in) {
    using F = EventField;
    std::size_t attributes = 0;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<F::name, Type::length>: text(in); break;
        case kTag<F::attributes, Type::length>: attribute_of(in, attributes); break;
        case kTag<F::dropped_attributes_count, Type::varint>: (void)in.get_uint32(); break;
        default: in.skip();
      }
    }
  }

  void link(pbf_reader in, Rejection& rejection) {
    using F = LinkField;
    std::size_t attributes = 0;
    std::array<std::uint8_t, 16> trace_id{};
    std::array<std::uint8_t, 8> span_id{};
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<F::trace_id, Type::length>: take_id(trace_id, bytes(in), "a link's trace_id", rejection); break;
        case kTag<F::span_id, Type::length>: take_id(span_id, bytes(in), "a link's span_id", rejection); break;
        case kTag<F::trace_state, Type::length>: text(in); break;
        case kTag<F::attributes, Type::length>: attribute_of(in, attributes); break;
        case kTag<F::dropped_attributes_count, Type::varint>: (void)in.get_uint32(); break;
        default: in.skip();
      }
    }
  }

  void status(pbf_reader in) {
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<StatusField::message, Type::length>: text(in); break;
        case kTag<StatusField::code, Type::varint>: (void)in.get_enum(); break;
        default: in.skip();
      }
    }
  }

  void span(pbf_reader in) {
    using F = SpanField;
    guard_.count_span();
    std::array<std::uint8_t, 16> trace_id{};
    std::array<std::uint8_t, 8> span_id{};
    std::array<std::uint8_t, 8> parent_id{};
    std::string_view name;
    std::size_t attributes = 0;
    Rejection rejection;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<F::trace_id, Type::length>: take_id(trace_id, bytes(in), "trace_id", rejection); break;
        case kTag<F::span_id, Type::length>: take_id(span_id, bytes(in), "span_id", rejection); break;
        case kTag<F::parent_span_id, Type::length>: take_id(parent_id, bytes(in), "parent_span_id", rejection); break;
        case kTag<F::trace_state, Type::length>: text(in); break;
        case kTag<F::name, Type::length>:
          name = bytes(in);
          guard_.check_text(name);
          break;
        case kTag<F::kind, Type::varint>: (void)in.get_enum(); break;
        case kTag<F::attributes, Type::length>: attribute_of(in, attributes); break;
        case kTag<F::events, Type::length>:
          guard_.count_item();
          event(in.get_message());
          break;
        case kTag<F::links, Type::length>:
          guard_.count_item();
          link(in.get_message(), rejection);
          break;
        case kTag<F::status, Type::length>: status(in.get_message()); break;
        case kTag<F::dropped_attributes_count, Type::varint>:
        case kTag<F::dropped_events_count, Type::varint>:
        case kTag<F::dropped_links_count, Type::varint>: (void)in.get_uint32(); break;
        default: in.skip();
      }
    }
    if (rejection.empty()) rejection = id_complaint(is_set(trace_id), is_set(span_id));
    if (!rejection.empty()) {
      guard_.count_rejected(name, rejection);
      inspected_.keys.emplace_back();
      return;
    }
    inspected_.keys.push_back({number_of(trace_id.data()), number_of(trace_id.data() + 8), number_of(span_id.data())});
  }

  void scope(pbf_reader in) {
    using F = ScopeField;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<F::name, Type::length>:
        case kTag<F::version, Type::length>: text(in); break;
        case kTag<F::attributes, Type::length>: attribute_of(in, scope_attributes_); break;
        case kTag<F::dropped_attributes_count, Type::varint>: (void)in.get_uint32(); break;
        default: in.skip();
      }
    }
  }

  void scope_spans(pbf_reader in) {
    scope_attributes_ = 0;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<ScopeSpansField::scope, Type::length>: scope(in.get_message()); break;
        case kTag<ScopeSpansField::spans, Type::length>: span(in.get_message()); break;
        case kTag<ScopeSpansField::schema_url, Type::length>: text(in); break;
        default: in.skip();
      }
    }
  }

  void entity(pbf_reader in) {
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<EntityRefField::schema_url, Type::length>:
        case kTag<EntityRefField::type, Type::length>: text(in); break;
        case kTag<EntityRefField::id_keys, Type::length>:
        case kTag<EntityRefField::description_keys, Type::length>:
          guard_.count_item();
          text(in);
          break;
        default: in.skip();
      }
    }
  }

  void resource(pbf_reader in) {
    using F = ResourceField;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<F::attributes, Type::length>: attribute_of(in, resource_attributes_); break;
        case kTag<F::dropped_attributes_count, Type::varint>: (void)in.get_uint32(); break;
        case kTag<F::entity_refs, Type::length>:
          guard_.count_item();
          entity(in.get_message());
          break;
        default: in.skip();
      }
    }
  }

  void resource_spans(pbf_reader in) {
    using F = ResourceSpansField;
    resource_attributes_ = 0;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<F::resource, Type::length>: resource(in.get_message()); break;
        case kTag<F::scope_spans, Type::length>:
          guard_.count_item();
          scope_spans(in.get_message());
          break;
        case kTag<F::schema_url, Type::length>: text(in); break;
        default: in.skip();
      }
    }
  }

  void traces(pbf_reader in) {
    while (in.next()) {
      if (in.tag_and_type() != kTag<TracesField::resource_spans, Type::length>) {
        in.skip();
        continue;
      }
      guard_.count_item();
      resource_spans(in.get_message());
    }
  }

  static std::string_view bytes(pbf_reader& in) {
    const auto view = in.get_view();
    return {view.data(), view.size()};
  }

  DecodeGuard guard_;
  Inspected inspected_;
  // A message that stands twice is joined: its attributes count together.
  std::size_t resource_attributes_ = 0;
  std::size_t scope_attributes_ = 0;
};

}  // namespace

Result<Inspected> inspect_traces(std::string_view bytes, const DecodeLimits& limits) {
  try {
    return Inspector(limits).inspect(bytes);
  } catch (DecodeFailure& failure) {
    return tl::unexpected<Error>(std::move(failure.error));
  } catch (const protozero::exception& broken) {
    return fail(ErrorCode::invalid_input, fmt::format("not a protobuf message TracesData: {}", broken.what()));
  }
}

}  // namespace meshflow::otlp
