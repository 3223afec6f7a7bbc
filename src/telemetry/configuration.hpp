// From a policy's settings and the environment to a running pipeline (OpenTelemetry specification, "Environment
// Variable Specification"). docs/environment.md lists every variable.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/environment.hpp"
#include "meshflow/base/error.hpp"
#include "meshflow/telemetry/context.hpp"
#include "telemetry/exporters/console.hpp"
#include "telemetry/exporters/otlp_grpc.hpp"
#include "telemetry/exporters/otlp_http.hpp"
#include "telemetry/provider.hpp"
#include "telemetry/spool.hpp"

namespace meshflow::telemetry {

// What a policy says about telemetry; each field beats the environment where it is set, and what is left empty the
// environment decides.
struct TelemetrySettings {
  std::optional<ConsoleMode> console = std::nullopt;
  ConsoleSink console_sink = write_to_stdout;
  std::string otlp_endpoint = {};  // a base URL, unless its path ends in /v1/traces
  std::string otlp_protocol = {};  // "http/protobuf", "http/json", "grpc"
  std::map<std::string, std::string> otlp_headers = {};
  std::string file = {};             // OTLP JSON lines
  std::string spool_directory = {};  // no spool where empty
  std::optional<std::chrono::milliseconds> shutdown_timeout = std::nullopt;
  Attributes resource = {};  // service.name, say
};

struct ConsoleExporterSpec {
  ConsoleMode mode = ConsoleMode::spans;
  ConsoleSink sink = write_to_stdout;
};
struct FileExporterSpec {
  std::string path;
};
using ExporterSpec =
    std::variant<ConsoleExporterSpec, FileExporterSpec, OtlpHttpOptions, OtlpGrpcOptions, SpoolOptions>;

// What both together come to. A value.
struct Configuration {
  ProviderOptions provider;
  std::vector<ExporterSpec> exporters;
  std::vector<Propagator> propagators;
  std::vector<std::string> warnings;  // one sentence for each variable that was ignored
};

// The Error names the setting or variable: an endpoint that is no URL, a protocol that does not exist, a certificate
// file that cannot be read. Everything else that is wrong in the environment costs a warning. Thread-safe.
[[nodiscard]] Result<Configuration> configure(const TelemetrySettings& settings, const Environment& environment);

// The running pipeline. Errors: a file that cannot be opened, and those of configure() where the value was built by
// other means.
[[nodiscard]] Result<std::unique_ptr<TracerProvider>> make_provider(Configuration configuration);

// One line for each exporter that dropped spans or has something to say, and one for the queue; empty when all went
// well.
[[nodiscard]] std::vector<std::string> drop_warnings(const TelemetryStats& stats);

}  // namespace meshflow::telemetry
