// What `meshflow serve` is told: by flags, and by a YAML file with the same names.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "server/trace_server.hpp"
#include "store/trace_store.hpp"
#include "telemetry/exporters/otlp_http.hpp"

namespace meshflow::cli {

enum class SettingKind {
  text,     // one value
  list,     // any number of them
  boolean,  // a flag without a value
};

// A flag `--NAME`, and a key NAME in the file.
struct ServeSetting {
  std::string_view name;
  SettingKind kind;
  std::string_view value_name;  // in the help: "ADDR"
  std::string_view help;
};
[[nodiscard]] std::span<const ServeSetting> serve_settings() noexcept;

// A setting as it was given.
struct GivenSetting {
  std::vector<std::string> texts;  // of a boolean "true" or "false"
  std::vector<SourcePosition> positions = {};  // in the file, one for each text; empty for a flag
};
using GivenSettings = std::map<std::string, GivenSetting, std::less<>>;

// Those of a file. Errors (with file, line and column): no YAML, an unknown key, a value of the wrong type, a value
// that is not usable.
[[nodiscard]] Result<GivenSettings> read_serve_config(const std::string& path);

struct ServeSettings {
  server::TraceServerOptions server;
  std::chrono::seconds retention{0};
  std::uint64_t disk_bytes_max = 0;
  store::Durability durability = store::Durability::sync;
  std::uint64_t memory_bytes_max = std::uint64_t{512} << 20;
  std::optional<telemetry::OtlpHttpOptions> forward = {};  // nothing is handed on where it is nothing
};

// Of both, flags beat the file, and what neither says has its default. Errors name the flag, or the place in the file,
// and what would be right; a token or file that cannot be read.
[[nodiscard]] Result<ServeSettings> make_serve_settings(const GivenSettings& flags, const GivenSettings& file);

}  // namespace meshflow::cli
