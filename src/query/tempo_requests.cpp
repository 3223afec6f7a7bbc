#include "query/tempo_requests.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/jaeger_search.hpp"
#include "query/number.hpp"
#include "query/tag_text.hpp"
#include "query/traceql/check.hpp"
#include "query/traceql/from_tags.hpp"
#include "query/traceql/lexer.hpp"
#include "query/traceql/plan.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/tags.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query {
namespace {

using traceql::Outcome;
using traceql::Problem;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kUint32Max = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::invalid_input, std::move(message)); }

// "invalid start: …", as Go wraps an error.
Error named(std::string_view name, Error error) {
  error.message = fmt::format("invalid {}: {}", name, error.message);
  return error;
}

// An unsigned number of 32 bits; nothing where the parameter is missing.
Result<std::optional<std::uint64_t>> number_of_parameter(const Parameters& parameters, std::string_view name) {
  const std::string_view text = value_of(parameters, name);
  if (text.empty()) return std::optional<std::uint64_t>();
  const auto number = parse_go_uint(text, kUint32Max);
  if (!number) return tl::unexpected(named(name, number.error()));
  return std::optional(*number);
}

// Durations of traces; 0 is none, as in Tempo.
Result<std::optional<std::int64_t>> duration_of_parameter(const Parameters& parameters, std::string_view name) {
  std::optional<std::int64_t> duration;
  const std::string_view text = value_of(parameters, name);
  if (text.empty()) return duration;
  const auto nanos = parse_duration_text(text);
  if (!nanos) return tl::unexpected(named(name, nanos.error()));
  if (*nanos > 0) duration = *nanos;
  return duration;
}

// Seconds, both included; without both everything.
Result<store::TimeRange> range_of_seconds(std::uint64_t start, std::uint64_t end) {
  if (start == 0 && end == 0) return store::TimeRange{};
  if (end <= start) {
    return invalid(fmt::format("http parameter start must be before end. received start={} end={}", start, end));
  }
  return store::TimeRange{start * kSecond, end * kSecond};
}

// Of requests about tags, whose numbers Tempo reads as signed.
Result<store::TimeRange> range_of_tags(const Parameters& parameters) {
  std::uint64_t bounds[] = {0, 0};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view name = i == 0 ? "start" : "end";
    const std::string_view text = value_of(parameters, name);
    if (text.empty()) continue;
    const auto seconds = parse_go_int(text, -kInt32Max, kInt32Max);
    if (!seconds) return tl::unexpected(named(name, seconds.error()));
    bounds[i] = static_cast<std::uint64_t>(std::max<std::int64_t>(*seconds, 0));
  }
  return range_of_seconds(bounds[0], bounds[1]);
}

Result<std::size_t> count_of_tags(const Parameters& parameters) {
  MESHFLOW_TRY(const auto limit, number_of_parameter(parameters, "limit"));
  if (!limit || *limit == 0) return kTempoTagsDefault;
  return std::min<std::size_t>(*limit, kTempoTagsMax);
}

traceql::Expression trace_duration(traceql::ComparisonOperator op, std::int64_t nanos) {
  return {traceql::Compare{op, traceql::Expression{traceql::Field{traceql::Intrinsic::trace_duration}},
                           traceql::Expression{traceql::Literal{traceql::Duration{nanos}}}}};
}

// The pipeline, of traces that are as long as is asked. One filter stays one.
void narrow_by_duration(traceql::Pipeline& pipeline, const TempoSearch& search) {
  if (!search.duration_min && !search.duration_max) return;
  traceql::Logical all{traceql::LogicalOperator::all, {}};
  const bool is_single = pipeline.stages.size() == 1 && traceql::only_filter_of(pipeline) != nullptr;
  if (is_single) {
    auto& filter = std::get<traceql::SpansetFilter>(std::get<traceql::Spanset>(pipeline.stages.front()).of);
    all.operands.push_back(std::move(filter.condition));
  }
  using Operator = traceql::ComparisonOperator;
  if (search.duration_min) all.operands.push_back(trace_duration(Operator::greater_equal, *search.duration_min));
  if (search.duration_max) all.operands.push_back(trace_duration(Operator::less_equal, *search.duration_max));
  traceql::Expression condition =
      all.operands.size() == 1 ? std::move(all.operands.front()) : traceql::Expression{std::move(all)};
  traceql::Spanset narrowed{traceql::SpansetFilter{std::move(condition)}};
  if (is_single) {
    pipeline.stages.front() = std::move(narrowed);
  } else {
    pipeline.stages.emplace_back(std::move(narrowed));
  }
}

Outcome<traceql::Query> query_of_tag_text(std::string_view text) {
  const auto problem = [](const Error& error) {
    return Problem{
        .code = error.code, .message = "invalid tags: " + error.message, .hint = error.hint, .line = 0, .column = 0};
  };
  if (auto unusable = traceql::unusable_text(text)) return tl::unexpected(std::move(*unusable));
  JaegerTags tags;
  if (const auto read = read_tag_text(text, tags); !read) return tl::unexpected(problem(read.error()));
  if (tags.tags.size() > kTagsMax) {
    return tl::unexpected(Problem{.code = ErrorCode::limit_exceeded,
                                  .message = fmt::format("invalid tags: there are more than {}", kTagsMax),
                                  .limit = "kTagsMax",
                                  .line = 0,
                                  .column = 0});
  }
  auto query = traceql::query_of_tags(tags);
  if (!query) return tl::unexpected(problem(query.error()));
  return std::move(*query);
}

// As Tempo reads times: seconds with and without a fraction, nanoseconds, RFC 3339.
Result<std::int64_t> time_of(std::string_view text, std::int64_t otherwise) {
  if (text.empty()) return otherwise;
  const auto number = parse_number(text);
  if (text.find('.') != std::string_view::npos && number && std::abs(number->value) < 9e9) {
    const double seconds = std::floor(number->value);
    const double milliseconds = std::round((number->value - seconds) * 1e3);
    return static_cast<std::int64_t>(seconds) * static_cast<std::int64_t>(kSecond) +
           static_cast<std::int64_t>(milliseconds) * 1'000'000;
  }
  constexpr std::size_t kSecondsDigitsMax = 10;
  if (number && number->integer) {
    if (text.size() > kSecondsDigitsMax) return *number->integer;
    // Times past the last that nanoseconds reach (2262) are that one.
    constexpr auto kSecondsLast = std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(kSecond);
    return std::min(*number->integer, kSecondsLast) * static_cast<std::int64_t>(kSecond);
  }
  if (const auto time = parse_rfc3339(text)) return *time;
  return invalid(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
}

Result<std::int64_t> time_of_parameter(const Parameters& parameters, std::string_view name, std::int64_t otherwise) {
  auto time = time_of(value_of(parameters, name), otherwise);
  if (!time) return invalid(fmt::format("could not parse '{}' parameter: {}", name, time.error().message));
  return time;
}

Result<store::TimeRange> range_of_metrics(const Parameters& parameters, std::int64_t now) {
  constexpr std::uint64_t kHour = 3'600 * kSecond;
  std::uint64_t since = kHour;
  if (const std::string_view text = value_of(parameters, "since"); !text.empty()) {
    const auto duration = traceql::duration_of(text);
    if (!duration) {
      return invalid(fmt::format("could not parse 'since' parameter: not a valid duration string: \"{}\"", text));
    }
    since = *duration;
  }
  MESHFLOW_TRY(const std::int64_t end, time_of_parameter(parameters, "end", now));
  const std::int64_t until = std::min(end, now);
  const auto back = static_cast<std::int64_t>(std::min<std::uint64_t>(since, std::numeric_limits<std::int64_t>::max()));
  MESHFLOW_TRY(const std::int64_t start,
               time_of_parameter(parameters, "start", std::max<std::int64_t>(until, 0) - back));
  return store::TimeRange{static_cast<std::uint64_t>(std::max<std::int64_t>(start, 0)),
                          static_cast<std::uint64_t>(std::max<std::int64_t>(end, 0))};
}

Result<std::uint64_t> step_of(std::string_view text, const store::TimeRange& range) {
  if (text.empty()) return default_step(range);
  std::optional<std::int64_t> nanos = parse_go_duration(text);
  if (const auto number = parse_number(text); !nanos || number) {
    constexpr double kSecondsMax = 9e9;
    if (!number) return invalid(fmt::format("cannot parse \"{}\" to a valid duration", text));
    if (std::abs(number->value) > kSecondsMax) {
      return invalid(fmt::format("cannot parse \"{}\" to a valid duration. It overflows int64", text));
    }
    nanos = number->nano_floor;
  }
  if (*nanos < 0) return invalid(fmt::format("cannot parse \"{}\": step must be positive", text));
  return static_cast<std::uint64_t>(*nanos);
}

Problem wrong_kind(std::string message, std::string hint, std::string_view text) {
  return traceql::located({.message = std::move(message), .hint = std::move(hint)}, text,
                          {0, static_cast<std::uint32_t>(text.size())});
}

}  // namespace

// ---- searches -------------------------------------------------------------------------------------------------------

Result<TempoSearch> parse_tempo_search(const Parameters& parameters) {
  TempoSearch search;
  MESHFLOW_TRY(const auto start, number_of_parameter(parameters, "start"));
  MESHFLOW_TRY(const auto end, number_of_parameter(parameters, "end"));
  search.query = value_of(parameters, "q");
  search.tags = value_of(parameters, "tags");
  if (!search.query.empty() && !search.tags.empty()) {
    return invalid("invalid request: can't specify tags and q in the same query");
  }
  MESHFLOW_TRY(search.duration_min, duration_of_parameter(parameters, "minDuration"));
  MESHFLOW_TRY(search.duration_max, duration_of_parameter(parameters, "maxDuration"));
  if (search.duration_min && search.duration_max && *search.duration_min > *search.duration_max) {
    return invalid("invalid maxDuration: must be greater than minDuration");
  }
  MESHFLOW_TRY(const auto limit, number_of_parameter(parameters, "limit"));
  if (limit && *limit == 0) return invalid("invalid limit: must be a positive number");
  if (limit) search.traces_max = *limit;
  MESHFLOW_TRY(const auto spans, number_of_parameter(parameters, "spss"));
  // 0 is no limit in Tempo.
  if (spans) search.spans_per_set_max = *spans == 0 ? kTempoSpansPerSetMax : *spans;
  MESHFLOW_TRY(search.range, range_of_seconds(start.value_or(0), end.value_or(0)));
  MESHFLOW_CHECK(check_bounds(search));
  return search;
}

Result<void> check_bounds(const TempoSearch& search) {
  if (search.traces_max > kTempoTracesMax) {
    return invalid(fmt::format("limit {} exceeds max limit {}", search.traces_max, kTempoTracesMax));
  }
  if (search.spans_per_set_max > kTempoSpansPerSetMax) {
    return invalid(
        fmt::format("spans per span set exceeds {}. received {}", kTempoSpansPerSetMax, search.spans_per_set_max));
  }
  return {};
}

TempoPipeline pipeline_of(const TempoSearch& search) {
  const std::string_view text = search.query.empty() ? "{ }" : std::string_view(search.query);
  traceql::Query query;
  if (search.query.empty() && !search.tags.empty()) {
    TRACEQL_TRY(query, query_of_tag_text(search.tags));
  } else {
    TRACEQL_TRY(const traceql::CheckedQuery checked, traceql::check_query(text));
    query = checked.query();
  }
  auto* const pipeline = std::get_if<traceql::Pipeline>(&query.of);
  if (pipeline == nullptr) {
    return tl::unexpected(
        wrong_kind("this asks for a metric, and a search is for spans", "ask /api/metrics/query_range", text));
  }
  narrow_by_duration(*pipeline, search);
  // What tags and durations brought in has no types yet.
  TRACEQL_TRY(const traceql::CheckedQuery checked, traceql::check(std::move(query), text));
  return std::get<traceql::Pipeline>(checked.query().of);
}

// ---- tags -----------------------------------------------------------------------------------------------------------

Result<void> set_scope(TempoTags& tags, std::string_view scope, bool is_second) {
  using traceql::Scope;
  const bool is_any = scope.empty() || scope == "none";
  tags.with_intrinsics = scope == "intrinsic" || (is_second && is_any);
  if (is_any) {
    tags.scopes = {Scope::resource, Scope::span, Scope::event, Scope::link, Scope::instrumentation};
  } else if (scope != "intrinsic") {
    const auto only = traceql::scope_of(scope);
    if (!only) return invalid(fmt::format("invalid scope: {}", sanitize_utf8(scope)));
    tags.scopes = {*only};
  }
  return {};
}

Result<TempoTags> parse_tempo_tags(const Parameters& parameters, bool is_second) {
  TempoTags tags;
  MESHFLOW_CHECK(set_scope(tags, value_of(parameters, "scope"), is_second));
  tags.query = value_of(parameters, "q");
  MESHFLOW_TRY(tags.range, range_of_tags(parameters));
  MESHFLOW_TRY(tags.count_max, count_of_tags(parameters));
  return tags;
}

Result<traceql::Field> tempo_field_of(std::string_view tag, bool is_second) {
  if (tag.empty()) return invalid("please provide a non-empty tagName");
  if (!is_valid_utf8(tag)) return invalid("please provide a valid tagName: it is not UTF-8");
  if (!is_second) {
    // Keys that Tempo has for a span's own fields.
    if (tag == "status.code" || tag == "error") return traceql::Field{traceql::Intrinsic::status};
    if (const auto intrinsic = traceql::intrinsic_of(tag)) return traceql::Field{*intrinsic};
    return traceql::field_of_tag(tag);
  }
  if (auto field = traceql::read_field(tag)) return std::move(*field);
  return invalid(fmt::format("please provide a valid tagName: {} is no field of TraceQL ({})", tag,
                             "for example .http.method, span.http.method, resource.service.name, name, status"));
}

Result<TempoTagValues> parse_tempo_tag_values(std::string_view tag, const Parameters& parameters, bool is_second) {
  TempoTagValues values;
  MESHFLOW_TRY(values.field, tempo_field_of(tag, is_second));
  values.query = value_of(parameters, "q");
  MESHFLOW_TRY(values.range, range_of_tags(parameters));
  MESHFLOW_TRY(values.count_max, count_of_tags(parameters));
  return values;
}

std::optional<traceql::SpansetFilter> narrowing_filter(std::string_view query) {
  if (query.empty()) return std::nullopt;
  const auto checked = traceql::check_query(query);
  if (!checked) return std::nullopt;
  const auto* const pipeline = std::get_if<traceql::Pipeline>(&checked->query().of);
  const traceql::SpansetFilter* const filter = pipeline == nullptr ? nullptr : traceql::only_filter_of(*pipeline);
  if (filter == nullptr) return std::nullopt;
  const auto* const literal = std::get_if<traceql::Literal>(&filter->condition.of);
  if (literal != nullptr && literal->value == traceql::Value{true}) return std::nullopt;
  return *filter;
}

// ---- metrics --------------------------------------------------------------------------------------------------------

std::uint64_t default_step(const store::TimeRange& range) {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  constexpr std::uint64_t kPoints = 240;
  const std::uint64_t length = range.to > range.from ? range.to - range.from : 0;
  const std::uint64_t wanted = length / kPoints;
  if (length < 60 * kSecond) {
    constexpr std::uint64_t kShortest = 50 * kMillisecond;
    return std::max(wanted / kShortest * kShortest, kShortest);
  }
  for (const std::uint64_t unit : {3'600 * kSecond, 300 * kSecond, 60 * kSecond, 15 * kSecond, 5 * kSecond, kSecond}) {
    if (wanted > unit) return wanted / unit * unit;
  }
  return kSecond;
}

Result<TempoMetrics> parse_tempo_metrics(const Parameters& parameters, std::int64_t now, bool is_range) {
  TempoMetrics metrics;
  metrics.query = value_of(parameters, "q");
  if (metrics.query.empty()) metrics.query = value_of(parameters, "query");
  MESHFLOW_TRY(metrics.range, range_of_metrics(parameters, now));
  if (is_range) {
    MESHFLOW_TRY(metrics.step, step_of(value_of(parameters, "step"), metrics.range));
    // Numbers that are none are passed over, as in Tempo.
    const auto exemplars = number_of_parameter(parameters, "exemplars");
    if (exemplars && *exemplars) metrics.exemplars_max = std::min<std::size_t>(**exemplars, kTempoExemplarsMax);
  }
  const auto series = number_of_parameter(parameters, "maxSeries");
  if (series && *series && **series > 0) metrics.series_max = **series;
  MESHFLOW_CHECK(check_bounds(metrics, is_range));
  return metrics;
}

Result<void> check_bounds(const TempoMetrics& metrics, bool is_range) {
  if (metrics.range.from >= metrics.range.to) return invalid("end must be greater than start");
  if (!is_range || metrics.step > 0) return {};
  const auto least = static_cast<std::int64_t>((metrics.range.to - metrics.range.from) / traceql::kPointsMax);
  return invalid(fmt::format("step of 0s is too small, minimum step for given range is {}",
                             go_duration(std::max(least, std::int64_t{1}))));
}

TempoMetric metric_of(const TempoMetrics& request) {
  TRACEQL_TRY(const traceql::CheckedQuery checked, traceql::check_query(request.query));
  if (std::holds_alternative<traceql::Metrics>(checked.query().of)) return checked.query();
  return tl::unexpected(wrong_kind("this asks for spans, and metrics are counted from them",
                                   "add a stage such as | rate() or | count_over_time(), or ask /api/search",
                                   request.query));
}

std::size_t exemplars_of(const traceql::Query& query, const TempoMetrics& request) {
  std::size_t count = request.exemplars_max;
  for (const traceql::Hint& hint : query.hints) {
    if (hint.name != "exemplars") continue;
    if (const auto* const number = std::get_if<std::int64_t>(&hint.value.value)) {
      count = static_cast<std::size_t>(std::max<std::int64_t>(*number, 0));
    } else if (const bool* const flag = std::get_if<bool>(&hint.value.value)) {
      count = *flag ? std::max(count, kTempoExemplarsMax) : 0;
    }
  }
  return std::min(count, kTempoExemplarsMax);
}

}  // namespace meshflow::query
