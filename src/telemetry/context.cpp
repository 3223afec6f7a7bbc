#include "meshflow/telemetry/context.hpp"

#include "telemetry/trace_scope.hpp"

namespace meshflow::telemetry {

std::string_view trace_state_of(const Context& context) noexcept {
  return context.scope ? std::string_view(context.scope->trace_state) : std::string_view();
}

const Baggage& baggage_of(const Context& context) noexcept {
  static const Baggage kNone;
  return context.scope ? context.scope->baggage : kNone;
}

Context with_baggage(Context context, Baggage baggage) {
  auto scope = context.scope ? std::make_shared<TraceScope>(*context.scope) : std::make_shared<TraceScope>();
  scope->baggage = std::move(baggage);
  context.scope = std::move(scope);
  return context;
}

}  // namespace meshflow::telemetry
