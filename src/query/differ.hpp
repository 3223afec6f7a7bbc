// What some spans, or runs, have in common that others lack: attributes ranked by how well they tell the two apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/divergence.hpp"
#include "query/json_writer.hpp"
#include "query/traceql/ast.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

enum class DifferUnit { span, run };

inline constexpr std::size_t kDifferAttributesDefault = 20;
inline constexpr std::size_t kDifferAttributesMax = 200;
inline constexpr std::size_t kDifferValuesMax = 10;  // of one attribute: those that differ most
// The newest traces of either side that are looked at, and the spans of both; more are left out, and that is said.
inline constexpr std::size_t kDifferTracesMax = 2'000;
inline constexpr std::size_t kDifferSpansMax = 200'000;
// Of one attribute. One that has more tells nothing.
inline constexpr std::size_t kDifferDistinctMax = 10'000;

struct DifferQuestion {
  traceql::Pipeline selection;  // checked
  std::optional<traceql::Pipeline> baseline = {};  // checked; nothing: all else in the range
  store::TimeRange range = {};
  DifferUnit unit = DifferUnit::span;
  std::size_t attributes_max = kDifferAttributesDefault;
  store::QueryLimits limits = {};
};

struct DifferValue {
  std::optional<std::string> text = {};  // nothing: those that do not have the attribute
  std::optional<Bin> bin = {};           // of numbers
  Share share;
  std::string query = {};  // TraceQL's condition for the value; empty where there is none
};

struct DifferAttribute {
  std::string scope;  // "span", "resource", "instrumentation"; "intrinsic": name, status, …; "run": of whole runs
  std::string key;
  bool is_number = false;
  double score = 0;  // divergence()
  std::vector<DifferValue> values;  // texts: the greatest difference first; numbers: ascending, absent last
};

struct Differences {
  std::uint64_t selection = 0;  // spans or runs that were looked at
  std::uint64_t baseline = 0;
  bool is_sampled = false;  // there are more than were looked at
  std::vector<DifferAttribute> attributes;  // the greatest score first; without those that score 0
};

// A run counts for a value where one of its spans has it. Errors: those of traceql::all_matches() and the snapshot's.
[[nodiscard]] Result<Differences> differences(store::Snapshot& snapshot, const DifferQuestion& question);

void write_json(JsonWriter& out, const Differences& differences);

}  // namespace meshflow::query
