#include "telemetry/configuration.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"
#include "net/url.hpp"
#include "telemetry/configuration_resource.hpp"
#include "telemetry/configuration_values.hpp"

namespace meshflow::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kTracesPath = "/v1/traces";
const std::vector<std::string> kProtocols = {"http/protobuf", "http/json", "grpc"};

// The two names that a setting of the OTLP exporter has: the one for traces beats the one for all signals.
std::vector<std::string> otlp_names(std::string_view setting) {
  return {fmt::format("OTEL_EXPORTER_OTLP_TRACES_{}", setting), fmt::format("OTEL_EXPORTER_OTLP_{}", setting)};
}

SpanLimits limits_of(EnvironmentReader& reader) {
  SpanLimits limits;
  const auto count = [&](std::initializer_list<const char*> names, std::uint32_t& field) {
    for (const char* name : names) {
      if (const auto value = reader.integer(name)) {
        field = static_cast<std::uint32_t>(*value);
        return;
      }
    }
  };
  count({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"}, limits.attribute_count);
  count({"OTEL_SPAN_EVENT_COUNT_LIMIT"}, limits.event_count);
  count({"OTEL_SPAN_LINK_COUNT_LIMIT"}, limits.link_count);
  count({"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"}, limits.event_attribute_count);
  count({"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"}, limits.link_attribute_count);
  for (const char* name : {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"}) {
    if (const auto value = reader.integer(name)) {
      limits.attribute_value_length = static_cast<std::size_t>(*value);
      break;
    }
  }
  return limits;
}

BatchOptions batch_of(EnvironmentReader& reader) {
  BatchOptions batch;
  if (const auto value = reader.integer("OTEL_BSP_SCHEDULE_DELAY")) batch.schedule_delay = milliseconds(*value);
  if (const auto value = reader.integer("OTEL_BSP_EXPORT_TIMEOUT", 1)) batch.export_timeout = milliseconds(*value);
  if (const auto value = reader.integer("OTEL_BSP_MAX_QUEUE_SIZE", 1)) {
    batch.max_queue_size = static_cast<std::size_t>(*value);
  }
  if (const auto value = reader.integer("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1)) {
    batch.max_export_batch_size = static_cast<std::size_t>(*value);
  }
  batch.max_export_batch_size = std::min(batch.max_export_batch_size, batch.max_queue_size);
  return batch;
}

SamplerOptions sampler_of(EnvironmentReader& reader) {
  using Kind = SamplerOptions::Kind;
  static const std::map<std::string, Kind> kKinds = {
      {"always_on", Kind::always_on},
      {"always_off", Kind::always_off},
      {"traceidratio", Kind::traceidratio},
      {"parentbased_always_on", Kind::parentbased_always_on},
      {"parentbased_always_off", Kind::parentbased_always_off},
      {"parentbased_traceidratio", Kind::parentbased_traceidratio},
  };
  std::vector<std::string> names;
  names.reserve(kKinds.size());
  for (const auto& [name, kind] : kKinds) names.push_back(name);
  SamplerOptions sampler;
  if (const auto name = reader.choice("OTEL_TRACES_SAMPLER", names)) sampler.kind = kKinds.at(*name);
  if (sampler.kind == Kind::traceidratio || sampler.kind == Kind::parentbased_traceidratio) {
    if (const auto ratio = reader.number("OTEL_TRACES_SAMPLER_ARG", 0, 1)) sampler.ratio = *ratio;
  }
  return sampler;
}

std::vector<Propagator> propagators_of(EnvironmentReader& reader) {
  constexpr const char* kName = "OTEL_PROPAGATORS";
  static const std::map<std::string, Propagator, std::less<>> kPropagators = {
      {"tracecontext", Propagator::tracecontext},
      {"baggage", Propagator::baggage},
      {"b3", Propagator::b3},
      {"b3multi", Propagator::b3multi}};
  const auto text = reader.text(kName);
  if (!text) return {Propagator::tracecontext, Propagator::baggage};
  std::vector<Propagator> propagators;
  for (const auto& name : parse_list(*text)) {
    if (name == "none") return {};
    const auto found = kPropagators.find(name);
    if (found == kPropagators.end()) {
      reader.warn(kName, fmt::format("there is no propagator {} (tracecontext, baggage, b3, b3multi, none)", name));
      return {Propagator::tracecontext, Propagator::baggage};
    }
    if (std::find(propagators.begin(), propagators.end(), found->second) == propagators.end()) {
      propagators.push_back(found->second);
    }
  }
  return propagators;
}

// What OTEL_TRACES_EXPORTER asks for.
struct Wanted {
  bool otlp = true;  // the default, as far as there is an endpoint
  bool console = false;
};

Wanted wanted_of(EnvironmentReader& reader) {
  constexpr const char* kName = "OTEL_TRACES_EXPORTER";
  const auto text = reader.text(kName);
  if (!text) return {};
  Wanted wanted{.otlp = false, .console = false};
  for (const auto& name : parse_list(*text)) {
    if (name == "otlp") {
      wanted.otlp = true;
    } else if (name == "console") {
      wanted.console = true;
    } else if (name != "none") {
      reader.warn(kName, fmt::format("there is no exporter {} (otlp, console, none)", name));
      return {};
    }
  }
  return wanted;
}

// Where spans go by OTLP, and what said so.
struct Endpoint {
  std::string setting;
  std::string text;
  enum class Form {
    base,           // v1/traces is appended
    base_or_whole,  // unless it ends so
    whole,          // as it stands
  } form = Form::base;
};

std::optional<Endpoint> endpoint_of(const TelemetrySettings& settings, const EnvironmentReader& reader, Wanted wanted) {
  if (!settings.otlp_endpoint.empty()) {
    return Endpoint{"telemetry_otlp_endpoint", settings.otlp_endpoint, Endpoint::Form::base_or_whole};
  }
  if (!wanted.otlp) return std::nullopt;
  const auto named = reader.first_of(otlp_names("ENDPOINT"));
  if (!named) return std::nullopt;
  const bool is_whole = named->name == otlp_names("ENDPOINT").front();
  return Endpoint{named->name, named->text, is_whole ? Endpoint::Form::whole : Endpoint::Form::base};
}

Result<std::string> protocol_of(const TelemetrySettings& settings, EnvironmentReader& reader) {
  if (!settings.otlp_protocol.empty()) {
    if (std::find(kProtocols.begin(), kProtocols.end(), settings.otlp_protocol) == kProtocols.end()) {
      return fail(ErrorCode::invalid_argument, fmt::format("telemetry_otlp_protocol is \"{}\"", settings.otlp_protocol),
                  "write http/protobuf, http/json or grpc");
    }
    return settings.otlp_protocol;
  }
  for (const auto& name : otlp_names("PROTOCOL")) {
    if (auto protocol = reader.choice(name, kProtocols)) return std::move(*protocol);
  }
  return kProtocols.front();
}

// Header names and values that HTTP can carry (RFC 9110, sections 5.1 and 5.5).
bool is_header(const std::pair<std::string, std::string>& header) {
  const auto is_name_character = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !header.first.empty() && std::all_of(header.first.begin(), header.first.end(), is_name_character) &&
         std::none_of(header.second.begin(), header.second.end(),
                      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

Result<TextPairs> headers_of(const TelemetrySettings& settings, std::vector<std::string>& warnings,
                             const EnvironmentReader& reader) {
  if (!settings.otlp_headers.empty()) {
    TextPairs headers(settings.otlp_headers.begin(), settings.otlp_headers.end());
    for (const auto& header : headers) {
      if (!is_header(header)) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("telemetry_otlp_headers has a header \"{}\" that HTTP cannot carry", header.first));
      }
    }
    return headers;
  }
  const auto named = reader.first_of(otlp_names("HEADERS"));
  if (!named) return TextPairs{};
  auto headers = parse_pairs(named->text);
  // The text is not shown: headers hold credentials.
  if (!headers || !std::all_of(headers->begin(), headers->end(), is_header)) {
    warnings.push_back(
        fmt::format("{} is ignored: it must be NAME=VALUE,NAME=VALUE with percent-encoded values", named->name));
    return TextPairs{};
  }
  return std::move(*headers);
}

struct OtlpCommon {
  TextPairs headers;
  bool gzip = false;
  milliseconds timeout{10'000};
  std::string ca_file;
  std::string client_key_file;
  std::string client_certificate_file;
};

Result<std::string> readable_file(const EnvironmentReader& reader, std::string_view setting) {
  const auto named = reader.first_of(otlp_names(setting));
  if (!named) return std::string();
  const auto file = system_files().open_read(named->text);
  if (!file) return fail(file.error().code, fmt::format("{}: {}", named->name, file.error().message));
  return named->text;
}

Result<OtlpCommon> otlp_common_of(const TelemetrySettings& settings, EnvironmentReader& reader,
                                  std::vector<std::string>& warnings) {
  OtlpCommon common;
  MESHFLOW_TRY(common.headers, headers_of(settings, warnings, reader));
  for (const auto& name : otlp_names("COMPRESSION")) {
    if (const auto compression = reader.choice(name, {"gzip", "none"})) {
      common.gzip = *compression == "gzip";
      break;
    }
  }
  for (const auto& name : otlp_names("TIMEOUT")) {
    if (const auto timeout = reader.integer(name, 1)) {
      common.timeout = milliseconds(*timeout);
      break;
    }
  }
  MESHFLOW_TRY(common.ca_file, readable_file(reader, "CERTIFICATE"));
  MESHFLOW_TRY(common.client_key_file, readable_file(reader, "CLIENT_KEY"));
  MESHFLOW_TRY(common.client_certificate_file, readable_file(reader, "CLIENT_CERTIFICATE"));
  return common;
}

std::string with_traces_path(net::Url url) {
  while (url.path.ends_with('/')) url.path.pop_back();
  if (!url.path.ends_with(kTracesPath)) url.path += kTracesPath;
  return url.text();
}

Result<std::string> http_url_of(const Endpoint& endpoint, std::vector<std::string>& warnings) {
  MESHFLOW_TRY(net::Url url, net::parse_endpoint_url(endpoint.setting, endpoint.text));
  if (endpoint.form == Endpoint::Form::whole) return url.text();
  if (endpoint.form == Endpoint::Form::base && url.path.ends_with(kTracesPath)) {
    url.path += kTracesPath;
    warnings.push_back(fmt::format("{} is a base URL, so spans go to {}; for a whole URL there is {}", endpoint.setting,
                                   url.display(), otlp_names("ENDPOINT").front()));
    return url.text();
  }
  return with_traces_path(std::move(url));
}

Result<ExporterSpec> otlp_of(const Endpoint& endpoint, const TelemetrySettings& settings, EnvironmentReader& reader,
                             std::vector<std::string>& warnings) {
  MESHFLOW_TRY(const std::string protocol, protocol_of(settings, reader));
  MESHFLOW_TRY(OtlpCommon common, otlp_common_of(settings, reader, warnings));
  if (protocol == "grpc") {
    OtlpGrpcOptions grpc;
    const auto insecure = reader.first_of(otlp_names("INSECURE"));
    const bool is_insecure = insecure && equals_ignoring_case(insecure->text, "true");
    MESHFLOW_TRY(grpc.target, GrpcTarget::parse(endpoint.setting, endpoint.text, is_insecure));
    grpc.headers = std::move(common.headers);
    grpc.gzip = common.gzip;
    grpc.timeout = common.timeout;
    grpc.ca_file = std::move(common.ca_file);
    grpc.client_key_file = std::move(common.client_key_file);
    grpc.client_certificate_file = std::move(common.client_certificate_file);
    return grpc;
  }
  OtlpHttpOptions http;
  MESHFLOW_TRY(http.url, http_url_of(endpoint, warnings));
  http.encoding = protocol == "http/json" ? OtlpEncoding::json : OtlpEncoding::protobuf;
  http.headers = std::move(common.headers);
  http.gzip = common.gzip;
  http.timeout = common.timeout;
  http.tls = {std::move(common.ca_file), std::move(common.client_certificate_file), std::move(common.client_key_file)};
  return http;
}

}  // namespace

Result<Configuration> configure(const TelemetrySettings& settings, const Environment& environment) {
  Configuration configuration;
  EnvironmentReader reader(environment, configuration.warnings);
  ProviderOptions& provider = configuration.provider;
  provider.disabled = reader.flag("OTEL_SDK_DISABLED");
  configuration.propagators = propagators_of(reader);
  if (provider.disabled) return configuration;

  provider.resource = resource_of(settings.resource, reader);
  provider.limits = limits_of(reader);
  provider.batch = batch_of(reader);
  provider.sampler = sampler_of(reader);
  if (settings.shutdown_timeout) provider.shutdown_timeout = *settings.shutdown_timeout;

  const Wanted wanted = wanted_of(reader);
  if (settings.console || wanted.console) {
    configuration.exporters.push_back(
        ConsoleExporterSpec{settings.console.value_or(ConsoleMode::spans), settings.console_sink});
  }
  if (!settings.file.empty()) configuration.exporters.push_back(FileExporterSpec{settings.file});
  if (!settings.spool_directory.empty()) {
    configuration.exporters.push_back(SpoolOptions{.directory = settings.spool_directory});
  }
  if (const auto endpoint = endpoint_of(settings, reader, wanted)) {
    MESHFLOW_TRY(auto otlp, otlp_of(*endpoint, settings, reader, configuration.warnings));
    configuration.exporters.push_back(std::move(otlp));
  }
  return configuration;
}

}  // namespace meshflow::telemetry
