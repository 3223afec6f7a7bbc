// Attribute values of every type that OTLP's AnyValue has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace meshflow::telemetry {

struct AttributeValue;

// Bytes, told apart from text.
struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};
using AttributeArray = std::vector<AttributeValue>;
using AttributeMap = std::vector<std::pair<std::string, AttributeValue>>;  // in order; keys should be unique

// An owned value, possibly nested; std::monostate is OTLP's empty value.
struct AttributeValue {
  using Variant =
      std::variant<std::monostate, std::string, bool, std::int64_t, double, AttributeArray, AttributeMap, Bytes>;
  Variant value;

  AttributeValue() = default;
  AttributeValue(std::string text) : value(std::move(text)) {}              // NOLINT(google-explicit-constructor)
  AttributeValue(std::string_view text) : value(std::string(text)) {}       // NOLINT(google-explicit-constructor)
  AttributeValue(const char* text) : value(std::string(text)) {}            // NOLINT(google-explicit-constructor)
  AttributeValue(bool flag) : value(flag) {}                                // NOLINT(google-explicit-constructor)
  AttributeValue(int number) : value(std::int64_t{number}) {}               // NOLINT(google-explicit-constructor)
  AttributeValue(std::int64_t number) : value(number) {}                    // NOLINT(google-explicit-constructor)
  AttributeValue(double number) : value(number) {}                          // NOLINT(google-explicit-constructor)
  AttributeValue(AttributeArray array) : value(std::move(array)) {}         // NOLINT(google-explicit-constructor)
  AttributeValue(AttributeMap map) : value(std::move(map)) {}               // NOLINT(google-explicit-constructor)
  AttributeValue(Bytes bytes) : value(std::move(bytes)) {}                  // NOLINT(google-explicit-constructor)

  friend bool operator==(const AttributeValue&, const AttributeValue&) = default;
};

// A key and its value, owned.
struct Attribute {
  std::string key;
  AttributeValue value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};
using Attributes = std::vector<Attribute>;

}  // namespace meshflow::telemetry
