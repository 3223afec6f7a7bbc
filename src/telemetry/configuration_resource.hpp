// Who sends the spans (OpenTelemetry resource SDK; semantic conventions, "Resource").
#pragma once

#include "meshflow/telemetry/attribute.hpp"
#include "telemetry/configuration_values.hpp"

namespace meshflow::telemetry {

// What is known of this process and SDK, under what OTEL_RESOURCE_ATTRIBUTES says, under OTEL_SERVICE_NAME, under
// `given`. service.name is "meshflow" where nobody names it; service.instance.id is random.
[[nodiscard]] Attributes resource_of(const Attributes& given, EnvironmentReader& reader);

}  // namespace meshflow::telemetry
