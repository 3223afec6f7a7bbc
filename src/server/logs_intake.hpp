// What becomes of OTLP logs: this server keeps none, but live views are told of those that are the event
// meshflow.span.start (docs/decisions/0013-live-views.md has why the others are answered as they are).
#pragma once

#include <string>

#include "meshflow/base/error.hpp"
#include "otlp/logs.hpp"
#include "server/span_sink.hpp"

namespace meshflow::server {

// Hands events on; what else the request had is rejected in partial_success. A request with nothing but other logs is
// `unsupported`, with a sentence for who sent it: as for a signal that is not received at all. An empty one is fine.
[[nodiscard]] Result<otlp::ExportLogsServiceResponse> take_logs(SpanSink& sink, const otlp::LogsData& logs);

}  // namespace meshflow::server
