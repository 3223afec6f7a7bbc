#include "query/traceql/store_completion.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "query/traceql/cell.hpp"
#include "query/traceql/tags.hpp"

namespace meshflow::query::traceql {
namespace {

TagOptions options() {
  TagOptions out;
  out.count_max = kCompletionValuesMax;
  out.limits.time_max = kCompletionTime;
  return out;
}

int rank_of(const Attribute& attribute) {
  if (attribute.name.starts_with("meshflow.")) return 0;
  return attribute.name.starts_with("gen_ai.") ? 1 : 2;
}

// Nothing for what cannot be written in a query.
std::optional<Value> value_of(Cell&& cell) {
  return std::visit(
      []<typename T>(T&& of) -> std::optional<Value> {
        if constexpr (std::is_constructible_v<Value, T&&>) return Value(std::forward<T>(of));
        return std::nullopt;
      },
      std::move(cell.value));
}

}  // namespace

std::vector<Attribute> StoreCompletion::attributes(Scope scope, std::string_view prefix) const {
  constexpr Scope kOfSpansAndResources[] = {Scope::span, Scope::resource};
  const std::span<const Scope> scopes = scope == Scope::any ? kOfSpansAndResources : std::span<const Scope>(&scope, 1);
  const auto names = tag_names(*snapshot_, scopes, options());
  std::vector<Attribute> out;
  if (!names) return out;
  for (const ScopeNames& of_scope : names->scopes) {
    for (const std::string& name : of_scope.names) {
      if (name.starts_with(prefix)) out.push_back({of_scope.scope, name});
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Attribute& a, const Attribute& b) { return rank_of(a) < rank_of(b); });
  return out;
}

std::vector<Value> StoreCompletion::values(const Field& field) const {
  auto found = tag_values(*snapshot_, field, options());
  std::vector<Value> out;
  if (!found) return out;
  for (Cell& cell : found->values) {
    if (auto value = value_of(std::move(cell))) out.push_back(*std::move(value));
  }
  return out;
}

}  // namespace meshflow::query::traceql
