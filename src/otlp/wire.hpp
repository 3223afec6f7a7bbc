// Writing OTLP protobuf straight into memory: what records a span while it happens.
//
// Every function takes the place to write to and returns the place after what it wrote. None checks room: the caller
// knows the size beforehand (the *_size functions are exact) or a bound on it. Nothing allocates, nothing throws.
// Encoding: https://protobuf.dev/programming-guides/encoding/. Fields are named by the enums of fields.hpp, as template
// arguments, so that a tag is a constant.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "otlp/fields.hpp"

namespace meshflow::otlp::wire {

static_assert(std::endian::native == std::endian::little, "fixed32 and fixed64 are copied as they lie in memory");

enum class Type : std::uint32_t { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };

inline constexpr std::size_t kVarintBytesMax = 10;

// Bytes that `value` takes as a varint: 1 to 10.
[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  // 7 bits a byte: ceil(bits / 7), as a multiplication.
  return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}

inline char* write_varint(char* out, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

template <auto kField, Type kType>
inline constexpr std::uint32_t kTag = static_cast<std::uint32_t>(kField) << 3 | static_cast<std::uint32_t>(kType);

// Bytes of a field's tag: 1 up to field 15, then 2. The same for every wire type.
template <auto kField>
inline constexpr std::size_t kTagSize = varint_size(kTag<kField, Type::varint>);

template <auto kField, Type kType>
char* write_tag(char* out) noexcept {
  return write_varint(out, kTag<kField, kType>);
}

inline char* write_bytes(char* out, const void* bytes, std::size_t size) noexcept {
  if (size > 0) std::memcpy(out, bytes, size);
  return out + size;
}

// ---- fields -------------------------------------------------------------------------------------------------------

template <auto kField>
[[nodiscard]] constexpr std::size_t varint_field_size(std::uint64_t value) noexcept {
  return kTagSize<kField> + varint_size(value);
}
template <auto kField>
char* write_varint_field(char* out, std::uint64_t value) noexcept {
  return write_varint(write_tag<kField, Type::varint>(out), value);
}

template <auto kField>
inline constexpr std::size_t kFixed32FieldSize = kTagSize<kField> + 4;
template <auto kField>
char* write_fixed32_field(char* out, std::uint32_t value) noexcept {
  return write_bytes(write_tag<kField, Type::fixed32>(out), &value, sizeof value);
}

template <auto kField>
inline constexpr std::size_t kFixed64FieldSize = kTagSize<kField> + 8;
template <auto kField>
char* write_fixed64_field(char* out, std::uint64_t value) noexcept {
  return write_bytes(write_tag<kField, Type::fixed64>(out), &value, sizeof value);
}

// Of strings, bytes and messages alike.
template <auto kField>
[[nodiscard]] constexpr std::size_t length_field_size(std::size_t body_size) noexcept {
  return kTagSize<kField> + varint_size(body_size) + body_size;
}
// Tag and length; the body of `body_size` bytes is the caller's to write next.
template <auto kField>
char* write_length_header(char* out, std::size_t body_size) noexcept {
  return write_varint(write_tag<kField, Type::length>(out), body_size);
}
template <auto kField>
char* write_length_field(char* out, std::string_view body) noexcept {
  return write_bytes(write_length_header<kField>(out, body.size()), body.data(), body.size());
}

// A message whose size is known only once its body stands: tag, one byte kept for the length, and then the body, which
// close_message moves up when its length needs more. Never needs more room than the finished field.
//   char* body = open_message<SpanField::events>(out);  char* end = …write at body…;  out = close_message(body, end);
template <auto kField>
[[nodiscard]] char* open_message(char* out) noexcept {
  return write_tag<kField, Type::length>(out) + 1;
}
[[nodiscard]] inline char* close_message(char* body, char* end) noexcept {
  const auto size = static_cast<std::size_t>(end - body);
  const std::size_t length_size = varint_size(size);
  if (length_size > 1) std::memmove(body + length_size - 1, body, size);
  write_varint(body - 1, size);
  return end + length_size - 1;
}

// ---- AnyValue -----------------------------------------------------------------------------------------------------
// value_size and write_value: the body of an AnyValue message for each type.

// Bytes, told apart from text.
struct BytesView {
  std::string_view data;
};

[[nodiscard]] constexpr std::size_t value_size(std::string_view text) noexcept {
  return length_field_size<AnyValueField::string_value>(text.size());
}
inline char* write_value(char* out, std::string_view text) noexcept {
  return write_length_field<AnyValueField::string_value>(out, text);
}

// Templates, so that nothing turns into bool, int64 or double unseen.
template <std::same_as<bool> T>
[[nodiscard]] constexpr std::size_t value_size(T) noexcept {
  return kTagSize<AnyValueField::bool_value> + 1;
}
template <std::same_as<bool> T>
char* write_value(char* out, T flag) noexcept {
  return write_varint_field<AnyValueField::bool_value>(out, flag ? 1 : 0);
}

template <std::same_as<std::int64_t> T>
[[nodiscard]] constexpr std::size_t value_size(T number) noexcept {
  return varint_field_size<AnyValueField::int_value>(static_cast<std::uint64_t>(number));
}
template <std::same_as<std::int64_t> T>
char* write_value(char* out, T number) noexcept {
  return write_varint_field<AnyValueField::int_value>(out, static_cast<std::uint64_t>(number));
}

template <std::same_as<double> T>
[[nodiscard]] constexpr std::size_t value_size(T) noexcept {
  return kFixed64FieldSize<AnyValueField::double_value>;
}
template <std::same_as<double> T>
char* write_value(char* out, T number) noexcept {
  return write_fixed64_field<AnyValueField::double_value>(out, std::bit_cast<std::uint64_t>(number));
}

[[nodiscard]] constexpr std::size_t value_size(BytesView bytes) noexcept {
  return length_field_size<AnyValueField::bytes_value>(bytes.data.size());
}
inline char* write_value(char* out, BytesView bytes) noexcept {
  return write_length_field<AnyValueField::bytes_value>(out, bytes.data);
}

// Any owned, possibly nested value: a struct whose member `value` is a variant of std::monostate (empty), std::string,
// bool, std::int64_t, double, a vector of such structs, a vector of (key, such struct), and a struct with the bytes in
// `data`. Recursive: the caller limits the depth of what comes from outside.
template <typename T>
concept NestedValue = requires(const T& any) {
  { std::holds_alternative<std::monostate>(any.value) } -> std::same_as<bool>;
};
template <NestedValue Any>
[[nodiscard]] std::size_t value_size(const Any& any) noexcept;
template <NestedValue Any>
char* write_value(char* out, const Any& any) noexcept;

// ---- KeyValue -----------------------------------------------------------------------------------------------------

// KeyValue.key: left out when empty, as proto3 does with defaults. (A value is written even when it is empty.)
[[nodiscard]] constexpr std::size_t key_size(std::string_view key) noexcept {
  return key.empty() ? 0 : length_field_size<KeyValueField::key>(key.size());
}
inline char* write_key(char* out, std::string_view key) noexcept {
  return key.empty() ? out : write_length_field<KeyValueField::key>(out, key);
}

// The body of a KeyValue message.
template <typename Value>
[[nodiscard]] constexpr std::size_t key_value_size(std::string_view key, const Value& value) noexcept {
  return key_size(key) + length_field_size<KeyValueField::value>(value_size(value));
}

// A KeyValue as field `kField` (SpanField::attributes, EventField::attributes, …), tag and length included.
// `Value`: std::string_view, bool, std::int64_t, double, BytesView or a NestedValue.
template <auto kField, typename Value>
[[nodiscard]] constexpr std::size_t attribute_size(std::string_view key, const Value& value) noexcept {
  return length_field_size<kField>(key_value_size(key, value));
}
template <auto kField, typename Value>
char* write_attribute(char* out, std::string_view key, const Value& value) noexcept {
  if constexpr (NestedValue<Value>) {
    char* const body = open_message<kField>(out);
    char* const value_body = open_message<KeyValueField::value>(write_key(body, key));
    return close_message(body, close_message(value_body, write_value(value_body, value)));
  } else {
    const std::size_t any_size = value_size(value);
    out = write_length_header<kField>(out, key_size(key) + length_field_size<KeyValueField::value>(any_size));
    out = write_key(out, key);
    return write_value(write_length_header<KeyValueField::value>(out, any_size), value);
  }
}

// ---- NestedValue, continued ---------------------------------------------------------------------------------------

// True for the alternative that holds bytes.
template <typename T>
concept BytesHolder = requires(const T& bytes) {
  { bytes.data } -> std::convertible_to<std::string_view>;
};

template <NestedValue Any>
std::size_t value_size(const Any& any) noexcept {
  const auto size_of = [](const auto& held) -> std::size_t {
    using Held = std::remove_cvref_t<decltype(held)>;
    if constexpr (std::same_as<Held, std::monostate>) {
      return 0;
    } else if constexpr (std::same_as<Held, std::vector<Any>>) {
      std::size_t size = 0;
      for (const Any& element : held) size += length_field_size<ListField::values>(value_size(element));
      return length_field_size<AnyValueField::array_value>(size);
    } else if constexpr (BytesHolder<Held>) {
      return value_size(BytesView{held.data});
    } else if constexpr (std::convertible_to<Held, std::string_view>) {
      return value_size(std::string_view(held));
    } else if constexpr (std::is_arithmetic_v<Held>) {
      return value_size(held);
    } else {
      std::size_t size = 0;
      for (const auto& [key, value] : held) size += attribute_size<ListField::values>(key, value);
      return length_field_size<AnyValueField::kvlist_value>(size);
    }
  };
  return any.value.valueless_by_exception() ? 0 : std::visit(size_of, any.value);
}

template <NestedValue Any>
char* write_value(char* out, const Any& any) noexcept {
  const auto write = [out](const auto& held) -> char* {
    using Held = std::remove_cvref_t<decltype(held)>;
    if constexpr (std::same_as<Held, std::monostate>) {
      return out;
    } else if constexpr (std::same_as<Held, std::vector<Any>>) {
      char* const body = open_message<AnyValueField::array_value>(out);
      char* end = body;
      for (const Any& element : held) {
        char* const element_body = open_message<ListField::values>(end);
        end = close_message(element_body, write_value(element_body, element));
      }
      return close_message(body, end);
    } else if constexpr (BytesHolder<Held>) {
      return write_value(out, BytesView{held.data});
    } else if constexpr (std::convertible_to<Held, std::string_view>) {
      return write_value(out, std::string_view(held));
    } else if constexpr (std::is_arithmetic_v<Held>) {
      return write_value(out, held);
    } else {
      char* const body = open_message<AnyValueField::kvlist_value>(out);
      char* end = body;
      for (const auto& [key, value] : held) end = write_attribute<ListField::values>(end, key, value);
      return close_message(body, end);
    }
  };
  return any.value.valueless_by_exception() ? out : std::visit(write, any.value);
}

}  // namespace meshflow::otlp::wire
