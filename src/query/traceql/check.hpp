// Syntax tree → typed tree: whether a query can mean anything, before it runs.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/pattern.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::query::traceql {

// A query whose types fit: every Expression and Scalar of its tree has its `type`, and every =~ and !~ its Pattern.
// Only check() makes one. A value.
class CheckedQuery {
 public:
  [[nodiscard]] const Query& query() const { return query_; }
  // The compiled form of the text on the right of a =~ or !~ of this query, which must be one.
  [[nodiscard]] const Pattern& pattern(const std::string& text) const { return patterns_.at(text); }

 private:
  friend class Checker;
  CheckedQuery(Query query, std::map<std::string, Pattern> patterns)
      : query_(std::move(query)), patterns_(std::move(patterns)) {}

  Query query_;
  std::map<std::string, Pattern> patterns_;
};

// By the rules of docs/traceql-grammar.md, "Types". `text` is what the query was parsed from, for the problem's line
// and column; a tree that was built by hand has none, and problems then have no place. Pure.
[[nodiscard]] Outcome<CheckedQuery> check(Query query, std::string_view text = {});

// parse_query() and check(). Pure.
[[nodiscard]] Outcome<CheckedQuery> check_query(std::string_view text);

// The same with the problem as an Error.
[[nodiscard]] Result<CheckedQuery> compile_query(std::string_view text);

}  // namespace meshflow::query::traceql
