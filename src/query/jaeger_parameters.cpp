// Query parameters of both generations of Jaeger's API.
#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/jaeger_search.hpp"

namespace meshflow::query {
namespace {

constexpr std::int64_t kMicrosecond = 1'000;
constexpr std::int64_t kHour = 3'600'000'000'000;
// Jaeger's default, two days.
constexpr std::int64_t kLookback = 48 * kHour;

std::vector<std::string_view> values_of(const Parameters& parameters, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& [each, value] : parameters) {
    if (each == name) values.emplace_back(value);
  }
  return values;
}

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::invalid_input, std::move(message)); }

tl::unexpected<Error> cannot_parse(std::string_view name, const Error& error) {
  return invalid(fmt::format("unable to parse param '{}': {}", name, error.message));
}

std::int64_t saturated_nanos(std::int64_t value, std::int64_t unit) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (value > kMax / unit) return kMax;
  return value < 0 ? 0 : value * unit;  // before 1970 no span starts
}

// `now` plus `otherwise` where the parameter is missing.
Result<std::int64_t> parse_time(const Parameters& parameters, std::string_view name, std::int64_t otherwise) {
  const std::string_view text = value_of(parameters, name);
  if (text.empty()) return otherwise;
  const auto value =
      parse_go_int(text, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  if (!value) return cannot_parse(name, value.error());
  return saturated_nanos(*value, kMicrosecond);
}

// 0 means none, as in Jaeger.
Result<std::optional<std::int64_t>> parse_duration(const Parameters& parameters, std::string_view name) {
  const std::string_view text = value_of(parameters, name);
  std::optional<std::int64_t> duration;
  if (text.empty()) return duration;
  const auto nanos = parse_duration_text(text);
  if (!nanos) return cannot_parse(name, nanos.error());
  if (*nanos != 0) duration = *nanos;
  return duration;
}

// As Go's strconv.ParseBool.
std::optional<bool> parse_go_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

// "2d" beside Go's units: the UI's own way to write it. Nothing for "custom".
std::optional<std::int64_t> parse_lookback(std::string_view text) {
  std::int64_t unit = 0;
  if (text.ends_with('d')) unit = 24 * kHour;
  if (text.ends_with('w')) unit = 7 * 24 * kHour;
  if (unit == 0) return parse_go_duration(text);
  std::int64_t count = 0;
  const char* const end = text.data() + text.size() - 1;
  if (std::from_chars(text.data(), end, count).ptr != end || count < 0 || count > 100'000) return std::nullopt;
  return count * unit;
}

Result<std::size_t> parse_limit(std::string_view text) {
  constexpr std::size_t kDefault = 100;
  if (text.empty()) return kDefault;
  MESHFLOW_TRY(const std::int64_t limit,
               parse_go_int(text, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
  // Jaeger takes these for no limit.
  if (limit <= 0) return kTracesMax;
  if (static_cast<std::size_t>(limit) > kTracesMax) {
    return invalid(fmt::format("parameter 'limit' may be at most {}", kTracesMax));
  }
  return static_cast<std::size_t>(limit);
}

Result<void> parse_range(const Parameters& parameters, std::string_view lookback_of_field, std::int64_t now,
                         JaegerQuery& query) {
  MESHFLOW_TRY(const std::int64_t end, parse_time(parameters, "end", now));
  std::string_view lookback = value_of(parameters, "lookback");
  if (!lookback_of_field.empty()) lookback = lookback_of_field;
  const std::int64_t back = std::max<std::int64_t>(parse_lookback(lookback).value_or(kLookback), 0);
  MESHFLOW_TRY(std::int64_t start, parse_time(parameters, "start", end - back));
  // What is written in the field is what a person asks for now.
  if (!lookback_of_field.empty()) start = end - back;
  query.range.from = static_cast<std::uint64_t>(std::max<std::int64_t>(start, 0));
  query.range.to = static_cast<std::uint64_t>(std::max<std::int64_t>(end, 0));
  return {};
}

Result<void> parse_trace_ids(const Parameters& parameters, JaegerQuery& query) {
  for (const std::string_view text : values_of(parameters, "traceID")) {
    const auto id = parse_jaeger_trace_id(text);
    if (!id) return invalid(fmt::format("cannot parse traceID param: {}", id.error().message));
    query.trace_ids.push_back(*id);
    if (query.trace_ids.size() > kTraceIdsMax) {
      return invalid(fmt::format("more than {} traceID parameters", kTraceIdsMax));
    }
  }
  return {};
}

// The value under the name, or under its older form.
std::string_view either(const Parameters& parameters, std::string_view name, std::string_view old_name,
                        std::string_view& used) {
  used = name;
  const std::string_view value = value_of(parameters, name);
  if (!value.empty()) return value;
  used = old_name;
  return value_of(parameters, old_name);
}

tl::unexpected<Error> malformed(std::string_view name, std::string_view why) {
  return invalid(fmt::format("malformed parameter {}: {}", name, why));
}

Result<void> parse_v3_range(const Parameters& parameters, JaegerQuery& query) {
  std::string_view min_name;
  std::string_view max_name;
  const std::string_view min_text = either(parameters, "query.startTimeMin", "query.start_time_min", min_name);
  const std::string_view max_text = either(parameters, "query.startTimeMax", "query.start_time_max", max_name);
  if (min_text.empty() || max_text.empty()) {
    return invalid("query.startTimeMin and query.startTimeMax are required");
  }
  const std::optional<std::int64_t> min = parse_rfc3339(min_text);
  if (!min) return malformed(min_name, fmt::format("parsing time \"{}\": no time in RFC 3339", min_text));
  const std::optional<std::int64_t> max = parse_rfc3339(max_text);
  if (!max) return malformed(max_name, fmt::format("parsing time \"{}\": no time in RFC 3339", max_text));
  if (*min >= *max) return invalid("query.startTimeMin must be before query.startTimeMax");
  query.range = {static_cast<std::uint64_t>(*min), static_cast<std::uint64_t>(*max)};
  return {};
}

Result<void> parse_v3_limits(const Parameters& parameters, JaegerQuery& query) {
  std::string_view name;
  std::string_view text = either(parameters, "query.searchDepth", "query.search_depth", name);
  if (text.empty()) text = value_of(parameters, name = "query.num_traces");
  if (!text.empty()) {
    const auto depth = parse_limit(text);
    if (!depth) return malformed(name, depth.error().message);
    query.traces_max = *depth;
  }
  text = either(parameters, "query.durationMin", "query.duration_min", name);
  if (!text.empty()) {
    const auto nanos = parse_duration_text(text);
    if (!nanos) return malformed(name, nanos.error().message);
    if (*nanos != 0) query.duration_min = *nanos;
  }
  text = either(parameters, "query.durationMax", "query.duration_max", name);
  if (!text.empty()) {
    const auto nanos = parse_duration_text(text);
    if (!nanos) return malformed(name, nanos.error().message);
    if (*nanos != 0) query.duration_max = *nanos;
  }
  text = either(parameters, "query.rawTraces", "query.raw_traces", name);
  if (!text.empty()) {
    const std::optional<bool> raw = parse_go_bool(text);
    if (!raw) return malformed(name, fmt::format("strconv.ParseBool: parsing \"{}\": invalid syntax", text));
    query.is_raw = *raw;
  }
  return {};
}

}  // namespace

Result<JaegerQuery> parse_jaeger_query(const Parameters& parameters, std::int64_t now) {
  JaegerQuery query;
  query.service = sanitize_utf8(value_of(parameters, "service"));
  query.operation = sanitize_utf8(value_of(parameters, "operation"));
  MESHFLOW_TRY(JaegerTags tags, parse_jaeger_tags(values_of(parameters, "tag"), values_of(parameters, "tags")));
  if (!tags.service.empty()) query.service = std::move(tags.service);
  if (!tags.operation.empty()) query.operation = std::move(tags.operation);
  query.tags = std::move(tags.tags);
  MESHFLOW_CHECK(parse_range(parameters, tags.lookback, now, query));
  MESHFLOW_TRY(query.traces_max, parse_limit(value_of(parameters, "limit")));
  MESHFLOW_TRY(query.duration_min, parse_duration(parameters, "minDuration"));
  MESHFLOW_TRY(query.duration_max, parse_duration(parameters, "maxDuration"));
  MESHFLOW_CHECK(parse_trace_ids(parameters, query));
  query.is_raw = parse_go_bool(value_of(parameters, "raw")).value_or(false);
  if (query.trace_ids.empty() && query.service.empty()) return invalid("parameter 'service' is required");
  if (query.duration_min && query.duration_max && *query.duration_max < *query.duration_min) {
    return invalid("'maxDuration' should be greater than 'minDuration'");
  }
  return query;
}

Result<JaegerQuery> parse_jaeger_v3_query(const Parameters& parameters) {
  JaegerQuery query;
  std::string_view name;
  query.service = sanitize_utf8(either(parameters, "query.serviceName", "query.service_name", name));
  query.operation = sanitize_utf8(either(parameters, "query.operationName", "query.operation_name", name));
  if (const std::string_view attributes = value_of(parameters, "query.attributes"); !attributes.empty()) {
    auto tags = parse_jaeger_tags({}, {attributes});
    if (!tags) return malformed("query.attributes", tags.error().message);
    if (!tags->service.empty()) query.service = std::move(tags->service);
    if (!tags->operation.empty()) query.operation = std::move(tags->operation);
    query.tags = std::move(tags->tags);
  }
  MESHFLOW_CHECK(parse_v3_range(parameters, query));
  MESHFLOW_CHECK(parse_v3_limits(parameters, query));
  return query;
}

Result<otlp::TraceId> parse_jaeger_trace_id(std::string_view text, bool or_base64) {
  constexpr std::size_t kDigits = 32;
  otlp::TraceId id{};
  const std::optional<std::string> bytes = text.size() <= kDigits && !text.empty()
                                               ? from_hex(std::string(kDigits - text.size(), '0') + std::string(text))
                                               : std::nullopt;
  if (bytes) {
    std::copy(bytes->begin(), bytes->end(), id.begin());
    return id;
  }
  constexpr std::size_t kBase64Max = 24;
  if (or_base64 && text.size() <= kBase64Max) {
    if (const std::optional<std::string> decoded = from_base64(text); decoded && decoded->size() == id.size()) {
      std::copy(decoded->begin(), decoded->end(), id.begin());
      return id;
    }
  }
  if (text.size() > kDigits) {
    return invalid(fmt::format("TraceID cannot be longer than 32 hex characters: {}", text));
  }
  // Jaeger reads the last sixteen digits and those before them apart.
  const std::size_t high = text.size() > kDigits / 2 ? text.size() - kDigits / 2 : 0;
  const bool is_high = high > 0 && text.substr(0, high).find_first_not_of("0123456789abcdefABCDEF") != text.npos;
  const std::string_view part = high == 0 ? text : is_high ? text.substr(0, high) : text.substr(high);
  return invalid(fmt::format("strconv.ParseUint: parsing \"{}\": invalid syntax", part));
}

std::string jaeger_trace_id(const otlp::TraceId& trace_id) {
  const std::string digits = to_hex({reinterpret_cast<const char*>(trace_id.data()), trace_id.size()});
  const bool is_short = digits.find_first_not_of('0') >= digits.size() / 2;
  return is_short ? digits.substr(digits.size() / 2) : digits;
}

namespace {

// Days since 1970 of a date of the Gregorian calendar: years counted from March, in eras of 400 years.
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

// Takes `count` digits off the front.
bool take_digits(std::string_view& text, std::size_t count, std::int64_t& value) {
  if (text.size() < count) return false;
  const char* const end = text.data() + count;
  if (text.front() == '-' || std::from_chars(text.data(), end, value).ptr != end) return false;
  text.remove_prefix(count);
  return true;
}
bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".123", "Z", "+02:00": what follows the seconds, in nanoseconds to be added.
std::optional<std::int64_t> parse_time_tail(std::string_view text) {
  std::int64_t nanos = 0;
  if (take(text, ".,")) {
    std::int64_t unit = 1'000'000'000;
    std::size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, text.remove_prefix(1)) {
      unit /= 10;
      nanos += unit * (text.front() - '0');
    }
    if (digits == 0) return std::nullopt;
  }
  if (text == "Z" || text == "z") return nanos;
  const bool is_east = text.starts_with('+');
  std::int64_t hours = 0;
  std::int64_t minutes = 0;
  if (!take(text, "+-") || !take_digits(text, 2, hours) || !take(text, ":") || !take_digits(text, 2, minutes)) {
    return std::nullopt;
  }
  if (!text.empty() || hours > 23 || minutes > 59) return std::nullopt;
  const std::int64_t offset = (hours * 60 + minutes) * 60'000'000'000;
  return is_east ? nanos - offset : nanos + offset;
}

}  // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day = 0;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  const bool is_read = take_digits(text, 4, year) && take(text, "-") && take_digits(text, 2, month) &&
                       take(text, "-") && take_digits(text, 2, day) && take(text, "Tt ") &&
                       take_digits(text, 2, hour) && take(text, ":") && take_digits(text, 2, minute) &&
                       take(text, ":") && take_digits(text, 2, second);
  if (!is_read || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  constexpr std::int64_t kYearMax = 2261;  // the last whole one whose nanoseconds fit
  if (year < 1970 || year > kYearMax) return std::nullopt;
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr std::int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (day > kDays[month - 1] + (month == 2 && is_leap ? 1 : 0)) return std::nullopt;
  const std::optional<std::int64_t> tail = parse_time_tail(text);
  if (!tail) return std::nullopt;
  const std::int64_t seconds = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  const std::int64_t nanos = seconds * 1'000'000'000 + *tail;
  return nanos < 0 ? std::optional<std::int64_t>() : nanos;
}

}  // namespace meshflow::query
