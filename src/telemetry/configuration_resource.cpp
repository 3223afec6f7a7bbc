#include "telemetry/configuration_resource.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/version.hpp"

namespace meshflow::telemetry {
namespace {

constexpr const char* kServiceName = "service.name";

void set(Attributes& attributes, std::string key, AttributeValue value) {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const Attribute& attribute) { return attribute.key == key; });
  if (found != attributes.end()) {
    found->value = std::move(value);
  } else {
    attributes.push_back({std::move(key), std::move(value)});
  }
}

// A random UUID (RFC 9562, version 4).
std::string random_uuid() {
  std::array<unsigned char, 16> bytes{};
  secure_random_bytes(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);
  std::string hex(32, '\0');
  write_hex(bytes.data(), bytes.size(), hex.data());
  const std::string_view digits = hex;
  return fmt::format("{}-{}-{}-{}-{}", digits.substr(0, 8), digits.substr(8, 4), digits.substr(12, 4),
                     digits.substr(16, 4), digits.substr(20));
}

}  // namespace

Attributes resource_of(const Attributes& given, EnvironmentReader& reader) {
  Attributes resource = {{kServiceName, "meshflow"},           {"service.instance.id", random_uuid()},
                         {"telemetry.sdk.name", "meshflow"},   {"telemetry.sdk.language", "cpp"},
                         {"telemetry.sdk.version", version()}, {"process.pid", std::int64_t{::getpid()}}};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) set(resource, "host.name", host.data());
  if (const auto text = reader.text("OTEL_RESOURCE_ATTRIBUTES")) {
    if (auto pairs = parse_pairs(*text)) {
      for (auto& [key, value] : *pairs) set(resource, std::move(key), std::move(value));
    } else {
      reader.warn("OTEL_RESOURCE_ATTRIBUTES", "it must be KEY=VALUE,KEY=VALUE, percent-encoded");
    }
  }
  if (const auto name = reader.text("OTEL_SERVICE_NAME")) set(resource, kServiceName, *name);
  for (const auto& attribute : given) set(resource, attribute.key, attribute.value);
  return resource;
}

}  // namespace meshflow::telemetry
