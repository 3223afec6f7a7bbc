// Which model answers, by the environment.
#pragma once

#include <memory>

#include "base/environment.hpp"
#include "meshflow/runtime/agent.hpp"

namespace meshflow::runtime {

// In this order: MESHFLOW_MOCK; MESHFLOW_PROVIDER; ANTHROPIC_API_KEY; OPENAI_API_KEY; OLLAMA_HOST; otherwise an Error
// that lists these. This version has the mock model only: the others are Errors that say so.
[[nodiscard]] Result<std::shared_ptr<ModelProvider>> choose_provider(const Environment& environment);

// MESHFLOW_MOCK = 1, true, yes, in any case.
[[nodiscard]] bool wants_mock(const Environment& environment);

}  // namespace meshflow::runtime
