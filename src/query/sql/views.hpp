// The views that people write SQL over (docs/sql.md): what their columns are, and how they are made of the store's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/sql/check.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::sql {

struct ViewColumn {
  std::string_view name;
  std::string_view type;  // in SQL
};

// "spans", "traces", "runs", "events", "links", "attributes".
[[nodiscard]] std::span<const std::string_view> view_names() noexcept;
[[nodiscard]] bool is_view(std::string_view name) noexcept;
// Of a view, in their order; empty where there is no such view.
[[nodiscard]] std::vector<ViewColumn> view_columns(std::string_view name);

// The SELECT that a view stands for, over what the snapshot sees; rows that `narrowing` does not ask for may be left
// out. Errors: those of looking ids up.
[[nodiscard]] Result<std::string> view_select(store::Snapshot& snapshot, std::string_view name,
                                              const Narrowing& narrowing);

// A text as a literal of SQL.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace meshflow::query::sql
