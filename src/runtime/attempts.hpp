// Tries of a call that may fail for a while: circuit breaker, pauses between tries, one rule for what is worth another.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "runtime/call_state.hpp"
#include "runtime/gate_spans.hpp"
#include "runtime/limits.hpp"

namespace meshflow::runtime {

// What a failed try says of the thing that was called.
struct TryJudgement {
  bool is_transient = false;  // another try may succeed
  bool counts = false;  // it is the callee's failure: the circuit breaker counts it
};

struct AttemptRules {
  std::string circuit;  // "model mock-large"
  std::string_view check;  // the policy check that an open circuit fails; lives forever
  int tries = 1;  // at most
  TryJudgement (*judge)(const Error& error) = nullptr;
};

// Calls `attempt(number)`, which gives a Task<Result<T>>, until it succeeds, is not worth another try, or the tries are
// used up. `pause_at_least`: asked after each failed try, for what a server demanded. Called on the strand, and returns
// on it.
template <typename T, typename Attempt, typename PauseAtLeast>
Task<Result<T>> try_again(std::shared_ptr<CallState> call, AttemptRules rules, Attempt attempt,
                          PauseAtLeast pause_at_least) {
  RunState& run = *call->run;
  CircuitBreakers& breakers = *run.services->breakers;
  for (int number = 1;; ++number) {
    if (call->cancellation.reason()) co_return tl::unexpected(*call->cancellation.reason());
    if (auto allowed = breakers.allow(rules.circuit); !allowed) {
      record_policy_check(run, call->node_span, call->node_id, check_failed(rules.check, allowed.error()));
      co_return tl::unexpected(allowed.error());
    }
    auto result = co_await attempt(number);
    if (result) {
      breakers.succeeded(rules.circuit);
      co_return result;
    }
    const TryJudgement judgement = rules.judge(result.error());
    if (judgement.counts) {
      breakers.failed(rules.circuit);
    } else {
      breakers.abandoned(rules.circuit);
    }
    if (!judgement.is_transient || number >= rules.tries) co_return result;
    const auto pause = std::max(backoff_before(run.policy(), number + 1), pause_at_least());
    if (auto slept = co_await SleepLimited(call->waiting(), pause); !slept) co_return tl::unexpected(slept.error());
  }
}

// The same, where nobody demands a pause.
template <typename T, typename Attempt>
Task<Result<T>> try_again(std::shared_ptr<CallState> call, AttemptRules rules, Attempt attempt) {
  const auto none = [] { return std::chrono::nanoseconds::zero(); };
  return try_again<T>(std::move(call), std::move(rules), std::move(attempt), none);
}

}  // namespace meshflow::runtime
