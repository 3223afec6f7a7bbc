// A condition as SQL over a piece's source (store/columns.hpp, store/functions.hpp).
#pragma once

#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/condition.hpp"
#include "query/resources.hpp"
#include "query/scopes.hpp"
#include "store/value.hpp"

namespace meshflow::query {

// SQL text with a `?` for each parameter, in order. Nothing that came from outside is in the text.
struct Sql {
  std::string text;
  std::vector<store::Value> parameters;
  // True where DuckDB has to read the spans' `rest` for it, much larger than all columns together.
  bool reads_rest = false;
};

// What the spans refer to that the statement will read, and what is known of their `rest`.
struct Surroundings {
  const ResourceSet& resources;
  const ScopeSet& scopes;
  std::uint64_t columns_in_rest = UINT64_MAX;  // Snapshot::columns_in_rest of all pieces together
};

// More resources that fit than this are refused: each is a parameter.
inline constexpr std::size_t kResourceParametersMax = 20'000;

// A boolean expression, NULL where SQL cannot tell (which WHERE takes for false). `resources` are those of the spans
// that the statement will read. Pure. limit_exceeded past kConditionDepthMax, kConditionLeavesMax or
// kResourceParametersMax.
[[nodiscard]] Result<Sql> compile(const Condition& condition, const Surroundings& surroundings);
// Without scopes: for conditions that ask for none.
[[nodiscard]] Result<Sql> compile(const Condition& condition, const ResourceSet& resources);

// True where compile() looks into `resources`.
[[nodiscard]] bool needs_resources(const Condition& condition);

// Conditions over parts of the spans, of which each span is in one, that together ask for what `condition` asks for. A
// condition over events becomes one for spans that have none, which needs no look into `rest`, and one for spans that
// may have some, whole row groups without which DuckDB passes over. Pure; errors as of compile().
[[nodiscard]] Result<std::vector<Sql>> compile_by_events(const Condition& condition, const ResourceSet& resources);

}  // namespace meshflow::query
