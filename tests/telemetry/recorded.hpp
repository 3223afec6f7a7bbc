// A provider whose spans a test reads back, decoded from the bytes that were exported.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "otlp/decode.hpp"
#include "telemetry/memory_exporter.hpp"
#include "telemetry/provider.hpp"

namespace meshflow::telemetry::test {

inline constexpr std::chrono::seconds kPatience{30};  // far more than anything takes; a test that waits so long fails

inline otlp::Span decoded(std::string_view bytes) {
  auto span = otlp::decode_span(bytes);
  EXPECT_TRUE(span) << (span ? "" : span.error().text());
  return span ? std::move(span->value) : otlp::Span{};
}

// Records into memory. One thread.
class Recorded {
 public:
  explicit Recorded(ProviderOptions options = {}) {
    std::vector<std::unique_ptr<SpanExporter>> exporters;
    exporters.push_back(std::make_unique<MemoryExporter>(store));
    provider = make_provider(std::move(options), std::move(exporters));
    tracer = provider->tracer({.name = "test"});
  }

  // Every span that ended, in the order of their end.
  std::vector<otlp::Span> spans() {
    EXPECT_TRUE(provider->flush(kPatience));
    std::vector<otlp::Span> all;
    for (const std::string& bytes : store->spans()) all.push_back(decoded(bytes));
    return all;
  }
  // The one that ended.
  otlp::Span only_span() {
    auto all = spans();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? otlp::Span{} : all.front();
  }

  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  std::unique_ptr<TracerProvider> provider;
  Tracer tracer;
};

// The value under `key`; fails where there is none or more than one.
inline otlp::AnyValue value_of(const otlp::KeyValueList& attributes, std::string_view key) {
  otlp::AnyValue value;
  int found = 0;
  for (const otlp::KeyValue& attribute : attributes) {
    if (attribute.key != key) continue;
    value = attribute.value;
    ++found;
  }
  EXPECT_EQ(found, 1) << key;
  return value;
}
inline otlp::AnyValue any(otlp::AnyValue::Variant value) { return {std::move(value)}; }
inline otlp::AnyValue text(std::string value) { return any(std::move(value)); }
inline otlp::AnyValue number(std::int64_t value) { return any(value); }

}  // namespace meshflow::telemetry::test
