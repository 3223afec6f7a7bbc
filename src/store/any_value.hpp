// Attribute values as they lie in OTLP messages, read in place. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <protozero/pbf_reader.hpp>

namespace meshflow::store {

[[nodiscard]] inline std::string_view view(protozero::pbf_reader& in) {
  const auto bytes = in.get_view();
  return {bytes.data(), bytes.size()};
}
[[nodiscard]] inline protozero::pbf_reader reader_of(std::string_view message) {
  return {message.data(), message.size()};
}

// What stands in the store was checked when it came in: nothing here throws for it, and what damage of a file might
// make throw (protozero's exceptions) ends in the query's error.

// A KeyValue's parts.
struct KeyValueView {
  std::string_view key;
  std::string_view value;  // an AnyValue
};
[[nodiscard]] KeyValueView key_value_of(std::string_view message);

// The field of an AnyValue's oneof that counts: the last one.
struct Held {
  std::uint32_t tag = 0;  // of AnyValueField, with the wire type; 0: the value is empty
  std::string_view bytes;
  std::uint64_t number = 0;
  double real = 0;
};
[[nodiscard]] Held held_by(std::string_view value);

// Valid UTF-8.
[[nodiscard]] std::string clean(std::string_view text);
// The shortest decimal text; "NaN", "+Inf", "-Inf".
[[nodiscard]] std::string double_text(double number);

// An AnyValue as text: text as it is, "true", decimal integers, doubles in their shortest form, bytes in base64, arrays
// and lists as JSON.
[[nodiscard]] std::string string_of(std::string_view value);
// The same as JSON; `depth` counts the lists around it.
void append_json(std::string& out, std::string_view value, std::size_t depth = 0);
void append_json_text(std::string& out, std::string_view text);

}  // namespace meshflow::store
