// The random traces.
#include "query/traceql_case.hpp"
#include "query/traceql_traces.hpp"

namespace meshflow::query::traceql::test {
namespace {

// Sums of these are exact in seconds, too.
constexpr std::uint64_t kTick = 1'000'000'000 / 128;
constexpr std::uint64_t kSecond = 1'000'000'000;

otlp::AnyValue text(Dice& dice) { return {dice.of<std::string>({"a", "b", "ab", "", "red", "nil", "5"})}; }
otlp::AnyValue integer(Dice& dice) { return {static_cast<std::int64_t>(dice.below(12)) - 3}; }
otlp::AnyValue real(Dice& dice) { return {(static_cast<double>(dice.below(24)) - 6) / 4}; }
otlp::AnyValue flag(Dice& dice) { return {dice.chance(50)}; }

otlp::AnyValue array(Dice& dice) {
  otlp::ArrayValue out;
  const auto kind = dice.below(4);
  for (auto count = dice.below(4); count > 0; --count) {
    out.push_back(kind == 0 ? text(dice) : kind == 1 ? integer(dice) : kind == 2 ? real(dice) : flag(dice));
  }
  return {std::move(out)};
}

otlp::AnyValue anything(Dice& dice) {
  switch (dice.below(6)) {
    case 0: return text(dice);
    case 1: return integer(dice);
    case 2: return real(dice);
    case 3: return flag(dice);
    case 4: return array(dice);
    default: return {};
  }
}

void add(Dice& dice, otlp::KeyValueList& list, unsigned percent, const char* key, otlp::AnyValue (*make)(Dice&)) {
  if (dice.chance(percent)) list.push_back({key, make(dice)});
}

otlp::KeyValueList span_attributes(Dice& dice) {
  otlp::KeyValueList out;
  add(dice, out, 50, "s", text);
  add(dice, out, 50, "i", integer);
  add(dice, out, 40, "x", real);
  add(dice, out, 40, "f", flag);
  add(dice, out, 40, "any", anything);
  add(dice, out, 30, "list", array);
  add(dice, out, 30, "both", integer);
  // Some with columns of their own in the store.
  add(dice, out, 20, "meshflow.role", text);
  add(dice, out, 20, "meshflow.tokens", integer);
  add(dice, out, 10, "meshflow.cost_usd", real);
  add(dice, out, 10, "meshflow.verdict", anything);
  add(dice, out, 20, "http.method", text);
  return out;
}

std::vector<otlp::Resource> resources(Dice& dice) {
  std::vector<otlp::Resource> out(1 + dice.below(3));
  for (otlp::Resource& each : out) {
    if (dice.chance(80)) each.attributes.push_back({"service.name", {dice.of<std::string>({"web", "pay", "a"})}});
    add(dice, each.attributes, 40, "both", text);
    add(dice, each.attributes, 30, "r", anything);
  }
  return out;
}

std::vector<otlp::InstrumentationScope> scopes(Dice& dice) {
  std::vector<otlp::InstrumentationScope> out(1 + dice.below(2));
  for (otlp::InstrumentationScope& each : out) {
    each.name = dice.of<std::string>({"", "lib", "a"});
    each.version = dice.of<std::string>({"", "1.0"});
    add(dice, each.attributes, 40, "g", text);
  }
  return out;
}

otlp::Span span(Dice& dice, const otlp::TraceId& trace, std::uint64_t number, std::uint64_t spans) {
  otlp::Span out;
  out.trace_id = trace;
  out.span_id = span_id_of(std::string("s") + static_cast<char>('a' + number));
  // Mostly an earlier span of the trace; now and then any, itself, one that is missing, or none.
  const auto parent = dice.chance(80) ? dice.below(number + 1) : dice.below(spans + 2);
  if (number > 0 ? !dice.chance(10) : dice.chance(20)) {
    out.parent_span_id = span_id_of(std::string("s") + static_cast<char>('a' + parent));
    if (parent == number && !dice.chance(20)) out.parent_span_id = {};
  }
  out.name = dice.of<std::string>({"a", "b", "GET /", "meshflow.run", "step"});
  out.kind = static_cast<otlp::SpanKind>(dice.below(6));
  out.status.code = static_cast<otlp::StatusCode>(dice.below(3));
  if (dice.chance(30)) out.status.message = dice.of<std::string>({"bad", "a"});
  out.start_time_unix_nano = kZero + dice.below(5) * kSecond + dice.below(4) * kTick;
  out.end_time_unix_nano = out.start_time_unix_nano + dice.below(200) * kTick;
  out.attributes = span_attributes(dice);
  while (dice.chance(25)) {
    otlp::Event& event = out.events.emplace_back();
    event.name = dice.of<std::string>({"start", "exception", "a"});
    event.time_unix_nano = out.start_time_unix_nano + dice.below(50) * kTick;
    add(dice, event.attributes, 50, "e", dice.chance(50) ? text : integer);
  }
  while (dice.chance(20)) {
    otlp::Link& link = out.links.emplace_back();
    link.trace_id = trace;
    link.trace_id[15] = static_cast<std::uint8_t>(dice.below(5));
    link.span_id = span_id_of(std::string("s") + static_cast<char>('a' + dice.below(4)));
    add(dice, link.attributes, 50, "k", dice.chance(50) ? text : integer);
  }
  return out;
}

}  // namespace

otlp::TracesData random_traces(Dice& dice) {
  otlp::TracesData out;
  const auto all_resources = resources(dice);
  const auto all_scopes = scopes(dice);
  for (const otlp::Resource& resource : all_resources) {
    otlp::ResourceSpans& made = out.resource_spans.emplace_back();
    made.resource = resource;
    for (const otlp::InstrumentationScope& scope : all_scopes) made.scope_spans.emplace_back().scope = scope;
  }
  const auto traces = 2 + dice.below(4);
  for (std::uint64_t number = 0; number < traces; ++number) {
    otlp::TraceId id{};
    if (number > 0) id[0] = 0x4a;  // the first has zeros before it
    id[15] = static_cast<std::uint8_t>(number + 1);
    const auto spans = 1 + dice.below(9);
    for (std::uint64_t each = 0; each < spans; ++each) {
      auto& resource = out.resource_spans[dice.below(out.resource_spans.size())];
      resource.scope_spans[dice.below(resource.scope_spans.size())].spans.push_back(span(dice, id, each, spans));
    }
  }
  return out;
}

MetricsRange random_range(Dice& dice) {
  const std::uint64_t start = kZero + dice.below(3) * kSecond - kSecond;
  const std::uint64_t step = dice.of<std::uint64_t>({0, kSecond, 2 * kSecond, kTick * 32});
  return {start, start + (2 + 2 * dice.below(3)) * kSecond, step};
}

}  // namespace meshflow::query::traceql::test
