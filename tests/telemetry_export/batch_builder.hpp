// Batches as the processor hands them to exporters, from spans given as values.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "otlp/encode.hpp"
#include "otlp/model.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::test {

// Owns the bytes that its batch points to. Scopes are told apart by name.
class BatchBuilder {
 public:
  BatchBuilder() {
    resource_ = otlp::encode(otlp::Resource{
        .attributes = {{"service.name", {std::string("meshflow")}}}, .dropped_attributes_count = 0, .entity_refs = {}});
    batch_.resource = resource_;
  }

  BatchBuilder& add(const otlp::Span& span, const std::string& scope = "meshflow", std::int64_t root_start = 0) {
    const std::string bytes = otlp::encode(
        otlp::InstrumentationScope{.name = scope, .version = "", .attributes = {}, .dropped_attributes_count = 0});
    std::uint32_t index = 0;
    while (index < batch_.scopes.size() && batch_.scopes[index].scope != bytes) ++index;
    if (index == batch_.scopes.size()) batch_.scopes.push_back({kept_.emplace_back(bytes), "", {}});
    auto& spans = batch_.scopes[index].spans;
    spans.push_back(kept_.emplace_back(otlp::encode(span)));
    batch_.order.push_back({index, static_cast<std::uint32_t>(spans.size() - 1), root_start});
    ++batch_.span_count;
    batch_.span_bytes += spans.back().size();
    return *this;
  }

  [[nodiscard]] const telemetry::SpanBatch& batch() const { return batch_; }

 private:
  std::string resource_;
  std::deque<std::string> kept_;
  telemetry::SpanBatch batch_;
};

// A span with id `number` in the last byte, in a trace whose id is 0xAA sixteen times.
inline otlp::Span make_span(const std::string& name, std::uint8_t number, std::uint8_t parent = 0) {
  otlp::Span span;
  span.trace_id.fill(0xAA);
  span.span_id[7] = number;
  span.parent_span_id[7] = parent;
  span.name = name;
  span.start_time_unix_nano = 1'000'000'000;
  span.end_time_unix_nano = 1'001'000'000;
  return span;
}

inline otlp::KeyValue attribute(std::string key, otlp::AnyValue::Variant value) {
  return {std::move(key), {std::move(value)}};
}

}  // namespace meshflow::test
