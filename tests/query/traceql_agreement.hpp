// Engine and oracle, asked the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "query/traceql_engine.hpp"

namespace meshflow::query::traceql::test {

struct Round {
  std::uint64_t seed = 0;  // of the traces and all queries over them
  int queries = 100;
  Where where = Where::in_memory;
};

// Random traces in a real store, then random queries over them. Nothing where both answer each of them alike; else the
// first that they do not, made smaller, with its seed and both answers.
[[nodiscard]] std::optional<std::string> disagreement(const Round& round);

}  // namespace meshflow::query::traceql::test
