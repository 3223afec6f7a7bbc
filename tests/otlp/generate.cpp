#include "generate.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace meshflow::otlp::test {

std::uint64_t Generator::any_u64() {
  switch (number(5)) {
    case 0: return 0;
    case 1: return number(200);
    case 2: return std::numeric_limits<std::uint64_t>::max();
    case 3: return std::uint64_t{1} << number(64);
    default: return random_();
  }
}

double Generator::any_double() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kSpecial[] = {0.0, -0.0, 1.0, -1.5, 0.1, 1.0 / 3, 0.0012, 5e-324, 1e300, kInfinity, -kInfinity};
  if (chance(50)) return kSpecial[number(std::size(kSpecial))];
  const auto drawn = std::bit_cast<double>(random_());
  return std::isnan(drawn) ? 0.25 : drawn;
}

std::string Generator::text() {
  static const std::string kNul(1, '\0');
  static const std::string kPieces[] = {"a",    "run",  "meshflow.", "\"", "\\",     "/",  "\n",     "\t", kNul,
                                        "\x1f", "\x7f", "ü",         "€",  "\u2028", "🙂", "\uFFFD", " ",  "<>&'"};
  std::string out;
  const std::uint64_t count = chance(3) ? 200 : number(6);
  for (std::uint64_t i = 0; i < count; ++i) out += kPieces[number(std::size(kPieces))];
  return out;
}

std::string Generator::bytes(std::size_t size_max) {
  std::string out(number(size_max + 1), '\0');
  for (char& byte : out) byte = static_cast<char>(random_());
  return out;
}

AnyValue Generator::value(int depth) {
  switch (number(depth < 4 ? 8 : 6)) {
    case 0: return {};
    case 1: return {text()};
    case 2: return {chance(50)};
    case 3: return {static_cast<std::int64_t>(any_u64())};
    case 4: return {any_double()};
    case 5: return {Bytes{bytes(9)}};
    case 6: {
      ArrayValue array(number(4));
      for (AnyValue& element : array) element = value(depth + 1);
      return {std::move(array)};
    }
    default: return {attributes(depth + 1)};
  }
}

KeyValueList Generator::attributes(int depth) {
  KeyValueList list(number(4));
  for (KeyValue& attribute : list) attribute = {text(), value(depth)};
  return list;
}

template <typename Id>
Id Generator::id() {
  Id id;
  for (std::uint8_t& byte : id) byte = static_cast<std::uint8_t>(random_());
  id[number(id.size())] |= 1;  // never all zero
  return id;
}

Event Generator::event() {
  return {
      .time_unix_nano = any_u64(), .name = text(), .attributes = attributes(), .dropped_attributes_count = any_u32()};
}

Link Generator::link() {
  Link link;
  if (chance(90)) link.trace_id = id<TraceId>();
  if (chance(90)) link.span_id = id<SpanId>();
  link.trace_state = text();
  link.attributes = attributes();
  link.dropped_attributes_count = any_u32();
  link.flags = any_u32();
  return link;
}

Span Generator::span() {
  Span span;
  span.trace_id = id<TraceId>();
  span.span_id = id<SpanId>();
  span.trace_state = text();
  if (chance(70)) span.parent_span_id = id<SpanId>();
  span.flags = any_u32();
  span.name = text();
  // Now and then a kind or code that only a later version of OTLP may know.
  span.kind = SpanKind{chance(5) ? static_cast<std::int32_t>(any_u32()) : static_cast<std::int32_t>(number(6))};
  span.start_time_unix_nano = any_u64();
  span.end_time_unix_nano = any_u64();
  span.attributes = attributes();
  span.dropped_attributes_count = any_u32();
  span.events.resize(number(3));
  for (Event& each : span.events) each = event();
  span.dropped_events_count = any_u32();
  span.links.resize(number(3));
  for (Link& each : span.links) each = link();
  span.dropped_links_count = any_u32();
  if (chance(50)) span.status = {text(), StatusCode{static_cast<std::int32_t>(number(3))}};
  return span;
}

InstrumentationScope Generator::scope() {
  if (chance(20)) return {};
  return {text(), text(), attributes(), any_u32()};
}

Resource Generator::resource() {
  if (chance(20)) return {};
  Resource resource{attributes(), any_u32(), {}};
  if (chance(20)) resource.entity_refs.push_back({text(), text(), {"service.name", text()}, {text()}});
  if (chance(5)) resource.entity_refs.emplace_back();
  return resource;
}

TracesData Generator::traces() {
  TracesData traces;
  traces.resource_spans.resize(number(3));
  for (ResourceSpans& resource_spans : traces.resource_spans) {
    resource_spans.resource = resource();
    resource_spans.schema_url = text();
    resource_spans.scope_spans.resize(number(3));
    for (ScopeSpans& scope_spans : resource_spans.scope_spans) {
      scope_spans.scope = scope();
      scope_spans.schema_url = text();
      scope_spans.spans.resize(number(4));
      for (Span& each : scope_spans.spans) each = span();
    }
  }
  return traces;
}

}  // namespace meshflow::otlp::test
