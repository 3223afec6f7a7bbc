// From a Configuration to running exporters.
#include <fmt/format.h>

#include "base/try.hpp"
#include "telemetry/configuration.hpp"
#include "telemetry/exporters/otlp_file.hpp"

namespace meshflow::telemetry {
namespace {

Result<std::unique_ptr<SpanExporter>> make_exporter(ConsoleExporterSpec spec) {
  return make_console_exporter(spec.mode, std::move(spec.sink));
}
Result<std::unique_ptr<SpanExporter>> make_exporter(FileExporterSpec spec) {
  return make_otlp_file_exporter(std::move(spec.path));
}
Result<std::unique_ptr<SpanExporter>> make_exporter(OtlpHttpOptions options) {
  return make_otlp_http_exporter(std::move(options));
}
Result<std::unique_ptr<SpanExporter>> make_exporter(OtlpGrpcOptions options) {
  return make_otlp_grpc_exporter(std::move(options));
}
Result<std::unique_ptr<SpanExporter>> make_exporter(SpoolOptions options) {
  return make_spool_exporter(std::move(options));
}

}  // namespace

Result<std::unique_ptr<TracerProvider>> make_provider(Configuration configuration) {
  std::vector<std::unique_ptr<SpanExporter>> exporters;
  for (auto& spec : configuration.exporters) {
    MESHFLOW_TRY(auto exporter, std::visit([](auto& held) { return make_exporter(std::move(held)); }, spec));
    exporters.push_back(std::move(exporter));
  }
  return make_provider(std::move(configuration.provider), std::move(exporters));
}

std::vector<std::string> drop_warnings(const TelemetryStats& stats) {
  std::vector<std::string> lines;
  if (stats.dropped_queue_full > 0) {
    lines.push_back(fmt::format("telemetry: {} spans were dropped because the queue was full (OTEL_BSP_MAX_QUEUE_SIZE)",
                                stats.dropped_queue_full));
  }
  for (const auto& exporter : stats.exporters) {
    if (exporter.dropped > 0) {
      lines.push_back(fmt::format("telemetry: {} dropped {} of {} spans{}{}", exporter.name, exporter.dropped,
                                  exporter.exported + exporter.dropped, exporter.last_error.empty() ? "" : ": ",
                                  exporter.last_error));
    } else if (!exporter.last_error.empty()) {
      lines.push_back(fmt::format("telemetry: {}: {}", exporter.name, exporter.last_error));
    }
  }
  return lines;
}

}  // namespace meshflow::telemetry
