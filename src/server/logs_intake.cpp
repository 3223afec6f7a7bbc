#include "server/logs_intake.hpp"

#include <utility>

#include <fmt/format.h>

#include "telemetry/start_events.hpp"

namespace meshflow::server {

Result<otlp::ExportLogsServiceResponse> take_logs(SpanSink& sink, const otlp::LogsData& logs) {
  telemetry::FoundStarts found = telemetry::find_starts(logs);
  const std::uint64_t rejected = found.others + found.unusable;
  if (found.starts.empty() && found.unusable == 0 && found.others > 0) {
    return fail(ErrorCode::unsupported,
                fmt::format("this server keeps traces only, no logs but the event {}; nothing was taken",
                            telemetry::kSpanStartEvent),
                "set OTEL_LOGS_EXPORTER to none");
  }
  otlp::ExportLogsServiceResponse response;
  if (rejected > 0) {
    response.rejected_log_records = static_cast<std::int64_t>(rejected);
    response.error_message =
        found.others > 0
            ? fmt::format("this server keeps no logs but the event {}: {} records were left out",
                          telemetry::kSpanStartEvent, rejected)
            : fmt::format("{} events {} name no span: trace_id, span_id, a time and the attribute {} are needed",
                          rejected, telemetry::kSpanStartEvent, telemetry::kSpanStartName);
  }
  if (!found.starts.empty()) sink.begun(std::move(found.starts));
  return response;
}

}  // namespace meshflow::server
