// What the web UI's Search asks for, from the parameters of its address to one TraceQL query.
#pragma once

#include <optional>
#include <string>

#include "query/jaeger_search.hpp"
#include "query/run_list.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::query {

struct AskedRuns {
  RunQuestion question;
  std::string query;  // the whole of it as TraceQL; "{ }" where nothing is asked for
  // The tags as Jaeger's clients send them, a JSON map; nothing where it cannot say `q`.
  std::optional<std::string> jaeger_tags = {};
};

// A problem, and the text that it is in (Problem::place); a problem that is not in a text has line 0.
struct AskedWrongly {
  traceql::Problem problem;
  std::string text;
};

// Parameters: q (TraceQL, or tags as people type them), tags (a JSON map as Jaeger's clients send it, or text as people
// type it: logfmt, comparisons, short names; may come again), service, operation, minDuration, maxDuration (Go's
// durations), start, end (nanoseconds since 1970), sort, limit, cursor. All that is given must hold, as Jaeger has it:
// of one span, unless `q` asks for more than one span. Pure.
[[nodiscard]] tl::expected<AskedRuns, AskedWrongly> read_run_question(const Parameters& parameters);

}  // namespace meshflow::query
