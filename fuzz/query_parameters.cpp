// Parameters from outside, of both generations of Jaeger's API and of Tempo's: never a crash; what Jaeger's searches
// are understood as compiles to SQL with a parameter for each of its question marks and nothing of the input in its
// text, and Tempo's keep to their bounds.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "query/compile.hpp"
#include "query/jaeger_search.hpp"
#include "query/number.hpp"
#include "query/tempo_requests.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/tags.hpp"

namespace meshflow::query {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// "name=value" per line.
Parameters parameters_of(std::string_view input) {
  Parameters parameters;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string_view line = input.substr(0, end);
    const std::size_t equals = std::min(line.find('='), line.size());
    parameters.emplace_back(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return parameters;
}

void check_query(const JaegerQuery& query) {
  require(query.traces_max <= kTracesMax && query.trace_ids.size() <= kTraceIdsMax);
  otlp::Resource resource;
  resource.attributes = {{"service.name", {query.service}}, {"n", {std::int64_t{5}}}, {"d", {0.1}}};
  const ResourceSet resources({{1, resource}, {2, {}}});
  for (const TraceSearch& search : searches_of(query)) {
    const auto sql = compile(search.condition, resources);
    require(sql.has_value());  // kTagsMax keeps it far below the limits
    const auto marks = static_cast<std::size_t>(std::count(sql->text.begin(), sql->text.end(), '?'));
    require(marks == sql->parameters.size());
    require(sql->text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_(),.?*=<>' ") ==
            std::string::npos);
  }
}

void check_tempo(const Parameters& parameters, std::int64_t now) {
  if (const auto search = parse_tempo_search(parameters)) {
    require(search->traces_max > 0 && search->traces_max <= kTempoTracesMax);
    require(search->spans_per_set_max <= kTempoSpansPerSetMax && search->range.from <= search->range.to);
    if (const auto pipeline = pipeline_of(*search)) require(traceql::parse_query(print(*pipeline)).has_value());
  }
  for (const bool is_yes : {false, true}) {
    if (const auto tags = parse_tempo_tags(parameters, is_yes)) require(tags->count_max <= kTempoTagsMax);
    if (const auto metrics = parse_tempo_metrics(parameters, now, is_yes)) {
      require(metrics->range.from < metrics->range.to && metrics->exemplars_max <= kTempoExemplarsMax);
      require(is_yes == (metrics->step > 0));
      if (const auto metric = metric_of(*metrics)) require(exemplars_of(*metric, *metrics) <= kTempoExemplarsMax);
    }
    for (const auto& [name, value] : parameters) {
      const auto values = parse_tempo_tag_values(value, parameters, is_yes);
      if (values && is_yes) require(traceql::read_field(print(values->field)) == values->field);
    }
  }
  for (const auto& [name, value] : parameters) (void)narrowing_filter(value);
}

void check(std::string_view input) {
  const Parameters parameters = parameters_of(input);
  constexpr std::int64_t kNow = 1'700'000'000'000'000'000;
  if (const auto query = parse_jaeger_query(parameters, kNow)) check_query(*query);
  if (const auto query = parse_jaeger_v3_query(parameters)) check_query(*query);
  check_tempo(parameters, kNow);
  for (const auto& [name, value] : parameters) {
    if (const auto number = parse_number(value)) {
      require(parse_number(ten_digits(number->value)).has_value() || ten_digits(number->value).ends_with("Inf"));
      if (const auto range = doubles_written(value))
        require(range->from <= number->value && number->value <= range->to);
    }
    if (const auto duration = parse_go_duration(value)) require(parse_go_duration(go_duration(*duration)) == duration);
    if (const auto id = parse_jaeger_trace_id(value))
      require(parse_jaeger_trace_id(jaeger_trace_id(*id)).value() == *id);
    if (const auto time = parse_rfc3339(value)) require(*time >= 0);
  }
}

}  // namespace
}  // namespace meshflow::query

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::query::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
