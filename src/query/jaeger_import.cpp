#include "query/jaeger_import.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"

namespace meshflow::query {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kNanosPerMicro = 1'000;
constexpr std::string_view kRefTypeKey = "opentracing.ref_type";

tl::unexpected<Error> wrong(const std::string& place, std::string_view what) {
  return fail(ErrorCode::invalid_input, fmt::format("{}: {}", place, what));
}

// A member, or null where there is none or it is JSON's null.
const json::value* member(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::string> text_of(const json::object& object, std::string_view key, const std::string& place) {
  const json::value* const value = member(object, key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return wrong(fmt::format("{}.{}", place, key), "not a text");
  return std::string(value->as_string());
}

// A count of microseconds, as a number or as its decimal text.
Result<std::uint64_t> micros_of(const json::object& object, std::string_view key, const std::string& place) {
  const json::value* const value = member(object, key);
  if (value == nullptr) return std::uint64_t{0};
  std::optional<std::uint64_t> micros;
  boost::system::error_code error;
  if (value->is_number()) {
    const auto number = value->to_number<std::uint64_t>(error);
    if (!error) micros = number;
  } else if (value->is_string()) {
    const std::string text(value->as_string());
    char* end = nullptr;
    const auto number = std::strtoull(text.c_str(), &end, 10);
    if (!text.empty() && *end == '\0') micros = number;
  }
  if (!micros || *micros > std::numeric_limits<std::uint64_t>::max() / kNanosPerMicro) {
    return wrong(fmt::format("{}.{}", place, key), "no microseconds");
  }
  return *micros;
}

Result<json::array> list_of(const json::object& object, std::string_view key, const std::string& place) {
  const json::value* const value = member(object, key);
  if (value == nullptr) return json::array();
  if (!value->is_array()) return wrong(fmt::format("{}.{}", place, key), "not a list");
  return value->as_array();
}

// The last bytes of an id; nothing where it is none, or is all zero.
template <std::size_t kSize>
std::optional<std::array<std::uint8_t, kSize>> id_of(std::string digits) {
  if (digits.size() > 2 * kSize) return std::nullopt;
  const auto bytes = from_hex(std::string(2 * kSize - digits.size(), '0') + digits);
  if (!bytes) return std::nullopt;
  std::array<std::uint8_t, kSize> id{};
  std::copy(bytes->begin(), bytes->end(), id.begin());
  if (id == std::array<std::uint8_t, kSize>{}) return std::nullopt;
  return id;
}

// A value of the type that the tag names; where it does not fit, what the JSON is.
otlp::AnyValue value_of(const json::object& tag) {
  const json::value* const value = member(tag, "value");
  const json::value* const named = tag.if_contains("type");
  const std::string type = named != nullptr && named->is_string() ? std::string(named->as_string()) : std::string();
  if (value == nullptr) return {};
  if (value->is_string()) {
    std::string text(value->as_string());
    char* end = nullptr;
    if (type == "binary") {
      if (auto bytes = from_base64(text)) return {otlp::Bytes{std::move(*bytes)}};
    } else if (type == "int64" && !text.empty()) {  // past 2^53 it is written as text
      const std::int64_t number = std::strtoll(text.c_str(), &end, 10);
      if (*end == '\0') return {number};
    } else if (type == "float64" && !text.empty()) {
      const double number = std::strtod(text.c_str(), &end);
      if (*end == '\0') return {number};
    }
    return {std::move(text)};
  }
  if (value->is_bool()) return {value->as_bool()};
  boost::system::error_code error;
  if (value->is_number()) {
    if (type != "float64") {
      const auto number = value->to_number<std::int64_t>(error);
      if (!error) return {number};
    }
    return {value->to_number<double>()};
  }
  return {json::serialize(*value)};
}

Result<otlp::KeyValueList> tags_of(const json::object& object, std::string_view key, const std::string& place) {
  MESHFLOW_TRY(const json::array tags, list_of(object, key, place));
  otlp::KeyValueList attributes;
  for (std::size_t at = 0; at < tags.size(); ++at) {
    const std::string tag_place = fmt::format("{}.{}[{}]", place, key, at);
    if (!tags[at].is_object()) return wrong(tag_place, "not an object");
    MESHFLOW_TRY(std::string name, text_of(tags[at].as_object(), "key", tag_place));
    attributes.push_back({std::move(name), value_of(tags[at].as_object())});
  }
  return attributes;
}

// Takes the attribute out; its text where it is text.
std::optional<otlp::AnyValue> take(otlp::KeyValueList& attributes, std::string_view key) {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const auto& each) { return each.key == key; });
  if (found == attributes.end()) return std::nullopt;
  otlp::AnyValue value = std::move(found->value);
  attributes.erase(found);
  return value;
}
std::string take_text(otlp::KeyValueList& attributes, std::string_view key) {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const auto& each) { return each.key == key; });
  if (found == attributes.end() || !std::holds_alternative<std::string>(found->value.value)) return {};
  return std::get<std::string>(take(attributes, key)->value);
}

otlp::SpanKind kind_of(std::string_view text) {
  if (text == "internal") return otlp::SpanKind::internal;
  if (text == "server") return otlp::SpanKind::server;
  if (text == "client") return otlp::SpanKind::client;
  if (text == "producer") return otlp::SpanKind::producer;
  if (text == "consumer") return otlp::SpanKind::consumer;
  return otlp::SpanKind::unspecified;
}

void take_status(otlp::Span& span) {
  span.status.message = take_text(span.attributes, "otel.status_description");
  const std::string code = take_text(span.attributes, "otel.status_code");
  if (code == "OK") span.status.code = otlp::StatusCode::ok;
  if (code == "ERROR") span.status.code = otlp::StatusCode::error;
  // Alone it is OpenTracing's; beside the code it says the same again.
  const auto error = take(span.attributes, "error");
  if (!error) return;
  const auto* const text = std::get_if<std::string>(&error->value);
  if (error->value == otlp::AnyValue::Variant(true) || (text != nullptr && *text == "true")) {
    if (code.empty()) span.status.code = otlp::StatusCode::error;
  } else if (error->value != otlp::AnyValue::Variant(false)) {
    span.attributes.push_back({"error", *error});
  }
}

// A reader of one trace: spans go under the resource of their process, and the scope that their tags name.
class TraceReader {
 public:
  TraceReader(const json::object& trace, std::string place, otlp::Decoded<otlp::TracesData>& out)
      : trace_(trace), place_(std::move(place)), out_(out) {}

  Result<void> read() {
    MESHFLOW_CHECK(read_processes());
    MESHFLOW_TRY(const json::array spans, list_of(trace_, "spans", place_));
    for (std::size_t at = 0; at < spans.size(); ++at) {
      const std::string place = fmt::format("{}.spans[{}]", place_, at);
      if (!spans[at].is_object()) return wrong(place, "not an object");
      MESHFLOW_CHECK(read_span(spans[at].as_object(), place));
    }
    for (auto& [name, process] : processes_) {
      if (!process.scope_spans.empty()) out_.value.resource_spans.push_back(std::move(process));
    }
    return {};
  }

 private:
  Result<void> read_processes() {
    const json::value* const processes = member(trace_, "processes");
    if (processes == nullptr) return {};
    if (!processes->is_object()) return wrong(place_ + ".processes", "not an object");
    for (const auto& [name, value] : processes->as_object()) {
      const std::string place = fmt::format("{}.processes.{}", place_, std::string_view(name));
      if (!value.is_object()) return wrong(place, "not an object");
      otlp::ResourceSpans& process = processes_[std::string(name)];
      MESHFLOW_TRY(std::string service, text_of(value.as_object(), "serviceName", place));
      MESHFLOW_TRY(process.resource.attributes, tags_of(value.as_object(), "tags", place));
      process.resource.attributes.insert(process.resource.attributes.begin(), {"service.name", {std::move(service)}});
    }
    return {};
  }

  Result<void> read_span(const json::object& object, const std::string& place) {
    otlp::Span span;
    MESHFLOW_TRY(std::string trace_id, text_of(object, "traceID", place));
    MESHFLOW_TRY(std::string span_id, text_of(object, "spanID", place));
    const auto trace = id_of<16>(std::move(trace_id));
    const auto id = id_of<8>(std::move(span_id));
    if (!trace || !id) {
      if (out_.stats.rejected_spans++ == 0) out_.stats.rejection = fmt::format("{}: an id that is none", place);
      return {};
    }
    span.trace_id = *trace;
    span.span_id = *id;
    MESHFLOW_TRY(span.name, text_of(object, "operationName", place));
    MESHFLOW_TRY(const std::uint64_t start, micros_of(object, "startTime", place));
    MESHFLOW_TRY(const std::uint64_t duration, micros_of(object, "duration", place));
    span.start_time_unix_nano = start * kNanosPerMicro;
    span.end_time_unix_nano = span.start_time_unix_nano + duration * kNanosPerMicro;
    MESHFLOW_TRY(span.attributes, tags_of(object, "tags", place));
    span.kind = kind_of(take_text(span.attributes, "span.kind"));
    span.trace_state = take_text(span.attributes, "w3c.tracestate");
    take_status(span);
    MESHFLOW_CHECK(read_references(object, place, span));
    MESHFLOW_CHECK(read_logs(object, place, span));
    return keep(object, place, std::move(span));
  }

  static Result<void> read_references(const json::object& object, const std::string& place, otlp::Span& span) {
    MESHFLOW_TRY(const json::array references, list_of(object, "references", place));
    std::vector<std::pair<otlp::Link, bool>> all;  // and whether it is a parent's
    for (const json::value& each : references) {
      if (!each.is_object()) return wrong(place + ".references", "not objects");
      const json::object& reference = each.as_object();
      MESHFLOW_TRY(std::string trace_id, text_of(reference, "traceID", place));
      MESHFLOW_TRY(std::string span_id, text_of(reference, "spanID", place));
      MESHFLOW_TRY(const std::string type, text_of(reference, "refType", place));
      otlp::Link link;
      const auto id = id_of<8>(std::move(span_id));
      if (!id) continue;
      link.trace_id = id_of<16>(std::move(trace_id)).value_or(span.trace_id);
      link.span_id = *id;
      all.emplace_back(std::move(link), type == "CHILD_OF");
    }
    // Older clients name their parent only so.
    MESHFLOW_TRY(std::string parent, text_of(object, "parentSpanID", place));
    if (const auto id = id_of<8>(std::move(parent))) span.parent_span_id = *id;
    for (const bool wants_child : {true, false}) {
      for (auto& [link, is_child] : all) {
        if (otlp::is_set(span.parent_span_id)) break;
        if (is_child == wants_child && link.trace_id == span.trace_id) span.parent_span_id = link.span_id;
      }
    }
    for (auto& [link, is_child] : all) {
      const bool is_parent = link.trace_id == span.trace_id && link.span_id == span.parent_span_id;
      if (is_parent && is_child) continue;
      link.attributes.push_back({std::string(kRefTypeKey), {std::string(is_child ? "child_of" : "follows_from")}});
      span.links.push_back(std::move(link));
    }
    return {};
  }

  static Result<void> read_logs(const json::object& object, const std::string& place, otlp::Span& span) {
    MESHFLOW_TRY(const json::array logs, list_of(object, "logs", place));
    for (std::size_t at = 0; at < logs.size(); ++at) {
      const std::string log_place = fmt::format("{}.logs[{}]", place, at);
      if (!logs[at].is_object()) return wrong(log_place, "not an object");
      otlp::Event event;
      MESHFLOW_TRY(const std::uint64_t time, micros_of(logs[at].as_object(), "timestamp", log_place));
      MESHFLOW_TRY(event.attributes, tags_of(logs[at].as_object(), "fields", log_place));
      event.time_unix_nano = time * kNanosPerMicro;
      event.name = take_text(event.attributes, "event");
      span.events.push_back(std::move(event));
    }
    return {};
  }

  Result<void> keep(const json::object& object, const std::string& place, otlp::Span span) {
    MESHFLOW_TRY(const std::string process_id, text_of(object, "processID", place));
    otlp::ResourceSpans* process = nullptr;
    if (const json::value* const own = member(object, "process"); own != nullptr && own->is_object()) {
      // One span's own, as Jaeger's storage writes them.
      MESHFLOW_TRY(const std::string service, text_of(own->as_object(), "serviceName", place + ".process"));
      process = &processes_[json::serialize(*own)];
      if (process->resource.attributes.empty()) {
        MESHFLOW_TRY(process->resource.attributes, tags_of(own->as_object(), "tags", place + ".process"));
        process->resource.attributes.insert(process->resource.attributes.begin(), {"service.name", {service}});
      }
    } else {
      process = &processes_[process_id];
    }
    otlp::InstrumentationScope scope;
    scope.name = take_text(span.attributes, "otel.scope.name");
    scope.version = take_text(span.attributes, "otel.scope.version");
    auto& all = process->scope_spans;
    auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.scope == scope; });
    if (found == all.end()) found = all.insert(all.end(), otlp::ScopeSpans{std::move(scope), {}, {}});
    found->spans.push_back(std::move(span));
    return {};
  }

  const json::object& trace_;
  const std::string place_;
  otlp::Decoded<otlp::TracesData>& out_;
  std::map<std::string, otlp::ResourceSpans, std::less<>> processes_;
};

}  // namespace

Result<otlp::Decoded<otlp::TracesData>> from_jaeger_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kJaegerJsonDepthMax;
  boost::system::error_code error;
  const json::value document = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) return fail(ErrorCode::invalid_input, fmt::format("no JSON: {}", error.message()));
  otlp::Decoded<otlp::TracesData> out;
  const json::value* traces = &document;
  std::string name = "traces";
  if (document.is_object() && document.as_object().contains("data")) {
    traces = document.as_object().if_contains("data");
    name = "data";
  }
  if (traces->is_object()) {
    MESHFLOW_CHECK(TraceReader(traces->as_object(), "trace", out).read());
    return out;
  }
  if (!traces->is_array()) return wrong(name, "not a list of Jaeger's traces");
  for (std::size_t at = 0; at < traces->as_array().size(); ++at) {
    const std::string place = fmt::format("{}[{}]", name, at);
    const json::value& trace = traces->as_array()[at];
    if (!trace.is_object()) return wrong(place, "not an object");
    MESHFLOW_CHECK(TraceReader(trace.as_object(), place, out).read());
  }
  return out;
}

}  // namespace meshflow::query
