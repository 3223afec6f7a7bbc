// Which attributes spans have, and which values: what search forms and completion offer.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/cell.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::traceql {

// Spans, the newest of the range, in which names are looked for, and the values of attributes without a column. Columns
// are read as far back as it takes.
inline constexpr double kTagSpansMax = 1 << 18;

struct TagOptions {
  store::TimeRange range = {};
  // Not null: of spans that fit it; where SQL cannot say it, of more. Must have passed check().
  const SpansetFilter* filter = nullptr;
  std::size_t count_max = 1'000;  // names of each scope, or values
  store::QueryLimits limits = {};
};

struct ScopeNames {
  Scope scope = Scope::span;
  std::vector<std::string> names = {};  // sorted
};
struct TagNames {
  std::vector<ScopeNames> scopes;  // those that were asked for and have names
  bool is_cut = false;  // there may be more than count_max, or further ones in older spans
};
// Errors are the snapshot's. Names of resources and instrumentation scopes are complete, but for count_max.
[[nodiscard]] Result<TagNames> tag_names(store::Snapshot& snapshot, std::span<const Scope> scopes,
                                         const TagOptions& options = {});

struct TagValues {
  std::vector<Cell> values;  // each once, ordered by type, numbers by size, text by its bytes
  bool is_cut = false;
};
// Values of a field that its comparisons could name: of an attribute, a name, a status. None of what is different for
// nearly every span: durations, ids. Short names (query/names.hpp) have the values of the attribute that they stand
// for, too.
[[nodiscard]] Result<TagValues> tag_values(store::Snapshot& snapshot, const Field& field,
                                           const TagOptions& options = {});

// "span.http.method", ".a", "name", "event:name": one field and nothing else; nothing for any other text. Pure.
[[nodiscard]] std::optional<Field> read_field(std::string_view text);

}  // namespace meshflow::query::traceql
