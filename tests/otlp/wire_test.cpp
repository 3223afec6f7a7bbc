// Bytes worked out by hand from the protobuf encoding guide.
#include "otlp/wire.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "otlp/model.hpp"

namespace meshflow::otlp::wire {
namespace {

// Hex digits without the spaces that group them.
std::string digits(std::string_view grouped) {
  std::string out(grouped);
  std::erase(out, ' ');
  return out;
}

// What `write` writes, as hex.
template <typename Write>
std::string written(Write write) {
  char buffer[4096];
  char* const end = write(static_cast<char*>(buffer));
  return to_hex(std::string_view(buffer, static_cast<std::size_t>(end - buffer)));
}

std::string varint(std::uint64_t value) {
  return written([&](char* out) { return write_varint(out, value); });
}

template <typename Value>
std::string attribute(std::string_view key, const Value& value) {
  std::string hex = written([&](char* out) { return write_attribute<SpanField::attributes>(out, key, value); });
  EXPECT_EQ(hex.size() / 2, attribute_size<SpanField::attributes>(key, value));
  return hex;
}

TEST(Wire, VarintsHaveSevenBitsAByteLowestFirst) {
  EXPECT_EQ(varint(0), "00");
  EXPECT_EQ(varint(1), "01");
  EXPECT_EQ(varint(127), "7f");
  EXPECT_EQ(varint(128), "8001");
  EXPECT_EQ(varint(150), "9601");  // the guide's example
  EXPECT_EQ(varint(std::numeric_limits<std::uint64_t>::max()), "ffffffffffffffffff01");
}

TEST(Wire, VarintSizesAreExactAtEveryPowerOfTwo) {
  for (int bits = 0; bits < 64; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    for (const std::uint64_t value : {power - 1, power, power + 1}) {
      EXPECT_EQ(varint_size(value), varint(value).size() / 2) << value;
    }
  }
  EXPECT_EQ(varint_size(std::numeric_limits<std::uint64_t>::max()), kVarintBytesMax);
}

TEST(Wire, TagsHoldFieldNumberAndWireType) {
  EXPECT_EQ(written([](char* out) { return write_fixed64_field<SpanField::start_time_unix_nano>(out, 1); }),
            "390100000000000000");  // 7 << 3 | 1
  EXPECT_EQ(written([](char* out) { return write_fixed32_field<SpanField::flags>(out, 0x101); }),
            "850101010000");  // 16 << 3 | 5 = 133
  EXPECT_EQ(kFixed32FieldSize<SpanField::flags>, 6u);
  EXPECT_EQ(written([](char* out) { return write_varint_field<SpanField::kind>(out, 3); }), "3003");
  EXPECT_EQ(written([](char* out) { return write_length_field<SpanField::name>(out, "run"); }), "2a0372756e");
  EXPECT_EQ(written([](char* out) { return write_length_field<SpanField::name>(out, ""); }), "2a00");
}

TEST(Wire, AttributesOfEveryScalarType) {
  // 4a: field 9; then the KeyValue's size; 0a 01 6b: the key "k"; 12: the value; then the AnyValue's size.
  EXPECT_EQ(attribute("k", std::string_view("hi")), digits("4a09 0a016b 1204 0a026869"));
  EXPECT_EQ(attribute("k", true), digits("4a07 0a016b 1202 1001"));
  EXPECT_EQ(attribute("k", false), digits("4a07 0a016b 1202 1000"));
  EXPECT_EQ(attribute("k", std::int64_t{150}), digits("4a08 0a016b 1203 189601"));
  EXPECT_EQ(attribute("k", std::int64_t{-1}), digits("4a10 0a016b 120b 18ffffffffffffffffff01"));
  EXPECT_EQ(attribute("k", 1.0), digits("4a0e 0a016b 1209 21000000000000f03f"));
  EXPECT_EQ(attribute("k", BytesView{std::string_view("\x00\xff", 2)}), digits("4a09 0a016b 1204 3a0200ff"));
}

TEST(Wire, AnEmptyKeyIsLeftOutAndAnEmptyValueIsNot) {
  EXPECT_EQ(attribute("", true), digits("4a04 1202 1001"));
  EXPECT_EQ(attribute("", AnyValue{}), digits("4a02 1200"));
}

TEST(Wire, AttributesOfNestedTypes) {
  EXPECT_EQ(attribute("k", AnyValue{}), digits("4a05 0a016b 1200"));
  EXPECT_EQ(attribute("k", AnyValue{std::string("hi")}), attribute("k", std::string_view("hi")));
  EXPECT_EQ(attribute("k", AnyValue{Bytes{"hi"}}), attribute("k", BytesView{"hi"}));
  // An array [1, empty]: 2a: array_value; 0a: each element.
  EXPECT_EQ(attribute("k", AnyValue{ArrayValue{AnyValue{std::int64_t{1}}, AnyValue{}}}),
            digits("4a0d 0a016b 1208 2a06 0a021801 0a00"));
  // A list {x: true}.
  EXPECT_EQ(attribute("k", AnyValue{KeyValueList{{"x", AnyValue{true}}}}),
            digits("4a10 0a016b 120b 3209 0a07 0a0178 1202 1001"));
}

TEST(Wire, AMessageWhoseLengthNeedsMoreBytesIsMovedUp) {
  for (const std::size_t size : {0u, 127u, 128u, 3000u}) {
    const std::string text(size, 'a');
    const std::string open = written([&](char* out) {
      char* const body = open_message<SpanField::events>(out);
      return close_message(body, write_bytes(body, text.data(), text.size()));
    });
    EXPECT_EQ(open, written([&](char* out) { return write_length_field<SpanField::events>(out, text); })) << size;
  }
}

}  // namespace
}  // namespace meshflow::otlp::wire
