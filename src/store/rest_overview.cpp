#include "store/rest_overview.hpp"

#include <algorithm>
#include <exception>
#include <string>

#include "otlp/fields.hpp"
#include "otlp/wire.hpp"
#include "store/any_value.hpp"

namespace meshflow::store {
namespace {

using otlp::wire::kTag;
using otlp::wire::Type;

std::uint64_t event_time(protozero::pbf_reader event) {
  std::uint64_t time = 0;
  while (event.next()) {
    if (event.tag_and_type() == kTag<otlp::EventField::time_unix_nano, Type::fixed64>) {
      time = event.get_fixed64();
    } else {
      event.skip();
    }
  }
  return time;
}

void add_attribute(std::string_view message, std::span<const std::string_view> keys, RestOverview& overview) {
  const KeyValueView attribute = key_value_of(message);
  const auto found = std::find(keys.begin(), keys.end(), attribute.key);
  if (found == keys.end()) return;
  const auto place = static_cast<std::size_t>(found - keys.begin());
  const Held held = held_by(attribute.value);
  overview.keys |= std::uint64_t{1} << place;
  const bool is_text = held.tag == kTag<otlp::AnyValueField::string_value, Type::length>;
  overview.texts[place] = is_text ? held.bytes : std::string_view();
}

void read(std::string_view rest, std::span<const std::string_view> keys, RestOverview& overview) {
  protozero::pbf_reader in = reader_of(rest);
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<otlp::SpanField::attributes, Type::length>: add_attribute(view(in), keys, overview); break;
      case kTag<otlp::SpanField::events, Type::length>:
        overview.event_times.push_back(event_time(in.get_message()));
        break;
      case kTag<otlp::SpanField::links, Type::length>:
        ++overview.links;
        in.skip();
        break;
      case kTag<otlp::SpanField::dropped_attributes_count, Type::varint>:
      case kTag<otlp::SpanField::dropped_events_count, Type::varint>:
      case kTag<otlp::SpanField::dropped_links_count, Type::varint>:
        overview.has_dropped = overview.has_dropped || in.get_uint32() > 0;
        break;
      default: in.skip();
    }
  }
}

}  // namespace

Result<RestOverview> overview_of(std::string_view rest, std::span<const std::string_view> keys) {
  RestOverview overview;
  overview.texts.resize(keys.size());
  try {
    read(rest, keys, overview);
  } catch (const std::exception& damage) {
    return fail(ErrorCode::invalid_input, std::string("a span's bytes are damaged: ") + damage.what());
  }
  return overview;
}

}  // namespace meshflow::store
