// Which traces a TraceQL pipeline finds.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "query/traceql/cell.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::traceql {

inline constexpr std::size_t kTracesDefault = 20;
inline constexpr std::size_t kSpansPerSetDefault = 3;

struct FoundTrace;

struct SearchOptions {
  // A trace is in the range where a span that is found starts within it; it is then evaluated and shown whole.
  store::TimeRange range = {};
  std::size_t traces_max = kTracesDefault;
  std::size_t spans_per_set_max = kSpansPerSetDefault;  // shown of each set
  bool with_services = false;  // FoundTrace::services
  // time_max counts for the whole search; rows_max bounds the spans that are held at once.
  store::QueryLimits limits = {};
  // Given each trace as soon as it is known to be in the answer, in the answer's order. May be empty.
  std::function<void(const FoundTrace&)> on_found = {};
};

struct FoundAttribute {
  Field field;
  Cell value;  // never nil
  friend bool operator==(const FoundAttribute&, const FoundAttribute&) = default;
};

struct FoundSpan {
  otlp::SpanId span_id{};
  std::string name;
  std::uint64_t start = 0;  // nanoseconds since 1970
  std::uint64_t duration_nanos = 0;
  // What the query names and the span has, in the order of the query; of several values the first.
  std::vector<FoundAttribute> attributes = {};
};

struct FoundSet {
  std::uint64_t matched = 0;
  std::vector<FoundSpan> spans = {};  // by start; at most spans_per_set_max of them
  // What by() and aggregates say: ("by(status)", ok), ("count()", 3).
  std::vector<std::pair<std::string, Cell>> attributes = {};
};

// Of one trace.
struct ServiceSpans {
  std::string service;  // empty where the resource has no name
  std::uint64_t spans = 0;
  std::uint64_t errors = 0;
  friend bool operator==(const ServiceSpans&, const ServiceSpans&) = default;
};

struct FoundTrace {
  otlp::TraceId trace_id{};
  // Of the first span without a parent; empty where there is none yet, and where it says nothing.
  std::string root_service = {};
  std::string root_name = {};
  bool has_root = false;
  std::uint64_t start = 0;  // the earliest start, nanoseconds
  std::uint64_t duration_nanos = 0;  // to the latest end
  std::vector<FoundSet> sets = {};
  std::vector<ServiceSpans> services = {};  // by name
};

struct SearchResult {
  // Newest first: by their earliest start, then by id. Always the newest of all that the query finds.
  std::vector<FoundTrace> traces;
  std::uint64_t traces_read = 0;
  std::uint64_t spans_read = 0;
  std::uint64_t bytes_read = 0;  // of those spans' values, as they were read
  // Where the search ended before it had traces_max traces or had looked everywhere: why. The traces are the newest.
  std::optional<Error> cut_by;
};

// Errors: cancelled; timeout and limit_exceeded where nothing was found before (else `cut_by`); invalid_input for
// structural operators over several sets; the store's. The pipeline must have passed check().
[[nodiscard]] Result<SearchResult> search(store::Snapshot& snapshot, const Pipeline& pipeline,
                                          const SearchOptions& options = {});

}  // namespace meshflow::query::traceql
