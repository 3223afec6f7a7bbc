// Which service calls which.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

struct Dependency {
  std::string parent;
  std::string child;
  std::uint64_t calls = 0;
  friend bool operator==(const Dependency&, const Dependency&) = default;
};

// Counts, for spans that start in `range`, those whose parent is a span of another service; sorted by names. The parent
// is looked for from a day before `range` on. Errors are the snapshot's.
[[nodiscard]] Result<std::vector<Dependency>> find_dependencies(store::Snapshot& snapshot, store::TimeRange range,
                                                                const store::QueryLimits& limits = {});

}  // namespace meshflow::query
