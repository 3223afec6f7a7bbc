// A model without a network: the same request gives the same answer, tokens, cost and uncertainty.
#pragma once

#include <chrono>
#include <memory>

#include "meshflow/runtime/agent.hpp"

namespace meshflow {

struct MockModelOptions {
  // Where `latency_max` is above zero each call takes a time between the two, a function of the request.
  std::chrono::milliseconds latency_min{0};
  std::chrono::milliseconds latency_max{0};
};

// What MESHFLOW_MOCK=1 selects. Thread-safe.
[[nodiscard]] std::shared_ptr<ModelProvider> mock_model(MockModelOptions options = {});

}  // namespace meshflow
