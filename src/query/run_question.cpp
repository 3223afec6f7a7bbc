#include "query/run_question.hpp"

#include <charconv>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/json_writer.hpp"
#include "query/names.hpp"
#include "query/tag_text.hpp"
#include "query/traceql/check.hpp"
#include "query/traceql/from_tags.hpp"
#include "query/traceql/plan.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query {
namespace {

using traceql::Expression;
using traceql::Pipeline;
using traceql::Spanset;
using traceql::SpansetFilter;

tl::unexpected<AskedWrongly> wrong(Error error) {
  traceql::Problem problem;
  problem.code = error.code;
  problem.message = std::move(error.message);
  problem.hint = std::move(error.hint);
  problem.line = problem.column = 0;
  return tl::unexpected(AskedWrongly{std::move(problem), {}});
}
tl::unexpected<AskedWrongly> wrong(std::string message, std::string hint = {}) {
  return wrong(Error{ErrorCode::invalid_argument, std::move(message), std::nullopt, std::move(hint)});
}
tl::unexpected<AskedWrongly> wrong(traceql::Problem problem, std::string_view text) {
  return tl::unexpected(AskedWrongly{std::move(problem), std::string(text)});
}

template <typename Integer>
Result<std::optional<Integer>> integer_of(const Parameters& parameters, std::string_view name, std::string_view what) {
  const std::string_view text = value_of(parameters, name);
  if (text.empty()) return std::optional<Integer>();
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return std::optional(value);
  return fail(ErrorCode::invalid_argument, fmt::format("{}: \"{}\" is no {}", name, text, what));
}

Result<JaegerTags> tags_of(const Parameters& parameters) {
  std::vector<std::string_view> maps;
  JaegerTags tags;
  for (const auto& [name, value] : parameters) {
    if (name != "tags" || value.empty()) continue;
    if (value.starts_with('{')) {
      maps.push_back(value);
    } else {
      MESHFLOW_CHECK(read_tag_text(value, tags));
    }
  }
  MESHFLOW_TRY(const JaegerTags of_maps, parse_jaeger_tags({}, maps));
  tags.tags.insert(tags.tags.end(), of_maps.tags.begin(), of_maps.tags.end());
  if (tags.tags.size() > kTagsMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("more than {} tags (limit tags_max)", kTagsMax));
  }
  for (const auto& [name, into] : {std::pair("service", &tags.service), std::pair("operation", &tags.operation)}) {
    if (const std::string_view text = value_of(parameters, name); !text.empty()) *into = text;
  }
  // The index of runs knows the attribute by its whole name.
  for (JaegerTag& tag : tags.tags) {
    if (const auto name = long_name_of(tag.key); name && name->key == kRunIdKey) tag.key = name->key;
  }
  return tags;
}

bool asks_for_nothing(const JaegerTags& tags) {
  return tags.tags.empty() && tags.service.empty() && tags.operation.empty();
}

std::string_view sign_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal: return "=";
    case Comparison::not_equal: return "!=";
    case Comparison::less: return "<";
    case Comparison::less_equal: return "<=";
    case Comparison::greater: return ">";
    case Comparison::greater_equal: return ">=";
  }
  return {};
}

std::string jaeger_map(const JaegerTags& tags) {
  JsonWriter out;
  out.begin_object();
  for (const JaegerTag& tag : tags.tags) {
    const auto& number = tag.number;
    const std::string text = number.integer ? fmt::format("{}", *number.integer) : json_double(number.value);
    out.field(tag.key, tag.comparison ? fmt::format("{} {}", sign_of(*tag.comparison), text) : tag.text);
  }
  out.end_object();
  return out.take();
}

Expression compared_duration(traceql::ComparisonOperator op, std::int64_t nanos) {
  return {traceql::Compare{op, Expression{traceql::Field{traceql::Intrinsic::duration}},
                           Expression{traceql::Literal{traceql::Duration{nanos}}}}};
}

// All of them, in one level; true where there is none.
Expression all_of(std::vector<Expression> parts) {
  std::vector<Expression> all;
  for (Expression& part : parts) {
    auto* const logical = std::get_if<traceql::Logical>(&part.of);
    if (logical != nullptr && logical->op == traceql::LogicalOperator::all) {
      std::move(logical->operands.begin(), logical->operands.end(), std::back_inserter(all));
    } else {
      all.push_back(std::move(part));
    }
  }
  if (all.empty()) return Expression{traceql::Literal{true}};
  if (all.size() == 1) return std::move(all.front());
  return Expression{traceql::Logical{traceql::LogicalOperator::all, std::move(all)}};
}

Pipeline filter_of(Expression condition) {
  Pipeline pipeline;
  pipeline.stages.emplace_back(Spanset{SpansetFilter{std::move(condition)}});
  return pipeline;
}

// What `q` asks, and besides of the same span, or where it asks for several, of any, what `conditions` ask.
Pipeline joined(std::vector<Expression> conditions, Pipeline q) {
  if (conditions.empty()) return q;
  if (q.stages.size() == 1) {
    auto* const spanset = std::get_if<Spanset>(&q.stages.front());
    auto* const filter = spanset == nullptr ? nullptr : std::get_if<SpansetFilter>(&spanset->of);
    if (filter != nullptr) {
      conditions.push_back(std::move(filter->condition));
      return filter_of(all_of(std::move(conditions)));
    }
  }
  const bool is_one_spanset = q.stages.size() == 1 && std::holds_alternative<Spanset>(q.stages.front());
  Spanset right =
      is_one_spanset ? std::get<Spanset>(std::move(q.stages.front())) : Spanset{traceql::Box<Pipeline>(std::move(q))};
  Pipeline both;
  both.stages.emplace_back(Spanset{traceql::SpansetOperation{
      traceql::SpansetOperator::all, Spanset{SpansetFilter{all_of(std::move(conditions))}}, std::move(right)}});
  return both;
}

bool is_everything(const Pipeline& pipeline) {
  if (pipeline.stages.size() != 1) return false;
  const auto* const spanset = std::get_if<Spanset>(&pipeline.stages.front());
  const auto* const filter = spanset == nullptr ? nullptr : std::get_if<SpansetFilter>(&spanset->of);
  return filter != nullptr && filter->condition == Expression{traceql::Literal{true}};
}

Result<void> read_frame(const Parameters& parameters, RunQuestion& question) {
  MESHFLOW_TRY(const auto start, integer_of<std::uint64_t>(parameters, "start", "time in nanoseconds"));
  MESHFLOW_TRY(const auto end, integer_of<std::uint64_t>(parameters, "end", "time in nanoseconds"));
  MESHFLOW_TRY(const auto limit, integer_of<std::size_t>(parameters, "limit", "number of runs"));
  question.range = {start.value_or(0), end.value_or(UINT64_MAX)};
  if (limit && (*limit == 0 || *limit > kRunsMax)) {
    return fail(ErrorCode::invalid_argument, fmt::format("limit: it must be from 1 to {}", kRunsMax));
  }
  question.limit = limit.value_or(kRunsDefault);
  if (const std::string_view sort = value_of(parameters, "sort"); !sort.empty()) {
    MESHFLOW_TRY(question.order, run_order_of(sort));
  }
  question.cursor = value_of(parameters, "cursor");
  return {};
}

// minDuration and maxDuration.
Result<std::vector<Expression>> durations_of(const Parameters& parameters) {
  std::vector<Expression> conditions;
  for (const auto& [name, op] : {std::pair("minDuration", traceql::ComparisonOperator::greater_equal),
                                 std::pair("maxDuration", traceql::ComparisonOperator::less_equal)}) {
    const std::string_view text = value_of(parameters, name);
    if (text.empty()) continue;
    const auto nanos = parse_go_duration(text);
    if (!nanos) {
      return fail(ErrorCode::invalid_argument, fmt::format("{}: \"{}\" is no duration", name, text),
                  "1.5s, 300ms, 1m30s");
    }
    conditions.push_back(compared_duration(op, *nanos));
  }
  return conditions;
}

// The filter of a query that query_of_tags() made.
Expression condition_of(traceql::Query query) {
  auto& spanset = std::get<Spanset>(std::get<Pipeline>(query.of).stages.front());
  return std::move(std::get<SpansetFilter>(spanset.of).condition);
}

}  // namespace

tl::expected<AskedRuns, AskedWrongly> read_run_question(const Parameters& parameters) {
  AskedRuns asked;
  if (auto read = read_frame(parameters, asked.question); !read) return wrong(std::move(read).error());
  const auto tags = tags_of(parameters);
  if (!tags) return wrong(tags.error());
  auto conditions = durations_of(parameters);
  if (!conditions) return wrong(std::move(conditions).error());
  if (!asks_for_nothing(*tags)) {
    auto query = traceql::query_of_tags(*tags);
    if (!query) return wrong(std::move(query).error());
    conditions->insert(conditions->begin(), condition_of(std::move(*query)));
  }
  const std::string_view q = value_of(parameters, "q");
  Pipeline pipeline = filter_of(Expression{traceql::Literal{true}});
  if (q.find_first_not_of(" \t\r\n") != std::string_view::npos) {
    auto read = traceql::read_lenient(q);
    if (!read) return wrong(std::move(read).error(), q);
    auto checked = traceql::check(std::move(read->query), q);
    if (!checked) return wrong(std::move(checked).error(), q);
    const auto* const found = std::get_if<Pipeline>(&checked->query().of);
    if (found == nullptr) {
      return wrong("q: a query for metrics finds no traces", "leave the metric out, or ask for it in Query");
    }
    pipeline = *found;
  } else {
    asked.jaeger_tags = jaeger_map(*tags);
  }
  if (is_everything(pipeline)) {
    pipeline = filter_of(all_of(std::move(*conditions)));
  } else {
    pipeline = joined(std::move(*conditions), std::move(pipeline));
  }
  asked.query = traceql::print(pipeline);
  if (!is_everything(pipeline)) {
    // Conditions that were put together have not been checked yet.
    auto checked = traceql::check(traceql::Query{std::move(pipeline)});
    if (!checked) return wrong(std::move(checked).error(), {});
    asked.question.filter = std::get<Pipeline>(checked->query().of);
  }
  return asked;
}

}  // namespace meshflow::query
