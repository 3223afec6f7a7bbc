// What a Python function sees of its run: an AgentContext that is closed when the function ends.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "interpreter.hpp"
#include "meshflow/runtime/agent.hpp"
#include "meshflow/telemetry/span.hpp"

namespace meshflow::python {

// Used while the interpreter's lock is held.
class Context {
 public:
  explicit Context(AgentContext& context, std::shared_ptr<const ModelRequest> request = nullptr) noexcept
      : context_(&context), request_(std::move(request)) {}
  // The context, or an exception once the function has ended.
  [[nodiscard]] AgentContext& get() const;
  // Spans that the function left open end with it: none outlives the mesh that records it.
  void close() noexcept {
    context_ = nullptr;
    for (const auto& one : spans_) {
      if (const auto span = one.lock()) span->end();
    }
    spans_.clear();
  }
  void watch(const std::shared_ptr<telemetry::Span>& span) { spans_.push_back(span); }
  // What a model is asked; null for agents and tools.
  [[nodiscard]] const ModelRequest* request() const noexcept { return request_.get(); }

 private:
  AgentContext* context_;
  std::shared_ptr<const ModelRequest> request_;
  std::vector<std::weak_ptr<telemetry::Span>> spans_;
};

}  // namespace meshflow::python
