// An instrumentation scope as spans and batches refer to it.
#pragma once

#include <string>

#include "meshflow/telemetry/tracer.hpp"

namespace meshflow::telemetry {

// Immutable; owned by its provider and as old as it, so that spans and batches point to it freely.
struct TracerCore {
  ProviderCore& provider;
  Scope scope;
  std::string encoded_scope;   // OTLP InstrumentationScope message
  TracerCore* next = nullptr;  // in the provider's list
};

}  // namespace meshflow::telemetry
