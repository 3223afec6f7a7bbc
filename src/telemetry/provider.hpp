// How to build a TracerProvider: what the environment or a policy configured, as one value.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "meshflow/telemetry/attribute.hpp"
#include "meshflow/telemetry/tracer.hpp"
#include "telemetry/exporter.hpp"

namespace meshflow::telemetry {

// OpenTelemetry specification, "Span Limits" and "Attribute Limits". What passes a limit is cut (values) or dropped
// and counted (all else).
struct SpanLimits {
  std::uint32_t attribute_count = 128;
  std::uint32_t event_count = 128;
  std::uint32_t link_count = 128;
  std::uint32_t event_attribute_count = 128;
  std::uint32_t link_attribute_count = 128;
  // In characters for text and in bytes for bytes; inside arrays and maps it holds for each element.
  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  std::size_t attribute_value_length = kNoLimit;
};

// OpenTelemetry specification, "Batching processor". Values of zero or less count as one (a delay: as no delay), and
// a batch larger than the queue as one of the queue's size.
struct BatchOptions {
  std::chrono::milliseconds schedule_delay{5000};
  std::chrono::milliseconds export_timeout{30000};
  std::size_t max_queue_size = 2048;  // spans; bounds the processor's queue and that of each waiting exporter
  std::size_t max_export_batch_size = 512;
};

// OpenTelemetry specification, "Built-in samplers". `ratio` counts for the two traceidratio kinds: 0 to 1.
struct SamplerOptions {
  enum class Kind : std::uint8_t {
    always_on,
    always_off,
    traceidratio,
    parentbased_always_on,
    parentbased_always_off,
    parentbased_traceidratio,
  };
  Kind kind = Kind::parentbased_always_on;
  double ratio = 1.0;
};

struct ProviderOptions {
  Attributes resource{};
  std::string resource_schema_url{};
  SpanLimits limits{};
  BatchOptions batch{};
  SamplerOptions sampler{};
  // Where time comes from; must outlive every span. Null: the operating system's clock. Schedule and time limits
  // always follow the real monotonic clock.
  const Clock* clock = nullptr;
  // OTEL_SDK_DISABLED: spans are not recorded and carry their parent's context; no thread is started.
  bool disabled = false;
  // How long the provider's destructor waits.
  std::chrono::milliseconds shutdown_timeout{5000};
};

// A running pipeline that gives every ended span to each of `exporters`. Its threads start with the first span.
[[nodiscard]] std::unique_ptr<TracerProvider> make_provider(ProviderOptions options,
                                                            std::vector<std::unique_ptr<SpanExporter>> exporters);

}  // namespace meshflow::telemetry
