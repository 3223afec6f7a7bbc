// What a Python function sees of its run: an AgentContext that is closed when the function ends.
#pragma once

#include "interpreter.hpp"
#include "meshflow/runtime/agent.hpp"

namespace meshflow::python {

// Used while the interpreter's lock is held.
class Context {
 public:
  explicit Context(AgentContext& context) noexcept : context_(&context) {}
  // The context, or an exception once the function has ended.
  [[nodiscard]] AgentContext& get() const;
  void close() noexcept { context_ = nullptr; }

 private:
  AgentContext* context_;
};

}  // namespace meshflow::python
