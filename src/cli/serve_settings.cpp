#include "cli/serve_settings.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/environment.hpp"
#include "base/files.hpp"
#include "base/try.hpp"
#include "cli/quantity.hpp"
#include "cli/rules_file.hpp"
#include "net/listen_address.hpp"
#include "runtime/yaml.hpp"
#include "telemetry/configuration.hpp"

namespace meshflow::cli {
namespace {

using runtime::yaml::Value;

constexpr std::array kSettings{
    ServeSetting{"otlp-http", SettingKind::text, "ADDR", "Where OTLP over HTTP is received (127.0.0.1:4318)"},
    ServeSetting{"otlp-grpc", SettingKind::text, "ADDR", "Where OTLP over gRPC is received (127.0.0.1:4317)"},
    ServeSetting{"jaeger", SettingKind::text, "ADDR", "Jaeger's API and the web UI (127.0.0.1:16686)"},
    ServeSetting{"tempo", SettingKind::text, "ADDR", "Tempo's API (127.0.0.1:3200)"},
    ServeSetting{"metrics", SettingKind::text, "ADDR", "The server's own metrics, for Prometheus (127.0.0.1:9464)"},
    ServeSetting{"retention", SettingKind::text, "AGE", "Spans older than this go: 14d, 12h (they stay)"},
    ServeSetting{"max-disk", SettingKind::text, "SIZE", "Past this the oldest spans go: 10GB (no limit)"},
    ServeSetting{"durability", SettingKind::text, "HOW",
                 "sync: acknowledged once on the device; async: once the kernel has it (sync)"},
    ServeSetting{"memory", SettingKind::text, "SIZE", "What queues, recent spans and queries may take (512MiB)"},
    ServeSetting{"forward", SettingKind::text, "URL", "Hand what comes on to this OTLP/HTTP endpoint, too"},
    ServeSetting{"rules", SettingKind::list, "FILE", "Alert rules, in Prometheus' form; may be given several times"},
    ServeSetting{"alertmanager", SettingKind::list, "URL", "Tell alerts to this Alertmanager (its API v2)"},
    ServeSetting{"alert-webhook", SettingKind::list, "URL", "POST alerts here as they fire and are resolved"},
    ServeSetting{"auth-token-file", SettingKind::text, "FILE", "Clients must send the token that is in FILE"},
    ServeSetting{"insecure-public", SettingKind::boolean, "", "Listen on addresses that others reach, without a token"},
    ServeSetting{"allowed-host", SettingKind::list, "NAME", "A name, beside localhost, by which clients call"},
    ServeSetting{"cors-origin", SettingKind::list, "ORIGIN", "An origin whose pages may call: https://grafana.example"},
    ServeSetting{"ui-base", SettingKind::text, "PATH", "Below which browsers reach the web UI, behind a proxy (/)"},
    ServeSetting{"ui-frame", SettingKind::text, "WHO",
                 "Whose pages may show the web UI in a frame: self, none, or an origin (self)"},
    ServeSetting{"tls-cert", SettingKind::text, "FILE", "Speak TLS with this certificate and its chain (PEM)"},
    ServeSetting{"tls-key", SettingKind::text, "FILE", "The certificate's key (PEM)"},
};

constexpr std::uint64_t kConfigBytesMax = runtime::yaml::kYamlBytesMax;
constexpr std::uint64_t kTokenBytesMax = 4096;
constexpr std::size_t kTokenCharactersMin = 16;
// Below this DuckDB may not have the memory that appending spans of long texts takes.
constexpr std::uint64_t kMemoryBytesMin = std::uint64_t{384} << 20;
// Of it, what the program itself takes: code, stacks, connections, the allocator's slack.
constexpr std::uint64_t kMemoryBytesProgram = std::uint64_t{80} << 20;

const ServeSetting* find_setting(std::string_view name) {
  const auto found =
      std::find_if(kSettings.begin(), kSettings.end(), [&](const auto& each) { return each.name == name; });
  return found == kSettings.end() ? nullptr : &*found;
}

// The settings while they are read: which one was given last decides, and where errors are said to be.
class Settings {
 public:
  Settings(const GivenSettings& flags, const GivenSettings& file) : flags_(flags), file_(file) {}

  [[nodiscard]] const GivenSetting* find(std::string_view name) const {
    if (const auto flag = flags_.find(name); flag != flags_.end()) return &flag->second;
    const auto key = file_.find(name);
    return key == file_.end() ? nullptr : &key->second;
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    const GivenSetting* const given = find(name);
    return given == nullptr || given->texts.empty() ? std::string() : given->texts.back();
  }
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const {
    const GivenSetting* const given = find(name);
    return given == nullptr ? std::vector<std::string>() : given->texts;
  }
  // `error` said of the setting as it was given.
  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view name, Error error) const {
    const GivenSetting* const given = find(name);
    if (given != nullptr && !given->positions.empty()) {
      error.position = given->positions.back();
      error.message = fmt::format("{}: {}", name, error.message);
    } else {
      error.message = fmt::format("--{}: {}", name, error.message);
    }
    return tl::unexpected(std::move(error));
  }

 private:
  const GivenSettings& flags_;
  const GivenSettings& file_;
};

Result<std::optional<net::ListenAddress>> address_of(const Settings& settings, std::string_view name,
                                                     std::string_view otherwise) {
  const std::string given = settings.text(name);
  const std::string_view text = given.empty() ? otherwise : std::string_view(given);
  if (text == "off") return std::optional<net::ListenAddress>{};
  auto address = net::parse_listen_address("the address", text);
  if (!address) return settings.wrong(name, std::move(address).error());
  return std::optional(*address);
}

// The file's first line.
Result<std::string> read_token(const std::string& path) {
  MESHFLOW_TRY(std::string token, system_files().read_all(path, kTokenBytesMax));
  token.erase(std::min(token.find('\n'), token.size()));
  if (!token.empty() && token.back() == '\r') token.pop_back();
  const bool is_printable = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (token.size() < kTokenCharactersMin || !is_printable) {
    return fail(ErrorCode::invalid_input, fmt::format("{} holds no token that can be used", path),
                fmt::format("one line of at least {} visible ASCII characters; openssl rand -hex 32 makes one",
                            kTokenCharactersMin));
  }
  return token;
}

Result<void> set_listeners(const Settings& settings, server::TraceServerOptions& server) {
  MESHFLOW_TRY(server.otlp_http, address_of(settings, "otlp-http", "127.0.0.1:4318"));
  MESHFLOW_TRY(server.otlp_grpc, address_of(settings, "otlp-grpc", "127.0.0.1:4317"));
  MESHFLOW_TRY(server.jaeger, address_of(settings, "jaeger", "127.0.0.1:16686"));
  MESHFLOW_TRY(server.tempo, address_of(settings, "tempo", "127.0.0.1:3200"));
  MESHFLOW_TRY(server.metrics, address_of(settings, "metrics", "127.0.0.1:9464"));
  return {};
}

Result<void> set_security(const Settings& settings, server::TraceServerOptions& server) {
  server.insecure_public = settings.text("insecure-public") == "true";
  server.allowed_hosts = settings.list("allowed-host");
  server.cors_origins = settings.list("cors-origin");
  server.tls.certificate_file = settings.text("tls-cert");
  server.tls.key_file = settings.text("tls-key");
  if (server.tls.certificate_file.empty() && !server.tls.key_file.empty()) {
    return settings.wrong("tls-key", {ErrorCode::invalid_argument, "a key without a certificate", std::nullopt,
                                      "tls-cert names the certificate"});
  }
  if (const std::string path = settings.text("auth-token-file"); !path.empty()) {
    auto token = read_token(path);
    if (!token) return settings.wrong("auth-token-file", std::move(token).error());
    server.bearer_token = std::move(*token);
  }
  return {};
}

// Both go into the page as they are: nothing in them may end what they stand in.
Result<void> set_ui(const Settings& settings, server::UiOptions& ui) {
  ui.files = server::built_in_ui_files();
  constexpr std::string_view kPathCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/";
  if (std::string path = settings.text("ui-base"); !path.empty()) {
    if (!path.ends_with('/')) path += '/';
    if (!path.starts_with('/') || path.starts_with("//") ||
        path.find_first_not_of(kPathCharacters) != std::string::npos) {
      return settings.wrong("ui-base", {ErrorCode::invalid_argument, fmt::format("\"{}\" is no path", path),
                                        std::nullopt, "/meshflow/, say"});
    }
    ui.base_path = std::move(path);
  }
  if (std::string who = settings.text("ui-frame"); !who.empty()) {
    const bool is_origin = (who.starts_with("http://") || who.starts_with("https://")) &&
                           who.find_first_of(" \t\r\n;,\"'") == std::string::npos;
    if (who == "self" || who == "none") who = fmt::format("'{}'", who);
    if (who != "'self'" && who != "'none'" && !is_origin) {
      return settings.wrong("ui-frame", {ErrorCode::invalid_argument, fmt::format("\"{}\" is no origin", who),
                                         std::nullopt, "self, none, or https://grafana.example"});
    }
    ui.frame_ancestors = std::move(who);
  }
  return {};
}

// The endpoint as runs would have it: headers, certificates and compression are the environment's.
Result<std::optional<telemetry::OtlpHttpOptions>> forward_of(const Settings& settings) {
  const std::string url = settings.text("forward");
  if (url.empty()) return std::optional<telemetry::OtlpHttpOptions>{};
  telemetry::TelemetrySettings wanted;
  wanted.otlp_endpoint = url;
  wanted.otlp_protocol = "http/protobuf";
  auto configuration = telemetry::configure(wanted, Environment::of_process());
  if (!configuration) return settings.wrong("forward", std::move(configuration).error());
  for (const telemetry::ExporterSpec& exporter : configuration->exporters) {
    if (const auto* const http = std::get_if<telemetry::OtlpHttpOptions>(&exporter)) return std::optional(*http);
  }
  return settings.wrong("forward", {ErrorCode::invalid_argument, "the environment forbids sending", std::nullopt,
                                    "unset OTEL_SDK_DISABLED and OTEL_TRACES_EXPORTER"});
}

// Sets `out` where the setting was given.
template <typename T>
Result<void> set(const Settings& settings, std::string_view name, Result<T> (*parse)(std::string_view), T& out) {
  const std::string text = settings.text(name);
  if (text.empty()) return {};
  auto parsed = parse(text);
  if (!parsed) return settings.wrong(name, std::move(parsed).error());
  out = *parsed;
  return {};
}

Result<void> set_alerts(const Settings& settings, server::AlertEngineOptions& alerts) {
  std::set<std::string> names;
  for (const std::string& path : settings.list("rules")) {
    MESHFLOW_TRY(auto groups, read_alert_rules(path));
    for (server::AlertGroup& group : groups) {
      if (!names.insert(group.name).second) {
        return settings.wrong(
            "rules", {ErrorCode::invalid_input, fmt::format("two files have a group of the name {}", group.name),
                      std::nullopt, "give one of them another name"});
      }
      alerts.groups.push_back(std::move(group));
    }
  }
  using Kind = server::AlertTarget::Kind;
  for (const auto& [name, kind] : {std::pair("alertmanager", Kind::alertmanager), {"alert-webhook", Kind::webhook}}) {
    for (const std::string& url : settings.list(name)) {
      if (!url.starts_with("http://") && !url.starts_with("https://")) {
        return settings.wrong(name, {ErrorCode::invalid_argument, fmt::format("\"{}\" is no URL", url), std::nullopt,
                                     "http://127.0.0.1:9093, say"});
      }
      alerts.notifier.targets.push_back({kind, url});
    }
  }
  if (!alerts.notifier.targets.empty() && alerts.groups.empty()) {
    return settings.wrong(settings.list("alertmanager").empty() ? "alert-webhook" : "alertmanager",
                          {ErrorCode::invalid_argument, "there are no rules whose alerts could be told", std::nullopt,
                           "rules names a file with them"});
  }
  return {};
}

Result<store::Durability> parse_durability(std::string_view text) {
  if (text == "sync") return store::Durability::sync;
  if (text == "async") return store::Durability::async;
  return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is no durability", text), "sync or async");
}

Result<std::uint64_t> parse_memory(std::string_view text) {
  MESHFLOW_TRY(const std::uint64_t bytes, parse_size(text));
  if (bytes < kMemoryBytesMin) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} is too little", text),
                fmt::format("at least {}", size_text(kMemoryBytesMin)));
  }
  return bytes;
}

Result<GivenSetting> given_of(const ServeSetting& setting, const Value& value) {
  GivenSetting given;
  if (setting.kind == SettingKind::boolean) {
    MESHFLOW_TRY(const bool is_on, runtime::yaml::boolean_of(value, setting.name));
    given.texts.emplace_back(is_on ? "true" : "false");
    given.positions.push_back(value.position);
    return given;
  }
  if (setting.kind == SettingKind::list) {
    MESHFLOW_TRY(given.texts, runtime::yaml::texts_of(value, setting.name));
    given.positions.assign(given.texts.size(), value.position);
    return given;
  }
  // A number is as good as a text here: `max-disk: 1000000`; and `off` is one whatever YAML makes of it.
  if (value.kind != Value::Kind::scalar) {
    return runtime::yaml::fail_at(value, fmt::format("{}: not a text", setting.name));
  }
  given.texts.push_back(value.scalar);
  given.positions.push_back(value.position);
  return given;
}

}  // namespace

std::span<const ServeSetting> serve_settings() noexcept { return kSettings; }

Result<GivenSettings> read_serve_config(const std::string& path) {
  MESHFLOW_TRY(const std::string text, system_files().read_all(path, kConfigBytesMax));
  MESHFLOW_TRY(const Value document, runtime::yaml::parse(text, path));
  GivenSettings given;
  if (document.kind == Value::Kind::null) return given;
  std::vector<std::string_view> known;
  for (const ServeSetting& setting : kSettings) known.push_back(setting.name);
  MESHFLOW_CHECK(runtime::yaml::check_keys(document, "the configuration", known));
  for (const runtime::yaml::Entry& entry : document.entries) {
    const ServeSetting* const setting = find_setting(entry.key.scalar);
    MESHFLOW_TRY(GivenSetting one, given_of(*setting, entry.value));
    given.emplace(entry.key.scalar, std::move(one));
  }
  return given;
}

Result<ServeSettings> make_serve_settings(const GivenSettings& flags, const GivenSettings& file) {
  const Settings settings(flags, file);
  ServeSettings made;
  MESHFLOW_CHECK(set_listeners(settings, made.server));
  MESHFLOW_CHECK(set_security(settings, made.server));
  MESHFLOW_CHECK(set(settings, "retention", parse_age, made.retention));
  MESHFLOW_CHECK(set(settings, "max-disk", parse_size, made.disk_bytes_max));
  MESHFLOW_CHECK(set(settings, "durability", parse_durability, made.durability));
  MESHFLOW_CHECK(set(settings, "memory", parse_memory, made.memory_bytes_max));
  MESHFLOW_TRY(made.forward, forward_of(settings));
  MESHFLOW_CHECK(set_alerts(settings, made.server.alerts));
  MESHFLOW_CHECK(set_ui(settings, made.server.ui));
  // A quarter of it is for bodies on their way in, so that the setting bounds the whole.
  made.server.bodies_bytes_max = made.memory_bytes_max / 4;
  made.memory_bytes_max -= made.server.bodies_bytes_max + kMemoryBytesProgram;
  return made;
}

}  // namespace meshflow::cli
