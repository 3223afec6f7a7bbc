// Spans for people: one block a span, or one tree a trace.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "otlp/model.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

enum class ConsoleMode {
  spans,  // each span as a block, in the order of their end: children first, the root last
  tree,   // each trace once, when its root (the span without a parent in this process) ends
};

// Gets whole blocks of text, each ending in a newline.
using ConsoleSink = std::function<void(std::string_view)>;
// Writes to standard output and flushes it.
void write_to_stdout(std::string_view text);

// Named "console". In tree mode traces whose root never ended here (a paused run) are printed when the exporter is
// destroyed, and of a trace with more than 10,000 spans the later ones are left out and counted in its tree.
[[nodiscard]] std::unique_ptr<SpanExporter> make_console_exporter(ConsoleMode mode, ConsoleSink sink = write_to_stdout);

// One span's block:
//   [SPAN] meshflow.agent
//     trace_id    : 4bf92f3577b34da6a3ce929d0e0e4736
//     …
//     status      : OK
// Keys are padded to 12 characters, longer ones push their own colon; "meshflow." is left off; each key stands once.
// Order: ids, then the attributes that every reader looks for, the other meshflow.* ones, the rest, gen_ai.*, events,
// links, status. `local_root_start_unix_nanos` 0: start_ms is left out.
[[nodiscard]] std::string span_block(const otlp::Span& span, std::int64_t local_root_start_unix_nanos);

}  // namespace meshflow::telemetry
