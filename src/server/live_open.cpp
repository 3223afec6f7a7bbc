#include "server/live_open.hpp"

#include <fmt/format.h>

#include "query/outline.hpp"
#include "query/trace_row.hpp"

namespace meshflow::server {

void write_open(query::JsonWriter& out, const LiveSpans::Found& found) {
  out.key("open");
  out.begin_array();
  for (const telemetry::SpanStart& span : found.spans) {
    out.begin_object();
    out.field("span_id", query::hex_of(span.span_id));
    out.field("parent_span_id", otlp::is_set(span.parent_span_id) ? query::hex_of(span.parent_span_id) : "");
    out.field("name", span.name);
    out.field("service", span.service);
    out.field("role", span.role);
    out.field("node", span.node_id);
    out.field("agent", span.agent_id);
    out.key("kind");
    out.integer(std::int64_t{static_cast<std::uint8_t>(query::outline_kind_of(span.name, span.operation))});
    out.field("start_ns", fmt::format("{}", span.start_unix_nanos));
    out.end_object();
  }
  out.end_array();
  if (found.total == found.spans.size()) return;
  out.key("open_more");
  out.integer(std::uint64_t{found.total - found.spans.size()});
}

}  // namespace meshflow::server
