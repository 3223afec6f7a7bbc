// What inspection says of a request is what decoding says: over generated requests, and over damaged ones.
#include "otlp/inspect.hpp"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "generate.hpp"
#include "otlp/decode.hpp"
#include "otlp/encode.hpp"

namespace meshflow::otlp {
namespace {

// The ids of the spans that decoding kept, in order.
std::vector<SpanKey> keys_of(const TracesData& traces) {
  const auto number = [](const std::uint8_t* bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
    return value;
  };
  std::vector<SpanKey> keys;
  for (const auto& resource : traces.resource_spans) {
    for (const auto& scope : resource.scope_spans) {
      for (const auto& span : scope.spans) {
        keys.push_back({number(span.trace_id.data()), number(span.trace_id.data() + 8), number(span.span_id.data())});
      }
    }
  }
  return keys;
}

void expect_agreement(std::string_view bytes, const DecodeLimits& limits) {
  const auto decoded = decode_traces(bytes, limits);
  const auto inspected = inspect_traces(bytes, limits);
  ASSERT_EQ(decoded.has_value(), inspected.has_value()) << to_hex(bytes);
  if (!decoded) {
    EXPECT_EQ(decoded.error().code, inspected.error().code);
    EXPECT_EQ(decoded.error().message, inspected.error().message);
    return;
  }
  EXPECT_EQ(decoded->stats, inspected->stats) << to_hex(bytes);
  auto accepted = inspected->keys;
  std::erase(accepted, SpanKey{});
  EXPECT_EQ(keys_of(decoded->value), accepted);
  EXPECT_EQ(accepted.size(), inspected->accepted_spans());
}

TEST(OtlpInspect, AgreesWithDecodingOnGeneratedRequests) {
  test::Generator generator(7);
  for (int i = 0; i < 200; ++i) expect_agreement(encode(generator.traces()), {});
}

TEST(OtlpInspect, AgreesWithDecodingOnDamagedRequests) {
  test::Generator generator(11);
  std::mt19937 random(13);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = encode(generator.traces());
    if (bytes.empty()) continue;
    for (int change = 0; change < 1 + i % 4; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    expect_agreement(bytes, {});
  }
}

TEST(OtlpInspect, AgreesWithDecodingOnEachLimit) {
  test::Generator generator(17);
  for (int i = 0; i < 200; ++i) {
    const std::string bytes = encode(generator.traces());
    expect_agreement(bytes, {.input_bytes_max = bytes.size() - 1});
    expect_agreement(bytes, {.spans_max = 1});
    expect_agreement(bytes, {.attributes_max = 2});
    expect_agreement(bytes, {.value_depth_max = 1});
    expect_agreement(bytes, {.items_max = static_cast<std::size_t>(i)});
  }
}

}  // namespace
}  // namespace meshflow::otlp
