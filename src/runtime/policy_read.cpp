// Fields of a policy by name, as values: the way back of policy_values.cpp.
#include <type_traits>

#include "base/try.hpp"
#include "runtime/policy_values.hpp"

namespace meshflow {
namespace {

FieldValue value_of(bool value) { return value; }
FieldValue value_of(int value) { return std::int64_t{value}; }
FieldValue value_of(std::int64_t value) { return value; }
FieldValue value_of(double value) { return value; }
FieldValue value_of(const std::string& value) { return value; }
FieldValue value_of(const std::vector<std::string>& value) { return value; }
FieldValue value_of(const std::map<std::string, std::string>& value) { return value; }
FieldValue value_of(PolicyMode value) { return std::string(name_of(value)); }
FieldValue value_of(Risk value) { return std::string(name_of(value)); }
FieldValue value_of(ConsoleTelemetry value) {
  if (value.mode == ConsoleTelemetry::Mode::tree) return std::string("tree");
  return value.mode == ConsoleTelemetry::Mode::spans;
}

template <typename T>
std::optional<FieldValue> value_of(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  return value_of(*value);
}

}  // namespace

Result<std::optional<FieldValue>> field_value(const Policy& policy, std::string_view field) {
  MESHFLOW_TRY(const auto* const known, runtime::find_field(field));
  Policy copy = policy;  // places are written for setting: they want a policy that may change
  return std::visit([&](const auto& place) { return std::optional<FieldValue>(value_of(place(copy))); }, known->place);
}

}  // namespace meshflow
