// Environment variables as a value, so that tests need not touch the process's own.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace meshflow {

// A snapshot of name → value. A value; safe to read concurrently.
class Environment {
 public:
  Environment() = default;
  explicit Environment(std::map<std::string, std::string, std::less<>> values) : values_(std::move(values)) {}
  // The process's environment as it is now.
  [[nodiscard]] static Environment of_process();

  // The value; an empty one counts as unset (OpenTelemetry specification, "Environment Variable Specification").
  // The view lives as long as this object.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  // True only for "true" in any case, as the same specification says; false when unset.
  [[nodiscard]] bool is_true(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace meshflow
