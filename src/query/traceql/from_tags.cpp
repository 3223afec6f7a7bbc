#include "query/traceql/from_tags.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/tag_text.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

ComparisonOperator operator_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal: return ComparisonOperator::equal;
    case Comparison::not_equal: return ComparisonOperator::not_equal;
    case Comparison::less: return ComparisonOperator::less;
    case Comparison::less_equal: return ComparisonOperator::less_equal;
    case Comparison::greater: return ComparisonOperator::greater;
    case Comparison::greater_equal: return ComparisonOperator::greater_equal;
  }
  return ComparisonOperator::equal;
}

// A number past the doubles is the last of them: nothing is beyond it.
Value value_of_number(const Number& number) {
  if (number.integer) return *number.integer;
  constexpr double kMax = std::numeric_limits<double>::max();
  return std::clamp(number.value, -kMax, kMax);
}

Expression compared(Field field, ComparisonOperator op, Value value) {
  return {Compare{op, Expression{std::move(field)}, Expression{Literal{std::move(value)}}}};
}
Expression equal(Field field, Value value) {
  return compared(std::move(field), ComparisonOperator::equal, std::move(value));
}

// The status or kind that `key=text` asks for, where the key is one of these.
std::optional<Expression> of_status_or_kind(std::string_view key, std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (key == "error" && (word == "true" || word == "false")) {
    const auto op = word == "true" ? ComparisonOperator::equal : ComparisonOperator::not_equal;
    return compared({Intrinsic::status}, op, Status::error);
  }
  const auto value = value_of(word);
  if (!value) return std::nullopt;
  const bool is_status = key == "status" || key == "status.code" || key == "otel.status_code";
  if (is_status && type_of(*value) == Type::status) return equal({Intrinsic::status}, *value);
  const bool is_kind = key == "kind" || key == "span.kind";
  if (is_kind && type_of(*value) == Type::kind) return equal({Intrinsic::kind}, *value);
  return std::nullopt;
}

Expression of_tag(const JaegerTag& tag) {
  if (tag.comparison) {
    Field field = field_of_tag(tag.key);
    // What every span has under that name is text: a number is that of an attribute.
    if (std::holds_alternative<Intrinsic>(field.of)) field = {Attribute{Scope::any, tag.key}};
    return compared(std::move(field), operator_of(*tag.comparison), value_of_number(tag.number));
  }
  if (auto special = of_status_or_kind(tag.key, tag.text)) return std::move(*special);
  const Field field = field_of_tag(tag.key);
  Expression text = equal(field, tag.text);
  if (std::holds_alternative<Intrinsic>(field.of)) return text;
  Logical either{LogicalOperator::any, {}};
  either.operands.push_back(std::move(text));
  if (const auto number = parse_number(tag.text)) either.operands.push_back(equal(field, value_of_number(*number)));
  if (tag.text == "true" || tag.text == "false") either.operands.push_back(equal(field, tag.text == "true"));
  return either.operands.size() == 1 ? std::move(either.operands.front()) : Expression{std::move(either)};
}

// Whether people would write this as a tag, and not while trying to write TraceQL.
bool looks_like_tags(std::string_view text, const JaegerTags& tags) {
  if (text.find_first_of("{}()|") != std::string_view::npos || text.find_first_of("=<>:") == std::string_view::npos)
    return false;
  if (text.find("&&") != std::string_view::npos) return false;
  return std::all_of(tags.tags.begin(), tags.tags.end(), [](const JaegerTag& tag) {
    return std::all_of(tag.key.begin(), tag.key.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("._-/").find(c) != std::string_view::npos;
    });
  });
}

}  // namespace

Field field_of_tag(std::string_view key) {
  constexpr std::array<std::pair<std::string_view, Intrinsic>, 3> kIntrinsics = {
      {{"name", Intrinsic::name}, {"root.name", Intrinsic::root_name}, {"root.service.name", Intrinsic::root_service}}};
  for (const auto& [each, intrinsic] : kIntrinsics) {
    if (each == key) return {intrinsic};
  }
  if (key == "service.name") return {Attribute{Scope::resource, std::string(key)}};
  const std::size_t dot = key.find('.');
  const auto scope = dot == std::string_view::npos ? std::nullopt : scope_of(key.substr(0, dot));
  if (scope && dot + 1 < key.size()) return {Attribute{*scope, std::string(key.substr(dot + 1))}};
  return {Attribute{Scope::any, std::string(key)}};
}

Result<Query> query_of_tags(const JaegerTags& tags) {
  Logical all{LogicalOperator::all, {}};
  if (!tags.service.empty()) all.operands.push_back(equal(field_of_tag("service.name"), tags.service));
  if (!tags.operation.empty()) all.operands.push_back(equal({Intrinsic::name}, tags.operation));
  for (const JaegerTag& tag : tags.tags) {
    if (tag.key.empty()) return fail(ErrorCode::invalid_input, "a tag has no name", "write key=value");
    all.operands.push_back(of_tag(tag));
  }
  Expression condition{Literal{true}};
  if (all.operands.size() == 1) condition = std::move(all.operands.front());
  if (all.operands.size() > 1) condition = Expression{std::move(all)};
  Pipeline pipeline;
  pipeline.stages.emplace_back(Spanset{SpansetFilter{std::move(condition)}});
  return Query{std::move(pipeline)};
}

Outcome<LenientQuery> read_lenient(std::string_view text) {
  auto query = parse_query(text);
  if (query) return LenientQuery{std::move(*query)};
  JaegerTags tags;
  if (!is_valid_utf8(text) || query.error().code == ErrorCode::limit_exceeded) return tl::unexpected(query.error());
  const bool is_read = read_tag_text(text, tags).has_value() && tags.tags.size() <= kTagsMax;
  if (!is_read || !looks_like_tags(text, tags)) return tl::unexpected(query.error());
  auto translated = query_of_tags(tags);
  if (!translated) return tl::unexpected(query.error());
  return LenientQuery{std::move(*translated), tags.lookback};
}

}  // namespace meshflow::query::traceql
