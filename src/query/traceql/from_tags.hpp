// Tags as TraceQL, and what people type where either may stand.
#pragma once

#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/jaeger_tags.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::query::traceql {

// What a tag's key asks for: Tempo's and Jaeger's names for what is no attribute (name, service.name, root.name,
// root.service.name), "span." and other scopes before a key, else the attribute of the span or of its resource. Pure.
[[nodiscard]] Field field_of_tag(std::string_view key);

// One filter that asks for all of the tags, the service and the operation. A value that could be a number or a truth
// value is asked for as text and as that: `.n = "5" || .n = 5`. Keys that Tempo and Jaeger have for what is no
// attribute (name, error, status, status.code, span.kind, service.name, root.name, root.service.name) are that.
// invalid_input where a tag has no name. Pure.
[[nodiscard]] Result<Query> query_of_tags(const JaegerTags& tags);

struct LenientQuery {
  Query query;
  std::string lookback = {};  // "1h", where the text says so
};

// TraceQL; or, where it is none, has no braces and looks like tags, those: `meshflow.verdict = blocked`,
// "service: meshflow tag: verdict=blocked lookback: 1h". The problem is that of TraceQL. Pure.
[[nodiscard]] Outcome<LenientQuery> read_lenient(std::string_view text);

}  // namespace meshflow::query::traceql
