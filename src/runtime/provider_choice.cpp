#include "runtime/provider_choice.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include <fmt/format.h>

#include "meshflow/runtime/mock_model.hpp"

namespace meshflow::runtime {
namespace {

constexpr const char* kUseMock =
    "set MESHFLOW_MOCK=1 for the built-in mock model, or give the Mesh a ModelProvider of your own";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

bool wants_mock(const Environment& environment) {
  const std::string value = lower(environment.get("MESHFLOW_MOCK").value_or(""));
  return value == "1" || value == "true" || value == "yes";
}

Result<std::shared_ptr<ModelProvider>> choose_provider(const Environment& environment) {
  if (wants_mock(environment)) return mock_model();
  if (const auto named = environment.get("MESHFLOW_PROVIDER")) {
    if (lower(*named) == "mock") return mock_model();
    return fail(ErrorCode::unsupported, fmt::format("MESHFLOW_PROVIDER={}: this version has no such provider", *named),
                kUseMock);
  }
  for (const char* name : {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_HOST"}) {
    if (environment.get(name)) {
      return fail(ErrorCode::unsupported, fmt::format("{} is set, but this version has no provider that uses it", name),
                  kUseMock);
    }
  }
  return fail(
      ErrorCode::invalid_argument,
      "no model provider is configured: none of MESHFLOW_MOCK, MESHFLOW_PROVIDER, ANTHROPIC_API_KEY, OPENAI_API_KEY "
      "and OLLAMA_HOST is set",
      kUseMock);
}

}  // namespace meshflow::runtime
